/* SPDX-License-Identifier: Apache-2.0 */
/* What other processes can do with the table they received: read all of it, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/table/token_look.h"
#include "daemon/table/generation.h"

enum { READERS = 2, TOKENS = 8, NOW = 1000000, NOBODY = 65534 };

struct received {
    struct table table;
    void *at;
    uint64_t size;
    int fd;
};

static struct received receive(struct token_table *t)
{
    struct received r;
    uint64_t generation;

    r.fd = token_look_descriptor(t, 0, &r.size, &generation);
    assert_true(r.fd >= 0);
    r.at = mmap(NULL, r.size, PROT_READ, MAP_SHARED, r.fd, 0);
    assert_ptr_not_equal(r.at, MAP_FAILED);
    assert_null(table_attach(&r.table, r.at, r.size));
    return r;
}

/* Make a token whose fields all follow from its number and side, so that a mixture of sides
 * shows. */
static struct record sided(uint64_t number, bool other)
{
    struct record r = { .serial = number, .created = NOW };

    crypto_generichash(r.digest, DIGEST_SIZE, (const uint8_t *)&number, sizeof(number), NULL, 0);
    r.activates = other ? 200 : 100;
    r.expires = NOW + r.activates;
    record_set_subject(&r, slice_of(other ? "bob" : "alice"));
    record_set_scopes(&r, slice_of(other ? "bob" : "alice"));
    return r;
}

static double scale(void)
{
    const char *text = getenv("JETON_SCALE");

    return text != NULL ? atof(text) : 1;
}

/* Look up tokens without pause; return the exit status: 0 if none was torn. */
static int read_all(const struct received *r, uint64_t lookups)
{
    uint8_t digest[TOKENS][DIGEST_SIZE];
    uint64_t found = 0;

    for (uint64_t n = 0; n < TOKENS; n++)
        memcpy(digest[n], sided(n, false).digest, DIGEST_SIZE);
    for (uint64_t i = 0; i < lookups; i++) {
        struct question q = { .value = { "", 0 } };
        struct verdict v;
        memcpy(v.digest, digest[i % TOKENS], DIGEST_SIZE);
        v.home = table_home(&r->table, v.digest);
        verdict_judge(&r->table, &q, NOW, &v);
        if (v.status == STATUS_UNAVAILABLE)
            continue; /* reported when the writer interfered with every try */
        if (v.status != STATUS_OK || !slice_equal(v.subject, v.scopes) ||
            v.activates != (slice_is(v.subject, "alice") ? 100 : 200) ||
            v.expires != NOW + v.activates)
            return 1;
        found++;
    }
    return found > lookups / 2 ? 0 : 2;
}

static void processes_never_read_a_torn_slot_in_twenty_million(void **state)
{
    (void)state;
    struct token_table *t = token_table_new("jtn", 0);
    uint64_t lookups = (uint64_t)(20e6 * scale()) / READERS;
    struct record side[TOKENS][2];
    pid_t child[READERS];

    assert_int_equal(token_table_reserve(t, 4 * TOKENS, 4096), 0);
    for (uint64_t n = 0; n < TOKENS; n++) {
        side[n][0] = sided(n, false);
        side[n][1] = sided(n, true);
        token_table_put(t, &side[n][0]);
    }
    struct received r = receive(t);
    for (int i = 0; i < READERS; i++)
        if ((child[i] = fork()) == 0)
            _exit(read_all(&r, lookups));
    int left = READERS, failed = 0, status;
    for (unsigned round = 0; left > 0; round++) {
        for (uint64_t n = 0; n < TOKENS; n++)
            token_table_put(t, &side[n][round & 1]);
        if (round % 1024 == 0 && waitpid(-1, &status, WNOHANG) > 0) {
            left--;
            failed += status != 0;
        }
    }
    assert_int_equal(failed, 0);
    munmap(r.at, r.size);
    close(r.fd);
    token_table_free(t);
}

