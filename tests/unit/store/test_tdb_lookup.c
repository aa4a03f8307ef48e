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
#include <stdatomic.h>
#include <sys/syscall.h>
#include <tdb.h>

#include "daemon/store/tdb_lookup.h"
#include "tests/unit/support/directory.h"

enum { KEYS = 3000, VALUE_MAX = 70000, ABSENT = 0, ROUNDS = 12 };

static struct tdb_context *tdb;
static struct tdb_lookup *lookup;
static unsigned version[KEYS]; /* of each value; ABSENT: there is none */
static char found_bytes[VALUE_MAX];

static struct slice key_of(unsigned number)
{
    static _Thread_local char key[32];

    return (struct slice){ key, (size_t)sprintf(key, "token/%020u", number) };
}

static TDB_DATA datum(struct slice s)
{
    return (TDB_DATA){ (unsigned char *)(uintptr_t)s.at, s.len };
}

/* Write the value of a version; now and then it needs much more space than the one before. */
static size_t write_value(unsigned number, unsigned of, char *bytes)
{
    size_t len = number % 500 == 7 ? of * 13000 % 66000 : 150 + (number * 31 + of * 97) % 350;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + (number + of * 7 + i / 64) % 26);
    return len;
}

static bool is_version(unsigned number, unsigned of, const char *bytes, size_t len)
{
    static _Thread_local char expected[VALUE_MAX];

    return len == write_value(number, of, expected) && memcmp(bytes, expected, len) == 0;
}

static void put(unsigned number, unsigned of)
{
    static char bytes[VALUE_MAX];
    size_t len = write_value(number, of, bytes);

    assert_int_equal(tdb_store(tdb, datum(key_of(number)), datum((struct slice){ bytes, len }),
                               TDB_REPLACE),
                     0);
}

static enum lookup_found get(unsigned number, size_t *len)
{
    return tdb_lookup_get(lookup, key_of(number), found_bytes, sizeof(found_bytes), len);
}

static void check_beside_tdb(void)
{
    size_t len;

    for (unsigned i = 0; i < KEYS; i++) {
        TDB_DATA value = tdb_fetch(tdb, datum(key_of(i)));
        assert_int_equal(get(i, &len), value.dptr != NULL ? LOOKUP_FOUND : LOOKUP_ABSENT);
        if (value.dptr != NULL)
            assert_true(len == value.dsize && memcmp(found_bytes, value.dptr, len) == 0);
        assert_int_equal(value.dptr != NULL, version[i] != ABSENT);
        free(value.dptr);
    }
}

static void open_both(int chains, int flags)
{
    tdb = tdb_open(path, chains, TDB_NOMMAP | TDB_NOSYNC | flags, O_RDWR | O_CREAT, 0600);
    assert_non_null(tdb);
    memset(version, 0, sizeof(version));
    lookup = tdb_lookup_open(path);
    assert_non_null(lookup);
}

static void close_both(void)
{
    tdb_lookup_close(lookup);
    tdb_close(tdb);
    unlink(path);
}

/* -- commits ---------------------------------------------------------------------------------- */

/* What a transaction makes of a key: it stays, is changed, deleted, or added. */
static unsigned next_version(unsigned number, unsigned round)
{
    unsigned chance = (number * 2654435761U + round * 40503U) >> 7;

    if (number % 3 == 0 || chance % 8 != 0)
        return version[number] != ABSENT || round > 0 || number % 3 == 2 ? version[number] : 1;
    return chance / 8 % 3 == 0 ? ABSENT : round + 1;
}

static bool made_longer; /* by the transaction */

static void make_transaction(unsigned round)
{
    size_t size = (size_t)tdb_map_size(tdb);

    assert_int_equal(tdb_transaction_start(tdb), 0);
    for (unsigned i = 0; i < KEYS; i++) {
        unsigned next = next_version(i, round);
        if (next == version[i])
            continue;
        if (next != ABSENT)
            put(i, next);
        else
            assert_int_equal(tdb_delete(tdb, datum(key_of(i))), 0);
        tdb_lookup_note(lookup, key_of(i));
    }
    made_longer = (size_t)tdb_map_size(tdb) > size;
}

static void note_transaction(unsigned round)
{
    for (unsigned i = 0; i < KEYS; i++)
        version[i] = next_version(i, round);
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
        for (unsigned round = 0; round < (files[i].chains == 1 ? 2 : 6); round++) {
            make_transaction(round);
            assert_int_equal(tdb_transaction_commit(tdb), 0);
            tdb_lookup_commit_end(lookup);
            note_transaction(round);
            check_beside_tdb();
        }
        close_both();
    }
}

/* -- at each write ---------------------------------------------------------------------------- */

static bool checking; /* at each write */
static unsigned checking_round, busy, looked_up;
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
        is_wrong = is_wrong || next_version(at, checking_round) != version[at] ||
                   found != (version[at] != ABSENT ? LOOKUP_FOUND : LOOKUP_ABSENT) ||
                   (found == LOOKUP_FOUND && !is_version(at, version[at], found_bytes, len));
    }
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

static void at_each_write_of_a_commit_what_stays_is_found(void **state)
{
    unsigned longer = 0;

    (void)state;
    open_both(1009, TDB_INCOMPATIBLE_HASH);
    for (unsigned round = 0; round < ROUNDS; round++) {
        make_transaction(round);
        longer += made_longer;
        checking_round = round;
        busy = looked_up = 0;
        tdb_lookup_commit_begin(lookup, made_longer);
        checking = true;
        assert_int_equal(tdb_transaction_commit(tdb), 0);
        checking = false;
        tdb_lookup_commit_end(lookup);
        assert_false(is_wrong);
        assert_true(looked_up > 1000);
        assert_true(made_longer ? busy == looked_up : busy < looked_up * 2 / 3);
        note_transaction(round);
        check_beside_tdb();
    }
    assert_in_range(longer, 1, ROUNDS - 3);
    close_both();
}

