/* SPDX-License-Identifier: Apache-2.0 */
/* pytest: campaign slow */
/* A fleet's cache on a disk whose calls fail, or that loses power, or in a process that dies, at any call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/support/crash_disk.h"
#include "tests/unit/support/fleet_life.h"

enum { STEPS = 30, TRIES = 8, DISK_TESTS = 4 };
enum { CHANGES = CRASH_WRITE | CRASH_SYNC | CRASH_NAME | CRASH_GROW };

static char image[80], image_store[96];
static time_t began; /* when the running test began */
static unsigned first_seed;

static int make(void **state)
{
    char command[160];
    int made = make_directory(state);

    snprintf(image, sizeof(image), "%s/image", directory);
    snprintf(image_store, sizeof(image_store), "%s/t.tdb", image);
    snprintf(command, sizeof(command), "mkdir %s %s/disk", image, directory);
    snprintf(path, sizeof(path), "%s/disk/t.tdb", directory);
    return made != 0 ? made : system(command);
}

static int end(void **state)
{
    crash_forget();
    crash.directory[0] = '\0';
    return remove_directory(state);
}

static bool was_cut(void)
{
    return crash.was_cut;
}

static void begin(unsigned seed)
{
    static const char *const suffix[] = { "", ".wal", ".new", ".wal.new", ".dropped" };
    char name[128];
    char disk_directory[96];

    for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
        snprintf(name, sizeof(name), "%s.fleet%s", path, suffix[i]);
        unlink(name);
        snprintf(name, sizeof(name), "%s.fleet%s", image_store, suffix[i]);
        unlink(name);
    }
    snprintf(disk_directory, sizeof(disk_directory), "%s/disk", directory);
    crash_simulate(disk_directory, image);
    crash.seed = seed;
    life_begin(path, seed % 7);
    life.ended = was_cut;
}

/* Live, and find out after each failure what is there; false if that goes on failing, or it is neither
 * what was acknowledged nor what was tried. */
static bool live(bool *right)
{
    int tries = 0;

    *right = true;
    for (int step = 0; step < STEPS && !crash.was_cut && tries < TRIES;) {
        if (!life.doubt && life_step()) {
            step++;
            tries = 0;
            continue;
        }
        tries++;
        if (!life_recover() || crash.was_cut)
            continue;
        bool armed = crash.armed;
        crash.armed = false;
        *right = *right && life_settle(life.cache);
        crash.armed = armed;
    }
    crash.armed = false;
    return tries < TRIES;
}

/* Check that what is at a path is right, and goes on. */
static void check(const char *store, const char *what, int at)
{
    life_close();
    crash.armed = false;
    life.ended = NULL;
    snprintf(life.store, sizeof(life.store), "%s", store);
    if (life_open() != 0)
        fail_msg("%s at %d, seed %u: %s", what, at, crash.seed, problem.message);
    if (!life_settle(life.cache))
        fail_msg("%s at %d, failing %d, seed %u: neither before nor after", what, at,
                 crash.fail_from, crash.seed);
    for (int i = 0; i < 6; i++)
        assert_true(life_step() && !life.doubt);
    life_close();
    assert_int_equal(life_open(), 0);
    assert_true(life_equal(life.cache, &life.is));
    life_close();
}

static int calls_of_a_life(unsigned calls, unsigned seed)
{
    bool right;

    begin(seed);
    crash.calls = calls;
    crash.armed = true;
    assert_true(live(&right) && right);
    life_close();
    return crash.count;
}

/* Of many calls try each, or in `make test` some. */
static int stride(int count, int most)
{
    return getenv("TORTURE_SECONDS") != NULL || count < most ? 1 : count / most;
}

static void fail_each(unsigned calls, int error, int how_many)
{
    int count = calls_of_a_life(calls, (unsigned)how_many);
    bool right;

    assert_true(count > 1);
    for (int i = 0; i < count; i += stride(count, 12)) {
        begin((unsigned)how_many);
        crash.calls = calls;
        crash.error = error;
        crash.fail_from = i;
        crash.fail_count = how_many;
        crash.armed = true;
        bool lived = live(&right);
        if (!right)
            fail_msg("failing %d from %d (calls %u, error %d)", how_many, i, calls, error);
        if (!lived && how_many <= 3)
            fail_msg("failing %d from %d (calls %u, error %d): %s, %s", how_many, i, calls, error,
                     problem.message,
                     life.cache != NULL ? fleet_cache_problem(life.cache)->message : "");
        check(path, "failing", i);
    }
}

