/* SPDX-License-Identifier: Apache-2.0 */
/* pytest: campaign */
/* A write-ahead log on a disk whose calls fail, or that loses power, or in a process that dies, at
 * any call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/support/faulty_disk.h"
#include "tests/unit/support/wal_batches.h"

enum { LAST = 60, RESTART = 11, TRIES = 12, DISK_TESTS = 4 };

static const struct wal_shape shape = { 3, 4 * WAL_BLOCK };
static const char epoch[] = "00112233aabbccdd";
static char file[96], other[96], other_file[112];
static time_t began; /* when the running test began */
static unsigned first_seed;
static int calls_of_creation;

/* What the log must have, and may have besides. */
static struct model {
    bool begun;
    uint64_t saved;
    uint64_t next;                 /* everything before it was acknowledged, or found */
    unsigned attempt[SERIALS_MAX]; /* by the first serial: in which each batch was */
    bool pending;                  /* the next batch may be there, by the attempt that is noted */
} * model;

static int make(void **state)
{
    int made = make_directory(state);

    snprintf(file, sizeof(file), "%s.wal", path);
    snprintf(other, sizeof(other), "%s/other", directory);
    snprintf(other_file, sizeof(other_file), "%s.wal", other);
    return made;
}

/* -- a life ------------------------------------------------------------------------------------- */

static void begin_life(unsigned seed)
{
    unlink(file);
    disk_simulate_next();
    disk.seed = seed;
    memset(model, 0, sizeof(*model));
    model->saved = model->next = 1;
}

static void check_seen(const struct seen *s)
{
    uint64_t end = model->next + (model->pending ? numbered_count(model->next) : 0);

    if (s->next != model->next && s->next != end)
        fail_msg(
            "the log ends before serial %llu, not %llu (pending: %d), with seed %u, cut at %d, "
            "failing from %d",
            (unsigned long long)s->next, (unsigned long long)model->next, model->pending, disk.seed,
            disk.cut_at, disk.fail_from);
    for (uint64_t n = 1, first = 1; n < s->next; n++) {
        if (n == first + numbered_count(first))
            first = n;
        if (n == first && n + numbered_count(n) > model->saved)
            assert_int_equal(s->attempt[n], model->attempt[n]);
    }
}

static void note_found(const struct wal *w)
{
    if (disk.was_cut)
        return;
    model->next = wal_next(w);
    model->pending = false;
}

/* Start, as after the end of a process.  NULL: it fails. */
static struct wal *start(void)
{
    struct seen seen;
    struct wal *w = wal_open(path, WAL_WRITE, &problem);

    if (w == NULL)
        return NULL;
    if (wal_epoch(w)[0] == '\0')
        assert_false(model->begun);
    bool done = model->begun ? read_numbered(w, model->saved, &seen) :
                               wal_begin(w, epoch, 1, &shape, &problem);
    if (done && model->begun) {
        check_seen(&seen);
        note_found(w);
    }
    if (done && !model->begun)
        calls_of_creation = disk.count;
    model->begun = model->begun || (done && !disk.was_cut);
    if (done)
        return w;
    wal_close(w);
    return NULL;
}

/* Find out what there is after a failure. */
static bool find_out(struct wal *w)
{
    if (!wal_reopen(w, &problem))
        return false;
    uint64_t end = model->next + numbered_count(model->next);
    assert_true(wal_next(w) == model->next || wal_next(w) == end);
    note_found(w);
    return true;
}

static void append(struct wal *w)
{
    const uint64_t next = model->next;
    enum wal_result result = WAL_DONE;

    assert_int_equal(wal_next(w), next);
    model->pending = true;
    model->attempt[next]++;
    result = append_numbered(w, model->attempt[next]);
    if (disk.was_cut)
        return;
    if (result == WAL_DONE)
        model->next = wal_next(w);
    if (result != WAL_FAILED)
        model->pending = false;
    if (result == WAL_FULL) {
        model->attempt[next]--;
        model->saved = next - 1 - next % 2;
        wal_set_saved(w, model->saved);
    }
}

/* Append until power fails, or to the end; false if calls go on failing. */
static bool live(void)
{
    struct wal *w = NULL;
    int tries = 0;

    for (int turn = 1; !disk.was_cut && model->next < LAST && tries < TRIES; turn++) {
        if (turn % RESTART == 0) {
            wal_close(w);
            w = NULL;
        }
        if (w == NULL)
            w = start();
        else if (wal_next(w) == 0)
            find_out(w);
        else
            append(w);
        tries = w == NULL || wal_next(w) == 0 ? tries + 1 : 0;
    }
    wal_close(w);
    return tries < TRIES;
}

/* Check what is there, and that it goes on, at a path. */
static void check_log(const char *store)
{
    struct seen seen;
    struct wal *w = wal_open(store, WAL_READ, &problem);

    assert_non_null(w);
    if (!model->begun && wal_epoch(w)[0] == '\0') {
        assert_true(wal_read(w, 1, NULL, &problem));
        wal_close(w);
        return;
    }
    if (!read_numbered(w, model->saved, &seen))
        fail_msg("%s", problem.message);
    check_seen(&seen);
    wal_close(w);
    w = wal_open(store, WAL_WRITE, &problem);
    assert_true(read_numbered(w, model->saved, &seen));
    check_seen(&seen);
    for (int i = 0; i < 4; i++) {
        wal_set_saved(w, wal_next(w));
        assert_int_equal(append_numbered(w, 99), WAL_DONE);
    }
    uint64_t next = wal_next(w);
    wal_close(w);
    w = wal_open(store, WAL_READ, &problem);
    assert_true(read_numbered(w, seen.next, &seen));
    assert_int_equal(seen.next, next);
    wal_close(w);
}

