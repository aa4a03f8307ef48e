/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in a TDB file: beside TDB's own, at each write of a commit, and beside a thread that
 * commits.  The pwrite() here takes the place of the C library's for TDB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/unit/support/lookup_keys.h"

enum { ROUNDS = 12 };

static unsigned keys = KEYS; /* of these there are records: fewer where all have one chain */

static void check_beside_tdb(void)
{
    const unsigned beyond = keys + 10 < KEYS ? keys + 10 : KEYS;
    size_t len;

    for (unsigned i = 0; i < beyond; i++) {
        TDB_DATA value = tdb_fetch(tdb, datum(key_of(i)));
        assert_int_equal(get(i, &len), value.dptr != NULL ? LOOKUP_FOUND : LOOKUP_ABSENT);
        if (value.dptr != NULL)
            assert_true(len == value.dsize && memcmp(found_bytes, value.dptr, len) == 0);
        assert_int_equal(value.dptr != NULL, version[i] != ABSENT);
        free(value.dptr);
    }
}

/* -- commits ---------------------------------------------------------------------------------- */

static unsigned becomes[KEYS]; /* version of each, by the next transaction */
static bool adds_more;         /* by the next one */
static bool made_longer;       /* by it */

/* A third of the keys stay as they are; of the others some are changed, deleted, or added. */
static void plan(unsigned round)
{
    memcpy(becomes, version, sizeof(becomes));
    for (unsigned i = 0; i < keys; i++) {
        unsigned chance = (i * 2654435761U + round * 40503U) >> 7;
        if (round == 0)
            becomes[i] = i % 3 != 1;
        else if (i % 3 != 0 && chance % 8 == 0)
            becomes[i] = chance / 8 % 3 == 0 ? ABSENT : round + 1;
    }
}

/* Add records until the file gets longer. */
static void add_more(size_t size)
{
    for (unsigned i = KEYS; (size_t)tdb_map_size(tdb) == size; i++) {
        put(i, 1);
        tdb_lookup_note(lookup, key_of(i));
    }
}

static void make_transaction(void)
{
    size_t size = (size_t)tdb_map_size(tdb);

    assert_int_equal(tdb_transaction_start(tdb), 0);
    if (adds_more)
        add_more(size);
    adds_more = false;
    for (unsigned i = 0; i < KEYS; i++) {
        if (becomes[i] == version[i])
            continue;
        if (becomes[i] != ABSENT)
            put(i, becomes[i]);
        else
            assert_int_equal(tdb_delete(tdb, datum(key_of(i))), 0);
        tdb_lookup_note(lookup, key_of(i));
    }
    made_longer = (size_t)tdb_map_size(tdb) > size;
}

static void commit(void)
{
    tdb_lookup_commit_begin(lookup, made_longer);
    assert_int_equal(tdb_transaction_commit(tdb), 0);
    tdb_lookup_commit_end(lookup);
    memcpy(version, becomes, sizeof(version));
}

static void what_is_found_is_what_tdb_finds(void **state)
{
    static const struct {
        int chains, flags;
    } files[] = {
        { 1000003, TDB_INCOMPATIBLE_HASH }, { 1000003, 0 }, { 131, 0 }, { 1, TDB_INCOMPATIBLE_HASH }
    };

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        open_both(files[i].chains, files[i].flags);
        keys = files[i].chains == 1 ? KEYS / 5 : KEYS;
        for (unsigned round = 0; round < 6; round++) {
            plan(round);
            make_transaction();
            commit();
            check_beside_tdb();
        }
        close_both();
    }
}

/* -- at each write ---------------------------------------------------------------------------- */

static bool checking; /* at each write */
static unsigned busy, looked_up;
static bool is_wrong;

/* Look up some keys while a commit is under way: those that it does not change are as they were, and
 * the others not known. */
static void check_amid(void)
{
    static unsigned at;
    size_t len;

    for (int i = 0; i < 40; i++) {
        at = (at + 7) % KEYS;
        enum lookup_found found = get(at, &len);
        looked_up++;
        busy += found == LOOKUP_BUSY;
        if (found == LOOKUP_BUSY)
            continue;
        is_wrong = is_wrong || becomes[at] != version[at] ||
                   found != (version[at] != ABSENT ? LOOKUP_FOUND : LOOKUP_ABSENT) ||
                   (found == LOOKUP_FOUND && !is_version(at, version[at], found_bytes, len));
    }
}

static unsigned
    commits_at; /* the read of a look-up, from 1, before which a commit is made; 0: none */

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    if (commits_at > 0 && fd != tdb_fd(tdb) && --commits_at == 0)
        commit();
    return syscall(SYS_pread64, fd, bytes, len, at);
}

ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size);

ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size)
{
    assert_true(len <= size);
    return pread(fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    if (!checking)
        return syscall(SYS_pwrite64, fd, bytes, len, at);
    size_t half = len / 2;
    checking = false;
    ssize_t first = syscall(SYS_pwrite64, fd, bytes, half, at);
    check_amid();
    ssize_t second = syscall(SYS_pwrite64, fd, (const char *)bytes + half, len - half,
                             at + (off_t)half);
    check_amid();
    checking = true;
    return first + second;
}

static void commit_and_check(void)
{
    busy = looked_up = 0;
    checking = true;
    commit();
    checking = false;
    assert_false(is_wrong);
    assert_true(looked_up > 1000);
    assert_true(made_longer ? busy == looked_up : busy < looked_up * 2 / 3);
    check_beside_tdb();
}

static void at_each_write_of_a_commit_what_stays_is_found(void **state)
{
    unsigned longer = 0;

    (void)state;
    open_both(1009, TDB_INCOMPATIBLE_HASH);
    for (unsigned round = 0; round < ROUNDS; round++) {
        plan(round);
        make_transaction();
        longer += made_longer;
        commit_and_check();
    }
    assert_in_range(longer, 1, ROUNDS - 3);
    close_both();
}

/* Find where in the file a key is, the last of its copies. */
static off_t place_of(unsigned number)
{
    static char bytes[8 * 1024 * 1024];
    struct slice key = key_of(number);
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, bytes, sizeof(bytes));
    const char *at = bytes, *last = NULL;

    assert_in_range(size, 1, sizeof(bytes) - 1);
    close(fd);
    while ((at = memmem(at, (size_t)(bytes + size - at), key.at, key.len)) != NULL)
        last = at++;
    assert_non_null(last);
    return last - bytes;
}

