/* SPDX-License-Identifier: Apache-2.0 */
/* pytest: campaign */
/* A store after its process died, or power failed, at any call that it makes. */
#include "tests/unit/support/store_setup.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { POWER_TESTS = 6 };

static time_t began; /* when the running test began */
static unsigned first_seed;

/* Check that one of two models matches: the store from before a batch, or from after it. */
static void check_either(const char *file, const struct model *before, const struct model *after)
{
    assert_true(start(file));
    bool done = store_is(after);
    check_all(done ? after : before);
    stop();
}

/* Run the batches in a process that counts those that were answered, and dies at a call. */
static void live_and_die(int at, int *answered)
{
    enum status answer[STEPS_MAX];
    int status;

    copy_template();
    disk.tracked = false;
    *answered = 1;
    pid_t child = fork();
    if (child == 0) {
        disk.die_at = at;
        if (!start(path))
            _exit(1);
        disk.armed = true;
        for (; *answered < BATCHES; ++*answered) {
            run(batches[*answered], answer);
            checkpoint_after(*answered);
        }
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), DISK_DIED);
}

static void a_process_that_dies_leaves_what_was_answered(void **state)
{
    (void)state;
    int count = calls_of_a_life(CALL_ANY);
    int *answered = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                         0);

    for (int i = 0; i < count; i = next_call(i, count, 12)) {
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

/* Create a store in a process that dies at a call (-1: none).  Return how many calls it made. */
static int create_and_die(int die_at)
{
    int status,
        *count = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    unlink(path);
    disk_simulate(NULL);
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

/* Check, in another process, what a power failure in a batch left: any state that the store was
 * known to have, or may have had, from before that batch on. */
static void check_cut(const struct model *may, int count)
{
    int status;

    restore_other();
    pid_t child = fork();
    if (child == 0) {
        int true_one = -1;
        assert_true(start(other_path));
        for (int k = 0; k < count; k++)
            true_one = store_is(&may[k]) ? k : true_one;
        assert_in_range(true_one, 0, count - 1);
        check_all(&may[true_one]);
        stop();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        print_error("power failed at call %d, with seed %u, after call %d had failed (-1: none)\n",
                    disk.cut_at, disk.seed, disk.fail_from);
    assert_int_equal(status, 0);
}

/* Note what the store may be now: what it was known to be last, or any of the models. */
static void note_possible(struct model *may, int *count, const struct model *known)
{
    *count = 0;
    add_model(may, count, known);
    for (int k = 0; k < models; k++)
        add_model(may, count, &model[k]);
}

/* Run the batches from `first` on; power fails at call `at`, after call `failing` has failed (-1:
 * none).  Return false if there were not so many calls. */
static bool cut_power(int first, int at, int failing)
{
    struct model may[3 * MODELS_MAX], known = model[0];
    int count = 0;

    add_model(may, &count, &known);
    disk.cut_at = at;
    disk.error = EIO;
    disk.fail_from = failing;
    disk.fail_count = 1;
    disk.armed = true;
    if (first == 0)
        assert_true(start(path));
    for (int i = first; i < BATCHES && !disk.was_cut; i++) {
        note_possible(may, &count, &known);
        run_and_update(batches[i]);
        for (int k = 0; k < after_batch_count; k++)
            add_model(may, &count, &after_batch[k]);
        if (models == 1 && !writer.disk_failure.broken && writer.disk_failure.unsaved.count == 0)
            known = model[0];
        if (disk.was_cut)
            break;
        note_possible(may, &count, &known);
        checkpoint_after(i);
    }
    stop();
    disk.armed = false;
    if (disk.was_cut)
        check_cut(may, count);
    return disk.was_cut;
}

static bool cut_a_life(int at, int failing, unsigned seed)
{
    begin_life();
    disk.seed = seed;
    return cut_power(1, at, failing);
}

/* Let power fail from the creation of the store on. */
static bool cut_a_creation(int at, unsigned seed)
{
    unlink(path);
    disk_simulate_next();
    disk.seed = seed;
    models = 1;
    memset(model, 0, sizeof(model));
    return cut_power(0, at, -1);
}

/* True if another seed is to be tried.  `make torture` tries seeds as long as there is time,
 * beginning with a random one. */
static bool another_seed(unsigned done, unsigned least)
{
    const char *most = getenv("TORTURE_SECONDS");

    if (done == 0) {
        began = time(NULL);
        first_seed = most != NULL ? randombytes_uniform(1U << 20) : 0;
    }
    return done < least || (most != NULL && time(NULL) - began < atoi(most) / POWER_TESTS);
}

static void a_power_cut_leaves_what_was_answered(void **state)
{
    (void)state;
    int count = calls_of_a_life(CALL_ANY);

    for (unsigned seed = 0; another_seed(seed, 2); seed++)
        for (int i = 0; i < count; i = next_call(i, count, 12))
            assert_true(cut_a_life(i, -1, first_seed + seed));
}

static void a_power_cut_after_a_failure_leaves_what_was_answered(void **state)
{
    (void)state;
    int count = calls_of_a_life(CALL_ANY), cuts = 0, failures = 0;

    for (unsigned seed = 0; another_seed(seed, 1); seed++)
        for (int failing = 0; failing < count; failing = next_call(failing, count, 16), failures++)
            for (int i = failing + 1 + failing % 2; i < failing + 24; i += 2)
                cuts += cut_a_life(i, failing, first_seed + seed + (unsigned)i);
    print_message("%d calls, %d failures, %d cuts\n", count, failures, cuts);
    assert_true(failures > 32 && cuts > 6 * failures);
}

static void a_power_cut_in_a_creation_leaves_what_was_answered(void **state)
{
    (void)state;
    assert_false(cut_a_creation(INT_MAX, 0));
    int count = disk.count;

    for (unsigned seed = 0; another_seed(seed, 1); seed++)
        for (int i = 0; i < count; i = next_call(i, count, 8))
            assert_true(cut_a_creation(i, first_seed + seed));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_SPACE(a_process_that_dies_leaves_what_was_answered),
        WITHOUT_SPACE(a_process_that_dies_leaves_what_was_answered),
        WITH_LOG(a_process_that_dies_leaves_what_was_answered),
        WITH_SPACE(a_creation_that_dies_is_begun_anew),
        WITH_SPACE(a_power_cut_leaves_what_was_answered),
        WITHOUT_SPACE(a_power_cut_leaves_what_was_answered),
        WITH_LOG(a_power_cut_leaves_what_was_answered),
        WITH_SPACE(a_power_cut_after_a_failure_leaves_what_was_answered),
        WITH_LOG(a_power_cut_after_a_failure_leaves_what_was_answered),
        WITH_SPACE(a_power_cut_in_a_creation_leaves_what_was_answered),
    };

    return prepare(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
