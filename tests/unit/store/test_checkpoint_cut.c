/* SPDX-License-Identifier: Apache-2.0 */
/* pytest: campaign */
/* A store with a log, whose checkpoints run in their thread beside further changes: its process dies, or
 * power fails, at any call of either thread.  What was answered before is there, and at most the batch
 * that was under way besides. */
#include "tests/unit/support/store_setup.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { PATTERNS = 8, THREAD_TESTS = 2 };

static time_t began;  /* when the running test began */
static int *answered; /* batches, the template's included; shared with children */

/* Set what the store is after so many batches. */
static void set_model(struct model *m, int count)
{
    memset(m, 0, sizeof(*m));
    for (int i = 0; i < count && i < BATCHES; i++)
        apply_all(m, batches[i]);
}

/* Run the batches, and after each begin a checkpoint; wait for those whose bit is set.  So others run beside
 * one, two or more batches. */
static void live_beside_checkpoints(unsigned waits)
{
    enum status answer[STEPS_MAX];

    while (*answered < BATCHES) {
        run(batches[*answered], answer);
        __atomic_add_fetch(answered, 1, __ATOMIC_SEQ_CST);
        store_ask_checkpoint(writer.store, store_saving(writer.store).next);
        store_step(writer.store);
        if (waits >> *answered & 1)
            store_save(writer.store, &problem);
    }
}

/* Check, in this process, that a store is what it was after `count` batches, or one more. */
static void check_either(const char *file, int count)
{
    struct model before, after;

    set_model(&before, count);
    set_model(&after, count + 1);
    if (!start(file))
        fail_msg("%s", problem.message);
    check_all(store_is(&after) ? &after : &before);
    stop();
}

/* Return true if the process died at call `at`, and false if it made fewer. */
static bool live_and_die(int at, unsigned waits)
{
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
        live_beside_checkpoints(waits);
        stop();
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) &&
                (WEXITSTATUS(status) == DISK_DIED || WEXITSTATUS(status) == 2));
    return WEXITSTATUS(status) == DISK_DIED;
}

/* True if there is to be another round; `make torture` makes them as long as there is time. */
static bool another_round(unsigned done, unsigned least)
{
    const char *most = getenv("TORTURE_SECONDS");

    if (done == 0)
        began = time(NULL);
    return done < least || (most != NULL && time(NULL) - began < atoi(most) / THREAD_TESTS);
}

static unsigned pattern(unsigned round)
{
    return round < PATTERNS ? round * 0x5bU : randombytes_uniform(1U << BATCHES);
}

static void a_process_that_dies_amid_a_checkpoint_leaves_what_was_answered(void **state)
{
    (void)state;
    int deaths = 0;

    for (unsigned round = 0; another_round(round, 2); round++)
        for (int at = 0; live_and_die(at, pattern(round)); at = next_call(at, 400, 80), deaths++)
            check_either(path, *answered);
    assert_true(deaths > 60);
}

/* Return true if power failed at call `at`, and false if there were fewer. */
static bool live_and_cut(int at, unsigned waits, unsigned seed)
{
    int status;

    *answered = 1;
    pid_t child = fork();
    if (child == 0) {
        copy_template();
        disk.seed = seed;
        disk.cut_at = at;
        disk.progress = answered;
        assert_true(start(path));
        disk.armed = true;
        live_beside_checkpoints(waits);
        stop();
        disk.armed = false;
        if (!disk.was_cut)
            _exit(2);
        restore_other();
        check_either(other_path, disk.progress_at_cut);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 2))
        fail_msg("power failed at call %d of pattern %u with seed %u", at, waits, seed);
    return WEXITSTATUS(status) == 0;
}

static void a_power_cut_amid_a_checkpoint_leaves_what_was_answered(void **state)
{
    (void)state;
    int cuts = 0;

    for (unsigned round = 0; another_round(round, 2); round++)
        for (int at = 0; live_and_cut(at, pattern(round), round * 1000 + (unsigned)at);
             at = next_call(at, 400, 80), cuts++)
            ;
    assert_true(cuts > 60);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_THREAD(a_process_that_dies_amid_a_checkpoint_leaves_what_was_answered),
        WITH_THREAD(a_power_cut_amid_a_checkpoint_leaves_what_was_answered),
    };

    answered = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return answered != MAP_FAILED && prepare(argc, argv) ?
               cmocka_run_group_tests(tests, NULL, NULL) :
               1;
}
