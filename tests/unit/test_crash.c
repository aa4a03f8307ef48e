/* SPDX-License-Identifier: Apache-2.0 */
/* What a store is after its process died, or the power went, at any call it makes. */
#include "tests/unit/life.h"

#include <sys/mman.h>
#include <sys/wait.h>

/* One of two models is true: a batch was on its way. */
static void check_either(const char *file, const struct model *before, const struct model *after)
{
    assert_true(start(file));
    bool done = store_is(after);
    check_all(done ? after : before);
    stop();
}

/* A process that runs the batches, counts those that were answered, and dies at a call. */
static void live_and_die(int at, int *answered)
{
    enum status answer[STEPS_MAX];
    int status;

    unlink(path);
    copy_file(template_path, path);
    disk_insert(path);
    disk.tracked = false;
    *answered = 1;
    pid_t child = fork();
    if (child == 0) {
        disk.die_at = at;
        if (!start(path))
            _exit(1);
        disk.armed = true;
        for (; *answered < BATCHES; ++*answered)
            run(batches[*answered], answer);
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), DISK_DIED);
}

static void a_process_that_dies_leaves_what_was_answered(void **state)
{
    (void)state;
    int count = calls_of_a_life(CALL_ANY);
    int *answered = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                         -1, 0);

    for (int i = 0; i < count; i = next_call(i, count, 30)) {
        live_and_die(i, answered);
        struct model before = { { 0 } }, after;
        for (int k = 0; k < *answered; k++)
            apply_all(&before, batches[k]);
        after = before;
        apply_all(&after, batches[*answered]);
        struct store *reader = store_open(path, STORE_READ, &problem);
        assert_true(reader != NULL || problem.status == STATUS_BUSY);
        store_close(reader);
        check_either(path, &before, &after);
    }
    munmap(answered, sizeof(int));
}

/* How many calls a creation made, or -1 if it died. */
static int create_and_die(int die_at)
{
    int status, *count = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    unlink(path);
    disk_insert(NULL);
    disk.die_at = die_at;
    pid_t child = fork();
    if (child == 0) {
        disk.armed = true;
        bool started = start(path);
        *count = disk.count;
        _exit(started ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), die_at < 0 ? 0 : DISK_DIED);
    int made = *count;
    munmap(count, sizeof(int));
    return made;
}

static void a_creation_that_dies_is_begun_anew(void **state)
{
    (void)state;
    static const struct model empty;
    int count = create_and_die(-1);

    assert_true(count > 20);
    for (int i = 0; i < count; i = next_call(i, count, 5)) {
        create_and_die(i);
        check_either(path, &empty, &empty);
    }
}

/* What the power that went in a batch may have left: any state the store was known to be in, or
 * may be in, from before that batch on. */
static void check_cut(const struct model *may, int count)
{
    unlink(other_path);
    disk_restore(other_path);
    assert_true(start(other_path));
    int true_one = -1;
    for (int k = 0; k < count; k++)
        true_one = store_is(&may[k]) ? k : true_one;
    assert_in_range(true_one, 0, count - 1);
    check_all(&may[true_one]);
    stop();
}

/* The power goes at one call, after another has failed (-1: none). */
static void cut_power(int at, int failing, unsigned seed)
{
    struct model may[3 * MODELS_MAX], known;
    int count = 0;

    begin_life();
    known = model[0];
    disk.seed = seed;
    disk.cut_at = at;
    disk.error = EIO;
    disk.fail_from = failing;
    disk.fail_count = 1;
    disk.armed = true;
    for (int i = 1; i < BATCHES && disk.image_size == 0; i++) {
        count = 0;
        add_model(may, &count, &known);
        for (int k = 0; k < models; k++)
            add_model(may, &count, &model[k]);
        run_and_follow(batches[i]);
        for (int k = 0; k < followed_count; k++)
            add_model(may, &count, &followed[k]);
        if (models == 1 && !writer.recovery.broken && writer.recovery.held.count == 0)
            known = model[0];
    }
    stop();
    disk.armed = false;
    if (disk.image_size > 0)
        check_cut(may, count);
}

static void power_that_goes_leaves_what_was_answered(void **state)
{
    (void)state;
    int count = calls_of_a_life(CALL_ANY);

    for (unsigned seed = 0; seed < 2; seed++)
        for (int i = 0; i < count; i = next_call(i, count, 30))
            cut_power(i, -1, seed);
}

static void power_that_goes_after_a_failure_leaves_what_was_answered(void **state)
{
    (void)state;
    int count = calls_of_a_life(CALL_ANY);

    for (int failing = 0; failing < count; failing++)
        for (int i = failing + 1 + failing % 2; i < failing + 24; i += 2)
            cut_power(i, failing, (unsigned)i);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOM(a_process_that_dies_leaves_what_was_answered),
        WITHOUT_ROOM(a_process_that_dies_leaves_what_was_answered),
        WITH_ROOM(a_creation_that_dies_is_begun_anew),
        WITH_ROOM(power_that_goes_leaves_what_was_answered),
        WITHOUT_ROOM(power_that_goes_leaves_what_was_answered),
        WITH_ROOM(power_that_goes_after_a_failure_leaves_what_was_answered),
    };

    return prepare(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