/* With many small free pieces TDB writes all records anew after a commit that makes the file
 * longer. */
static void a_commit_that_moves_all_records_is_waited_for(void **state)
{
    (void)state;
    open_both(1009, TDB_INCOMPATIBLE_HASH);
    for (unsigned i = 0; i < KEYS; i++)
        becomes[i] = 1;
    make_transaction();
    commit();
    off_t place = place_of(10);
    for (unsigned i = 0; i < KEYS; i++)
        becomes[i] = i % 4 == 2 ? 1 : ABSENT;
    adds_more = true;
    make_transaction();
    assert_true(made_longer);
    commit_and_check();
    assert_int_not_equal(place_of(10), place);
    close_both();
}

static void a_commit_amid_a_look_up_does_not_mislead_it(void **state)
{
    size_t len;

    (void)state;
    open_both(1009, TDB_INCOMPATIBLE_HASH);
    plan(0);
    make_transaction();
    commit();
    for (unsigned round = 1; round <= 60; round++) {
        plan(round);
        make_transaction();
        commits_at = 1 + round % 3;
        assert_int_equal(get(round * 3, &len), LOOKUP_FOUND);
        assert_true(is_version(round * 3, version[round * 3], found_bytes, len));
        if (commits_at > 0)
            commit();
        commits_at = 0;
    }
    close_both();
}

/* -- beside a thread -------------------------------------------------------------------------- */

static atomic_uint begun[KEYS], done[KEYS]; /* versions, before and after each commit */
static atomic_bool stop;

static void *commit_all(void *unused)
{
    for (unsigned round = 1; !atomic_load(&stop); round++) {
        plan(round);
        make_transaction();
        tdb_lookup_commit_begin(lookup, made_longer);
        for (unsigned i = 0; i < KEYS; i++)
            atomic_store(&begun[i], becomes[i]);
        if (tdb_transaction_commit(tdb) != 0)
            return tdb;
        memcpy(version, becomes, sizeof(version));
        tdb_lookup_commit_end(lookup);
        for (unsigned i = 0; i < KEYS; i++)
            atomic_store(&done[i], version[i]);
    }
    return unused;
}

/* Look a key up again until the commit that changes it has ended; false: it does not end. */
static bool ends(unsigned number)
{
    size_t len;

    for (time_t last = time(NULL) + 60; time(NULL) < last; sched_yield())
        if (get(number, &len) != LOOKUP_BUSY)
            return true;
    return false;
}

/* Look a key up; it is as one of two commits left it: the last that had ended before, or one that
 * ended meanwhile. */
static bool is_right(unsigned number, unsigned *busy_ones)
{
    unsigned before = atomic_load(&done[number]);
    size_t len;
    enum lookup_found found = get(number, &len);
    unsigned after = atomic_load(&begun[number]);

    if (found == LOOKUP_BUSY) {
        ++*busy_ones;
        return ends(number);
    }
    if (number % 3 != 0) /* several commits may have ended */
        return found == LOOKUP_ABSENT || found == LOOKUP_FOUND;
    return before == after && found == (before != ABSENT ? LOOKUP_FOUND : LOOKUP_ABSENT) &&
           (found == LOOKUP_ABSENT || is_version(number, before, found_bytes, len));
}

static void beside_a_thread_that_commits_what_stays_is_found(void **state)
{
    unsigned busy_ones = 0;
    pthread_t thread;
    void *failed;

    (void)state;
    open_both(1009, TDB_INCOMPATIBLE_HASH);
    plan(0);
    make_transaction();
    commit();
    for (unsigned i = 0; i < KEYS; i++) {
        atomic_store(&begun[i], version[i]);
        atomic_store(&done[i], version[i]);
    }
    assert_int_equal(pthread_create(&thread, NULL, commit_all, NULL), 0);
    bool right = true;
    time_t end = time(NULL) + 60; /* the thread may not run for a while */
    for (unsigned i = 0; right && (i < 60000 || (busy_ones == 0 && time(NULL) < end)); i++)
        right = is_right(i * 7 % KEYS, &busy_ones);
    atomic_store(&stop, true);
    pthread_join(thread, &failed);
    assert_true(right);
    assert_null(failed);
    assert_true(busy_ones > 0);
    close_both();
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(what_is_found_is_what_tdb_finds),
        TEST(at_each_write_of_a_commit_what_stays_is_found),
        TEST(a_commit_that_moves_all_records_is_waited_for),
        TEST(a_commit_amid_a_look_up_does_not_mislead_it),
        TEST(beside_a_thread_that_commits_what_stays_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