static void a_reader_is_not_stuck_where_the_writer_died_in_the_middle(void **state)
{
    (void)state;
    struct token_table *t = token_table_new("jtn", 0);
    struct record record = sided(1, false);
    struct table_entry entry;

    token_table_put(t, &record);
    struct received r = receive(t);
    assert_int_equal(table_find(&r.table, record.digest, &entry), TABLE_HIT);
    const struct generation *g = token_table_enter(t, 0);
    atomic_fetch_add(&g->slots[entry.slot].sequence, 1);
    assert_int_equal(table_find(&r.table, record.digest, &entry), TABLE_TORN);
    token_table_leave(t, 0);
    munmap(r.at, r.size);
    close(r.fd);
    token_table_free(t);
}

/* True if the process could do what nobody should (each of these). */
static bool can_write(const struct received *r)
{
    return write(r->fd, "x", 1) > 0 || pwrite(r->fd, "x", 1, 4096) > 0;
}

static bool can_map_writable(const struct received *r)
{
    return mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0) != MAP_FAILED;
}

static bool can_make_writable(const struct received *r)
{
    return mprotect(r->at, r->size, PROT_READ | PROT_WRITE) == 0;
}

static bool can_punch(const struct received *r)
{
    return fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0 ||
           madvise(r->at, 4096, MADV_REMOVE) == 0;
}

static bool can_resize(const struct received *r)
{
    return ftruncate(r->fd, 0) == 0 || ftruncate(r->fd, (off_t)r->size * 2) == 0 ||
           fallocate(r->fd, 0, 0, (off_t)r->size * 2) == 0;
}

/* True if it can be reopened and misused: root may open it for writing, but must not gain by
 * that. */
static bool can_reopen(const struct received *r)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", r->fd);
    int fd = open(path, O_RDWR | O_TRUNC);
    if (fd < 0)
        fd = open(path, O_RDWR);
    if (fd < 0)
        return false;
    const struct received again = { .at = r->at, .size = r->size, .fd = fd };
    return getuid() != 0 || can_write(&again) || can_map_writable(&again) || can_punch(&again) ||
           can_resize(&again);
}

static bool can_seal(const struct received *r)
{
    return fcntl(r->fd, F_ADD_SEALS, F_SEAL_WRITE) == 0;
}

static bool can_change_mode(const struct received *r)
{
    return getuid() != 0 && (fchmod(r->fd, 0666) == 0 || fchown(r->fd, getuid(), getgid()) == 0);
}

static bool (*const attacks[])(const struct received *r) = {
    can_write,  can_map_writable, can_make_writable, can_punch,
    can_resize, can_reopen,       can_seal,          can_change_mode,
};

enum { ATTACKS = sizeof(attacks) / sizeof(attacks[0]) };

/* Try all attacks.  Return the number of the first that succeeds, from 1; 0 if none does. */
static int attack_as(uid_t uid, const struct received *r)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (uid != getuid() && (setgid(uid) < 0 || setuid(uid) < 0))
            _exit(ATTACKS + 1);
        for (int i = 0; i < ATTACKS; i++)
            if (attacks[i](r))
                _exit(i + 1);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void nobody_can_do_anything_but_read(void **state)
{
    (void)state;
    struct token_table *t = token_table_new("jtn", 0);
    struct record record = sided(1, false);
    struct table_entry entry;

    token_table_put(t, &record);
    struct received r = receive(t);
    assert_int_equal(attack_as(getuid(), &r), 0);
    if (getuid() == 0)
        assert_int_equal(attack_as(NOBODY, &r), 0);
    assert_int_equal(table_find(&r.table, record.digest, &entry), TABLE_HIT);
    munmap(r.at, r.size);
    close(r.fd);
    token_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_never_read_a_torn_slot_in_twenty_million),
        cmocka_unit_test(a_reader_is_not_stuck_where_the_writer_died_in_the_middle),
        cmocka_unit_test(nobody_can_do_anything_but_read),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