/* -- beside a thread -------------------------------------------------------------------------- */

static atomic_uint begun[KEYS], done[KEYS]; /* versions, before and after each commit */
static atomic_bool stop;

static void *commit_all(void *unused)
{
    for (unsigned round = 1; !atomic_load(&stop); round++) {
        make_transaction(round);
        tdb_lookup_commit_begin(lookup, made_longer);
        for (unsigned i = 0; i < KEYS; i++)
            atomic_store(&begun[i], next_version(i, round));
        if (tdb_transaction_commit(tdb) != 0)
            return tdb;
        note_transaction(round);
        tdb_lookup_commit_end(lookup);
        for (unsigned i = 0; i < KEYS; i++)
            atomic_store(&done[i], version[i]);
    }
    return unused;
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
        return tdb_lookup_wait(lookup, 60000);
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
    make_transaction(0);
    assert_int_equal(tdb_transaction_commit(tdb), 0);
    tdb_lookup_commit_end(lookup);
    note_transaction(0);
    for (unsigned i = 0; i < KEYS; i++) {
        atomic_store(&begun[i], version[i]);
        atomic_store(&done[i], version[i]);
    }
    assert_int_equal(pthread_create(&thread, NULL, commit_all, NULL), 0);
    bool right = true;
    for (unsigned i = 0; i < 150000 && right; i++)
        right = is_right(i * 7 % KEYS, &busy_ones);
    atomic_store(&stop, true);
    pthread_join(thread, &failed);
    assert_true(right);
    assert_null(failed);
    assert_true(busy_ones > 0);
    close_both();
}

/* -- what is not read ------------------------------------------------------------------------- */

static void set_u32(off_t at, uint32_t number)
{
    int fd = open(path, O_RDWR);

    assert_int_equal(syscall(SYS_pwrite64, fd, &number, 4, at), 4);
    close(fd);
}

static uint32_t get_u32(off_t at)
{
    uint32_t number;
    int fd = open(path, O_RDONLY);

    assert_int_equal(pread(fd, &number, 4, at), 4);
    close(fd);
    return number;
}

enum { HEAD = 168, CHAIN = HEAD + 4, MAGIC = 20, CAPACITY = 4, KEY_LEN = 8, VALUE_LEN = 12 };

static void expect(off_t at, uint32_t number, enum lookup_found expected)
{
    uint32_t was = get_u32(at);
    size_t len;

    set_u32(at, number);
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(get(i, &len), expected);
    set_u32(at, was);
}

static void what_is_damaged_is_not_found(void **state)
{
    size_t len;

    (void)state;
    open_both(1, TDB_INCOMPATIBLE_HASH);
    for (unsigned i = 1; i <= 3; i++)
        put(i, 1);
    uint32_t newest = get_u32(CHAIN), second = get_u32(newest), oldest = get_u32(second);
    assert_int_equal(get(4, &len), LOOKUP_ABSENT);
    expect(CHAIN, UINT32_MAX, LOOKUP_FAILED);
    expect(CHAIN, 4, LOOKUP_FAILED);
    expect(CHAIN, 0, LOOKUP_ABSENT);
    set_u32(newest + MAGIC, 0xfee1dead);
    assert_int_equal(get(3, &len), LOOKUP_ABSENT);
    set_u32(newest + MAGIC, 0xd9fee666);
    assert_int_equal(get(3, &len), LOOKUP_FAILED);
    set_u32(newest + MAGIC, 0x26011999);
    set_u32(newest + VALUE_LEN, UINT32_MAX);
    assert_int_equal(get(3, &len), LOOKUP_FAILED);
    set_u32(newest + CAPACITY, UINT32_MAX);
    assert_int_equal(get(3, &len), LOOKUP_FAILED);
    set_u32(newest + VALUE_LEN, VALUE_MAX - 1);
    assert_int_equal(get(3, &len), LOOKUP_FAILED); /* the file ends before */
    set_u32(newest + VALUE_LEN, 1);
    assert_int_equal(get(3, &len), LOOKUP_FOUND);
    set_u32(oldest, second);
    assert_int_equal(get(4, &len), LOOKUP_FAILED);
    set_u32(oldest, newest);
    assert_int_equal(get(4, &len), LOOKUP_FAILED);
    set_u32(oldest, oldest);
    assert_int_equal(get(4, &len), LOOKUP_FAILED);
    assert_int_equal(get(1, &len), LOOKUP_FOUND);
    close_both();
}

static void a_file_of_another_kind_is_not_opened(void **state)
{
    (void)state;
    static const off_t fields[] = { 0, 32, 36, 40, 52 };

    open_both(131, TDB_INCOMPATIBLE_HASH);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        uint32_t was = get_u32(fields[i]);
        set_u32(fields[i], 0x1234567);
        assert_null(tdb_lookup_open(path));
        set_u32(fields[i], was);
    }
    struct tdb_lookup *again = tdb_lookup_open(path);
    assert_non_null(again);
    tdb_lookup_close(again);
    assert_null(tdb_lookup_open(directory));
    assert_null(tdb_lookup_open("/nowhere"));
    close_both();
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(what_is_found_is_what_tdb_finds),
        TEST(at_each_write_of_a_commit_what_stays_is_found),
        TEST(beside_a_thread_that_commits_what_stays_is_found),
        TEST(what_is_damaged_is_not_found),
        TEST(a_file_of_another_kind_is_not_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
