/* SPDX-License-Identifier: Apache-2.0 */
/* pytest: campaign */
/* A store with a log on a disk that fails again and again, in one of the files or both, while its process
 * dies and starts, until power fails.  Here only what each token may be is known, not the store as a whole:
 * after an answer, what that says; after ERR store, also what it was before. */
#include "tests/unit/support/store_setup.h"

#include <sys/wait.h>
#include <time.h>

enum { BATCHES_OF_A_LIFE = 24, LIVES = 120, SERIES_TESTS = 3 };

/* Sets of enum fate, one bit each; `pending`: kinds of denials that are perhaps saved later. */
static struct {
    uint8_t fates[TOKENS];
    uint8_t pending[TOKENS];
} may;

static const struct change_kind *const kinds[] = {
    &change_import,  &change_import, &change_import, &change_revoke,
    &change_disable, &change_enable, &change_delete, &change_ban,
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static uint32_t random_state;

static unsigned random_below(unsigned bound)
{
    random_state = random_state * UINT32_C(1664525) + UINT32_C(1013904223);
    return (random_state >> 8) % bound;
}

/* -- what may be ------------------------------------------------------------------------------ */

/* Apply a step to one fate; return the answer. */
static enum status apply_to(uint8_t token, uint8_t *fate, const struct change_kind *kind)
{
    struct model m = { { 0 } };
    const struct step s = { kind, token, 0 };

    m.fate[token] = *fate;
    enum status status = apply(&m, &s);
    *fate = m.fate[token];
    return status;
}

/* Return the set of what the fates of a set become by a step that is answered so (STATUS_STORE: in any way). */
static uint8_t applied(uint8_t token, uint8_t set, const struct change_kind *kind,
                       enum status answer)
{
    uint8_t result = 0;

    for (uint8_t fate = ABSENT; fate <= BANNED; fate++) {
        uint8_t after = fate;
        if ((set >> fate & 1) == 0)
            continue;
        enum status status = apply_to(token, &after, kind);
        if (answer == STATUS_STORE || status == answer)
            result |= (uint8_t)(1U << after);
    }
    return result;
}

static void note_answer(const struct step *s, enum status answer)
{
    uint8_t *set = &may.fates[s->token], *pending = &may.pending[s->token], before = *set;

    *set = applied(s->token, before, s->kind, answer);
    if (answer == STATUS_STORE)
        *set |= before;
    for (unsigned k = 0; answer == STATUS_STORE && k < KINDS; k++)
        if (kinds[k] == s->kind && (s->kind->deny != 0 || s->kind->denies))
            *pending |= (uint8_t)(1U << k);
    for (unsigned k = 0; k < KINDS; k++)
        if ((*pending >> k & 1) != 0)
            *set |= applied(s->token, *set, kinds[k], STATUS_STORE);
    if (*set == 0)
        fail_msg("token %u: answer %d to %s", s->token, answer, s->kind->event);
}

/* Check that each token is what it may be. */
static void check_fates(void)
{
    for (uint8_t token = 0; token < TOKENS; token++) {
        enum fate fate = fate_in_store(token);
        if ((may.fates[token] >> fate & 1) == 0)
            fail_msg("token %u is %d, and may be %#x", token, (int)fate, may.fates[token]);
        assert_int_equal(fate_in_table(token), fate);
        may.fates[token] = (uint8_t)(1U << fate);
        may.pending[token] = 0;
    }
}

/* -- a life ----------------------------------------------------------------------------------- */

/* Return whether power has not failed yet; it does now, if so asked. */
static bool has_power(bool fails_now)
{
    pthread_mutex_lock(&disk_mutex);
    if (fails_now)
        disk.armed = false;
    if (fails_now && !disk.was_cut)
        disk_cut();
    bool has = !disk.was_cut;
    pthread_mutex_unlock(&disk_mutex);
    return has;
}

static void run_some(void)
{
    struct step steps[STEPS_MAX] = { { NULL, 0, 0 } };
    enum status answer[STEPS_MAX];
    unsigned count = 1 + random_below(STEPS_MAX - 1);

    for (unsigned i = 0; i < count; i++)
        steps[i] = (struct step){ kinds[random_below(KINDS)], (uint8_t)random_below(TOKENS), 0 };
    run(steps, answer);
    bool answered = has_power(false);
    for (unsigned i = 0; i < count; i++)
        note_answer(&steps[i], answered ? answer[i] : STATUS_STORE);
}

/* Let some of the next calls fail: of the log, of the store's file, or of both. */
static void begin_fault(void)
{
    static const int errors[] = { EIO, ENOSPC, 0 };

    pthread_mutex_lock(&disk_mutex);
    disk.error = errors[random_below(3)];
    disk.bad_file = random_below(3) == 0 ? (int)random_below(2) : -1;
    disk.fail_from = disk.count + (int)random_below(60);
    disk.fail_count = 1 + (int)random_below(random_below(2) == 0 ? 3 : 80);
    disk.calls = random_below(4) == 0 ? CALL_ANY | CALL_READ : CALL_ANY;
    pthread_mutex_unlock(&disk_mutex);
}

static void end_fault(void)
{
    pthread_mutex_lock(&disk_mutex);
    disk.bad_file = disk.fail_from = -1;
    disk.calls = CALL_ANY;
    pthread_mutex_unlock(&disk_mutex);
}

/* Leave everything as a process that is killed does: its memory is lost, and its files are closed.  TDB, which
 * opens no file twice in a process, writes nothing when it closes one. */
static void forget(void)
{
    if (writer.store != NULL && store_file(writer.store)->tdb != NULL)
        tdb_close(store_file(writer.store)->tdb);
    for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
        if (fd != disk_file[0].reader && fd != disk_file[1].reader && fd != replies.wake)
            close(fd);
    memset(&writer, 0, sizeof(writer));
}

/* Start, with a disk that works if it must. */
static void start_again(void)
{
    if (start(path))
        return;
    bool was_cut = disk.was_cut;
    end_fault();
    disk.armed = false;
    forget();
    if (!start(path))
        fail_msg("%s", problem.message);
    disk.armed = !was_cut;
}

static void begin_checkpoint(void)
{
    store_ask_checkpoint(writer.store, store_saving(writer.store).next);
    store_step(writer.store);
}

/* A process with threads does not die here. */
static void one_event(void)
{
    switch (random_below(12)) {
    case 0:
    case 1:
        begin_fault();
        break;
    case 2:
    case 3:
        end_fault();
        break;
    case 4:
        if (!with_thread) {
            forget();
            start_again();
        }
        break;
    case 5:
        store_save(writer.store, &problem);
        break;
    case 6:
    case 7:
        commit_retry(&writer);
        commit_batch(&writer, NOW);
        break;
    default:
        if (with_thread)
            begin_checkpoint();
        break;
    }
}

/* Live until power fails at once, or at call `cut_at` if that comes sooner, and start from what is left. */
static void live_until_power_fails(unsigned seed)
{
    random_state = seed * 77777 + 1;
    begin_life();
    for (uint8_t token = 0; token < TOKENS; token++)
        may.fates[token] = (uint8_t)(1U << model[0].fate[token]);
    disk.seed = seed;
    disk.cut_at = random_below(2) == 0 ? (int)random_below(600) : -1;
    disk.armed = true;
    for (unsigned i = 2 + random_below(BATCHES_OF_A_LIFE); i > 0 && has_power(false); i--) {
        one_event();
        if (has_power(false))
            run_some();
    }
    has_power(true);
    if (with_thread)
        stop();
    else
        forget();
    restore_other();
    if (!start(other_path))
        fail_msg("%s", problem.message);
    check_fates();
    stop();
}

/* -- the tests -------------------------------------------------------------------------------- */

static void run_in_a_child(void (*life)(unsigned number), unsigned number)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        life(number);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("life %u has ended with status %#x", number, (unsigned)status);
}