static void a_call_that_fails_loses_nothing_that_was_acknowledged(void **state)
{
    (void)state;
    for (int how_many = 1; how_many <= 2; how_many++) {
        fail_each(CRASH_SYNC, EIO, how_many);
        fail_each(CRASH_WRITE, EIO, how_many);
        fail_each(CRASH_WRITE, 0, how_many);
        fail_each(CHANGES, ENOSPC, how_many);
        fail_each(CRASH_NAME, EIO, how_many);
        fail_each(CRASH_READ, EIO, how_many);
        fail_each(CRASH_READ, 0, how_many);
    }
    fail_each(CRASH_SYNC, EIO, 100000);
    fail_each(CHANGES, ENOSPC, 100000);
}

static int put_one(uint64_t serial)
{
    static struct fleet_entry e;
    struct fleet_place place = fleet_place_of(serial);

    fleet_token(&e, serial, 1);
    assert_int_equal(fleet_cache_put(life.cache, &e), 0);
    return fleet_cache_commit(life.cache, &place);
}

/* Let the second sync from now on fail: that of the directory, behind the new file's. */
static void fail_directory(void)
{
    crash.calls = CRASH_SYNC;
    crash.error = EIO;
    crash.fail_from = crash.count + 1;
    crash.fail_count = 1;
    crash.armed = true;
}

static void on_a_file_whose_name_may_be_undone_nothing_is_built(void **state)
{
    struct fleet_place place = fleet_place_of(100);

    (void)state;
    begin(0);
    assert_int_equal(life_open(), 0);
    assert_int_equal(put_one(1), 0);
    assert_int_equal(fleet_cache_snapshot_begin(life.cache), 0);
    fail_directory();
    assert_int_equal(fleet_cache_snapshot_end(life.cache, &place, NULL), -EIO);
    assert_int_equal(fleet_cache_place(life.cache).serial, 100);
    fail_directory();
    assert_int_equal(put_one(101), -EIO);
    life.cache->retry_at = 0;
    assert_int_equal(put_one(102), 0);
    crash_cut();
    crash.armed = false;
    life_close();
    snprintf(life.store, sizeof(life.store), "%s", image_store);
    assert_int_equal(life_open(), 0);
    assert_int_equal(fleet_cache_place(life.cache).serial, 102);
    assert_int_equal(life.cache->places.count, 2);
    life_close();
}

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

/* Let power fail at a call, after another has failed (-1: none). */
static bool cut_a_life(int at, int failing, unsigned seed)
{
    bool right;

    begin(seed);
    crash.cut_at = at;
    crash.fail_from = failing;
    crash.fail_count = 1;
    crash.error = EIO;
    crash.armed = true;
    live(&right);
    if (!right)
        fail_msg("failing %d, seed %u", failing, seed);
    if (!crash.was_cut) {
        life_close();
        return false;
    }
    check(image_store, "cut", at);
    return true;
}

static void a_power_cut_leaves_what_was_acknowledged(void **state)
{
    int cuts = 0;

    (void)state;
    for (unsigned seed = 0; another_seed(seed, 2); seed++) {
        int count = calls_of_a_life(CHANGES, first_seed + seed);
        for (int i = 0; i < count; i += stride(count, 60))
            cuts += cut_a_life(i, -1, first_seed + seed);
    }
    assert_true(cuts > 50);
}

static void a_power_cut_after_a_failure_leaves_what_was_acknowledged(void **state)
{
    int cuts = 0;

    (void)state;
    for (unsigned seed = 0; another_seed(seed, 2); seed++) {
        int count = calls_of_a_life(CHANGES, first_seed + seed);
        for (int failing = 0; failing < count; failing += stride(count, 14))
            for (int i = failing + 1; i < failing + 16; i += 3)
                cuts += cut_a_life(i, failing, first_seed + seed);
    }
    assert_true(cuts > 60);
}

static void a_process_that_dies_leaves_what_was_acknowledged(void **state)
{
    int status = 0, deaths = 0;
    bool right;

    (void)state;
    for (int at = 0; status == 0 || WEXITSTATUS(status) == CRASH_DIED; deaths++) {
        begin(3);
        crash.die_at = at;
        at++;
        pid_t child = fork();
        if (child == 0) {
            crash.armed = true;
            _exit(live(&right) && right ? 1 : 2);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        life.cache = NULL; /* it was the child's */
        life.doubt = true;
        check(path, "dead", at);
    }
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_true(deaths > 50);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_that_fails_loses_nothing_that_was_acknowledged),
        TEST(on_a_file_whose_name_may_be_undone_nothing_is_built),
        TEST(a_power_cut_leaves_what_was_acknowledged),
        TEST(a_power_cut_after_a_failure_leaves_what_was_acknowledged),
        TEST(a_process_that_dies_leaves_what_was_acknowledged),
    };

    if (sodium_init() < 0)
        return 1;
    life_now = mmap(NULL, sizeof(*life_now), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                    0);
    return life_now == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