static int calls_of_a_life(unsigned calls)
{
    begin_life(0);
    disk.calls = calls;
    disk.armed = true;
    if (!live())
        fail_msg("%s", problem.message);
    disk.armed = false;
    assert_true(model->next >= LAST);
    return disk.count;
}

/* -- calls that fail ---------------------------------------------------------------------------- */

static void fail_each(unsigned calls, int error, int how_many)
{
    int count = calls_of_a_life(calls);

    assert_true(count > 20);
    for (int i = 0; i < count; i = next_call(i, count, 20)) {
        begin_life((unsigned)i);
        disk.calls = calls;
        disk.error = error;
        disk.fail_from = i;
        disk.fail_count = how_many;
        disk.armed = true;
        bool lived = live();
        disk.armed = false;
        assert_true(lived || how_many > 3);
        if (model->begun)
            check_log(path);
    }
}

static void a_call_that_fails_loses_nothing_that_was_acknowledged(void **state)
{
    (void)state;
    for (int how_many = 1; how_many <= 3; how_many++) {
        fail_each(CALL_SYNC, EIO, how_many);
        fail_each(CALL_WRITE, EIO, how_many);
        fail_each(CALL_WRITE, 0, how_many);
        fail_each(CALL_WRITE | CALL_SYNC, ENOSPC, how_many);
        fail_each(CALL_READ, EIO, how_many);
        fail_each(CALL_READ, 0, how_many);
        fail_each(CALL_ANY | CALL_READ, EIO, how_many);
    }
    fail_each(CALL_SYNC, EIO, 100000);
    fail_each(CALL_ANY, ENOSPC, 100000);
}

static void without_space_no_part_of_a_log_is_left(void **state)
{
    (void)state;
    begin_life(0);
    disk.armed = true;
    disk.full_at = WAL_BLOCK;
    struct wal *w = wal_open(path, WAL_WRITE, &problem);
    assert_false(wal_begin(w, epoch, 1, &shape, &problem));
    assert_non_null(strstr(problem.message, strerror(ENOSPC)));
    disk.full_at = 0;
    disk.fail_from = disk.count + 2;
    disk.fail_count = 1;
    disk.error = ENOSPC;
    assert_false(wal_begin(w, epoch, 1, &shape, &problem));
    disk.armed = false;
    strcat(file, ".new");
    assert_int_not_equal(access(file, F_OK), 0);
    file[strlen(file) - 4] = '\0';
    assert_int_not_equal(access(file, F_OK), 0);
    assert_true(wal_begin(w, epoch, 1, &shape, &problem));
    wal_close(w);
}

/* -- power, and the process --------------------------------------------------------------------- */

/* True if another seed is to be tried; `make torture` tries seeds as long as there is time. */
static bool another_seed(unsigned done, unsigned least)
{
    const char *most = getenv("TORTURE_SECONDS");

    if (done == 0) {
        began = time(NULL);
        first_seed = most != NULL ? randombytes_uniform(1U << 20) : 0;
    }
    return done < least || (most != NULL && time(NULL) - began < atoi(most) / DISK_TESTS);
}

/* Let power fail at a call, after another has failed (-1: none).  False: there are not so many. */
static bool cut_a_life(int at, int failing, unsigned seed)
{
    begin_life(seed);
    disk.cut_at = at;
    disk.fail_from = failing;
    disk.fail_count = 1;
    disk.error = EIO;
    disk.armed = true;
    live();
    disk.armed = false;
    if (!disk.was_cut)
        return false;
    unlink(other_file);
    disk_restore(other_file);
    check_log(other);
    return true;
}

static void a_power_cut_leaves_what_was_acknowledged(void **state)
{
    (void)state;
    int count = calls_of_a_life(CALL_ANY);

    for (unsigned seed = 0; another_seed(seed, 4); seed++)
        for (int i = 0; i < count; i++)
            assert_true(cut_a_life(i, -1, first_seed + seed));
}

static void a_power_cut_after_a_failure_leaves_what_was_acknowledged(void **state)
{
    (void)state;
    int count = calls_of_a_life(CALL_ANY), cuts = 0, failures = 0;

    /* of the creation, which is repeated with another file, only the first attempt is simulated */
    for (unsigned seed = 0; another_seed(seed, 1); seed++)
        for (int failing = calls_of_creation; failing < count;
             failing = next_call(failing, count, 12), failures++)
            for (int i = failing + 1; i < failing + 16; i++)
                cuts += cut_a_life(i, failing, first_seed + seed + (unsigned)i);
    assert_true(failures > 12 && cuts > 8 * failures);
}

static void a_process_that_dies_leaves_what_was_acknowledged(void **state)
{
    (void)state;
    int status = 0, deaths = 0;

    for (; status == 0 || WEXITSTATUS(status) == DISK_DIED; deaths++) {
        begin_life(0);
        disk.adopts = false;
        disk.die_at = deaths;
        pid_t child = fork();
        if (child == 0) {
            disk.armed = true;
            _exit(live() ? 1 : 2);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        check_log(path);
    }
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_true(deaths > 50);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_that_fails_loses_nothing_that_was_acknowledged),
        TEST(without_space_no_part_of_a_log_is_left),
        TEST(a_power_cut_leaves_what_was_acknowledged),
        TEST(a_power_cut_after_a_failure_leaves_what_was_acknowledged),
        TEST(a_process_that_dies_leaves_what_was_acknowledged),
    };

    if (sodium_init() < 0)
        return 1;
    model = mmap(NULL, sizeof(*model), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return model == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