static void a_series_of_faults_loses_nothing_that_was_answered(void **state)
{
    (void)state;
    const char *most = getenv("TORTURE_SECONDS");
    time_t began = time(NULL);
    unsigned first = most != NULL ? randombytes_uniform(1U << 28) : 0, done = 0;

    for (; done < LIVES || (most != NULL && time(NULL) - began < atoi(most) / SERIES_TESTS); done++)
        run_in_a_child(live_until_power_fails, first + done);
}

/* The log cannot be written, so all is saved in the store's file, with the note that there is no log; call
 * `at` of that fails, and some more, so that it is not known whether it is there.  Then all works: what is
 * answered from now on must not be in that log alone. */
static void give_up_the_log_in_doubt(unsigned number)
{
    static const struct step revoke[STEPS_MAX] = { { &change_revoke, 1, 0 } };
    static const struct step create[STEPS_MAX] = { { &change_create, 9, 0 } };
    enum status answer[STEPS_MAX];

    begin_life();
    run(batches[1], answer);
    disk.seed = number;
    disk.error = EIO;
    disk.bad_file = 1;
    disk.fail_from = (int)number;
    disk.fail_count = 12;
    disk.armed = true;
    run(create, answer);
    end_fault();
    commit_retry(&writer);
    commit_batch(&writer, NOW);
    run(revoke, answer);
    disk.armed = false;
    disk_cut();
    forget();
    restore_other();
    if (!start(other_path))
        fail_msg("%s", problem.message);
    if (answer[0] == STATUS_OK)
        assert_int_equal(fate_in_store(1), REVOKED);
    assert_int_equal(fate_in_store(0), REVOKED);
    assert_int_equal(fate_in_store(3), ACTIVE);
    stop();
}

static void a_log_that_is_given_up_in_doubt_is_used_no_more(void **state)
{
    (void)state;
    for (unsigned number = 0; number < 120; number++)
        run_in_a_child(give_up_the_log_in_doubt, number);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        WITH_LOG(a_series_of_faults_loses_nothing_that_was_answered),
        WITH_THREAD(a_series_of_faults_loses_nothing_that_was_answered),
        WITH_LOG(a_log_that_is_given_up_in_doubt_is_used_no_more),
    };

    return prepare(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
