/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/table/token_look.h"
#include "proto/token.h"

enum { NOW = 1000000 };

static struct record record_numbered(uint64_t number)
{
    struct record r = { .serial = number, .created = NOW, .expires = TIME_NEVER };
    char value[32 + 1];

    snprintf(value, sizeof(value), "value-%026llu", (unsigned long long)number);
    token_digest(slice_of(value), r.digest);
    return r;
}

static struct verdict judge_numbered(struct token_table *t, uint64_t number, const char *scopes,
                                     const char *subject)
{
    char value[32 + 1];
    struct question q = { .value = { value, 32 }, .scopes = slice_of(scopes) };
    struct verdict v;

    snprintf(value, sizeof(value), "value-%026llu", (unsigned long long)number);
    if (subject != NULL)
        q.subject = slice_of(subject);
    if (verdict_worth_hashing(&q, &v)) {
        const struct table *table = token_table_table(token_table_enter(t, 0));
        token_digest(q.value, v.digest);
        v.home = table_home(table, v.digest);
        verdict_judge(table, &q, NOW, &v);
        token_table_leave(t, 0);
    }
    return v;
}

static enum status status_numbered(struct token_table *t, uint64_t number)
{
    return judge_numbered(t, number, "", NULL).status;
}

static void put(struct token_table *t, const struct record *r)
{
    assert_int_equal(token_table_reserve(t, 1, r->subject_len + r->scopes_len), 0);
    token_table_put(t, r);
}

static void every_token_is_found_through_growth(void **state)
{
    (void)state;
    struct token_table *t = token_table_new("jtn", 0);

    for (uint64_t i = 0; i < 20000; i++) {
        struct record r = record_numbered(i);
        char subject[32];
        snprintf(subject, sizeof(subject), "user%llu", (unsigned long long)i);
        record_set_subject(&r, slice_of(subject));
        put(t, &r);
    }
    for (uint64_t i = 0; i < 20000; i++) {
        char subject[32];
        snprintf(subject, sizeof(subject), "user%llu", (unsigned long long)i);
        assert_int_equal(judge_numbered(t, i, "", subject).status, STATUS_OK);
    }
    assert_int_equal(status_numbered(t, 20000), STATUS_UNKNOWN);
    assert_int_equal(token_table_figures(t).tokens, 20000);
    token_table_free(t);
}

static void state_comes_before_subject_before_scope(void **state)
{
    (void)state;
    struct token_table *t = token_table_new("jtn", 0);
    struct record r = record_numbered(1);

    record_set_subject(&r, slice_of("alice"));
    record_set_scopes(&r, slice_of("read,deploy"));
    put(t, &r);
    assert_int_equal(judge_numbered(t, 1, "deploy", "alice").status, STATUS_OK);
    assert_int_equal(judge_numbered(t, 1, "write", "alice").status, STATUS_SCOPE);
    assert_int_equal(judge_numbered(t, 1, "write", "bob").status, STATUS_SUBJECT);
    record_set_subject(&r, slice_of(""));
    put(t, &r);
    assert_int_equal(judge_numbered(t, 1, "", NULL).status, STATUS_OK);
    assert_int_equal(judge_numbered(t, 1, "", "").status, STATUS_SUBJECT);
    r.activates = NOW + 1;
    put(t, &r);
    assert_int_equal(judge_numbered(t, 1, "write", "bob").status, STATUS_PENDING);
    r.expires = NOW;
    put(t, &r);
    assert_int_equal(status_numbered(t, 1), STATUS_EXPIRED);
    r.disabled = NOW;
    put(t, &r);
    assert_int_equal(status_numbered(t, 1), STATUS_DISABLED);
    r.revoked = NOW;
    put(t, &r);
    assert_int_equal(status_numbered(t, 1), STATUS_REVOKED);
    token_table_free(t);
}

static void a_denial_outlives_later_records_and_growth(void **state)
{
    (void)state;
    struct token_table *t = token_table_new("jtn", 0);
    struct record first = record_numbered(1), second = record_numbered(2);

    put(t, &first);
    put(t, &second);
    assert_true(token_table_deny(t, first.digest, SLOT_REVOKED, NULL));
    assert_true(token_table_deny(t, second.digest, SLOT_DISABLED, NULL));
    put(t, &first);
    put(t, &second);
    for (uint64_t i = 10; i < 1000; i++) {
        struct record r = record_numbered(i);
        put(t, &r);
    }
    assert_int_equal(status_numbered(t, 1), STATUS_REVOKED);
    assert_int_equal(status_numbered(t, 2), STATUS_DISABLED);
    token_table_allow(t, first.digest);
    token_table_allow(t, second.digest);
    assert_int_equal(status_numbered(t, 1), STATUS_REVOKED);
    assert_int_equal(status_numbered(t, 2), STATUS_OK);
    token_table_free(t);
}

static void removed_tokens_are_unknown_and_their_slots_are_used_again(void **state)
{
    (void)state;
    struct token_table *t = token_table_new("jtn", 32);

    for (uint64_t i = 0; i < 100000; i++) {
        struct record r = record_numbered(i);
        put(t, &r);
        if (i >= 10) {
            struct record old = record_numbered(i - 10);
            token_table_remove(t, old.digest);
            assert_int_equal(status_numbered(t, i - 10), STATUS_UNKNOWN);
        }
    }
    assert_int_equal(token_table_figures(t).tokens, 10);
    assert_int_equal(token_table_figures(t).slots, 64);
    token_table_free(t);
}

static void distinct_strings_never_fill_the_interning_table(void **state)
{
    (void)state;
    struct token_table *t = token_table_new("jtn", 0);
    struct record r = record_numbered(1);

    for (int i = 0; i < 50000; i++) {
        char subject[32];
        snprintf(subject, sizeof(subject), "s%d", i);
        record_set_subject(&r, slice_of(subject));
        put(t, &r);
        assert_int_equal(judge_numbered(t, 1, "", subject).status, STATUS_OK);
    }
    token_table_free(t);
}

static void a_received_descriptor_cannot_be_written(void **state)
{
    (void)state;
    struct token_table *t = token_table_new("jtn", 0);
    uint64_t size, generation;
    int fd = token_look_descriptor(t, 0, &size, &generation);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_ptr_equal(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(at, MAP_FAILED);
    assert_int_equal(mprotect(at, size, PROT_READ | PROT_WRITE), -1);
    struct table table;
    assert_null(table_attach(&table, at, size));
    assert_non_null(table_attach(&table, at, size - 1));
    munmap(at, size);
    close(fd);
    token_table_free(t);
}

/* A thread changes one token without pause between two states in which every field differs; a
 * reader must never see a mixture. */
struct race {
    struct token_table *t;
    atomic_bool stop;
};

static void *flip(void *argument)
{
    struct race *race = argument;
    struct record a = record_numbered(7), b = record_numbered(7);

    record_set_subject(&a, slice_of("alice"));
    record_set_scopes(&a, slice_of("alice"));
    a.activates = 100, a.expires = NOW + 100;
    record_set_subject(&b, slice_of("bob"));
    record_set_scopes(&b, slice_of("bob"));
    b.activates = 200, b.expires = NOW + 200;
    while (!atomic_load(&race->stop)) {
        token_table_put(race->t, &a);
        token_table_put(race->t, &b);
    }
    return NULL;
}

static void judge_flipped(struct token_table *t)
{
    struct verdict v = judge_numbered(t, 7, "", NULL);

    if (v.status == STATUS_UNAVAILABLE || v.subject.len == 0)
        return;
    assert_int_equal(v.status, STATUS_OK);
    assert_true(slice_equal(v.subject, v.scopes));
    assert_int_equal(v.activates, slice_is(v.subject, "alice") ? 100 : 200);
    assert_int_equal(v.expires, NOW + v.activates);
}

static void readers_never_see_a_torn_slot(void **state)
{
    (void)state;
    struct race race = { .t = token_table_new("jtn", 0) };
    struct record r = record_numbered(7);
    pthread_t thread;

    put(race.t, &r);
    assert_int_equal(token_table_reserve(race.t, 4, 64), 0);
    assert_int_equal(pthread_create(&thread, NULL, flip, &race), 0);
    for (int i = 0; i < 300000; i++)
        judge_flipped(race.t);
    atomic_store(&race.stop, true);
    pthread_join(thread, NULL);
    token_table_free(race.t);
}

/* Use a table large enough for huge pages.  One token is changed all the time, which may interfere
 * with others. */
static void collapsing_changes_no_verdict(void **state)
{
    (void)state;
    enum { TOKENS = 1000 };
    struct race race = { .t = token_table_new("jtn", 250000) };
    pthread_t thread;
    int steps = 0;

    for (uint64_t i = 0; i < TOKENS; i++) {
        struct record r = record_numbered(i);
        put(race.t, &r);
    }
    assert_int_equal(pthread_create(&thread, NULL, flip, &race), 0);
    do {
        for (uint64_t i = 0; i < TOKENS; i++) {
            enum status status = status_numbered(race.t, i);
            assert_true(status == STATUS_OK || status == STATUS_UNAVAILABLE);
            judge_flipped(race.t);
        }
        steps++;
    } while (token_table_collapse(race.t));
    atomic_store(&race.stop, true);
    pthread_join(thread, NULL);
    assert_true(steps > 8);
    for (uint64_t i = 0; i < TOKENS; i++)
        assert_int_equal(status_numbered(race.t, i), STATUS_OK);
    assert_int_equal(status_numbered(race.t, TOKENS), STATUS_UNKNOWN);
    assert_int_equal(judge_numbered(race.t, 7, "bob", "bob").status, STATUS_OK);
    assert_int_equal(token_table_figures(race.t).tokens, TOKENS);
    token_table_free(race.t);
}

static void a_record_survives_its_line(void **state)
{
    (void)state;
    static struct record r, back;
    static char line[RECORD_LINE_MAX];
    struct text t = text_in(line, sizeof(line));
    char text[DESCRIPTION_MAX];

    r = record_numbered(9);
    memset(text, 1, sizeof(text));
    assert_null(record_set_description(&r, (struct slice){ text, DESCRIPTION_MAX }));
    assert_null(record_set_subject(&r, (struct slice){ text, SUBJECT_MAX }));
    assert_null(record_set_scopes(&r, slice_of("b,a")));
    r.revoked = 5, r.disabled = 6, r.activates = 7, r.expires = 8, r.by = 1234;
    record_write(&t, &r);
    assert_false(t.cut);
    assert_null(record_parse(&back, r.digest, text_slice(&t)));
    assert_int_equal(back.revoked, 5);
    assert_int_equal(back.disabled, 6);
    assert_int_equal(back.activates, 7);
    assert_int_equal(back.expires, 8);
    assert_int_equal(back.by, 1234);
    assert_true(slice_equal(record_description(&back), record_description(&r)));
    assert_true(slice_equal(record_subject(&back), record_subject(&r)));
    assert_true(slice_is(record_scopes(&back), "a,b"));
}

static void damaged_records_are_refused(void **state)
{
    (void)state;
    static struct record r, back;
    static char line[RECORD_LINE_MAX], copy[RECORD_LINE_MAX];
    struct text t = text_in(line, sizeof(line));
    uint8_t other[ID_SIZE] = { 0 };

    r = record_numbered(9);
    record_write(&t, &r);
    assert_non_null(record_parse(&back, other, text_slice(&t)));
    for (size_t len = 0; len + 1 < t.len; len++)
        assert_non_null(record_parse(&back, r.digest, (struct slice){ line, len }));
    memcpy(copy, line, t.len);
    copy[2] = '2';
    assert_string_equal(record_parse(&back, r.digest, (struct slice){ copy, t.len }),
                        "a record of a newer version");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_is_found_through_growth),
        cmocka_unit_test(state_comes_before_subject_before_scope),
        cmocka_unit_test(a_denial_outlives_later_records_and_growth),
        cmocka_unit_test(removed_tokens_are_unknown_and_their_slots_are_used_again),
        cmocka_unit_test(distinct_strings_never_fill_the_interning_table),
        cmocka_unit_test(a_received_descriptor_cannot_be_written),
        cmocka_unit_test(readers_never_see_a_torn_slot),
        cmocka_unit_test(collapsing_changes_no_verdict),
        cmocka_unit_test(a_record_survives_its_line),
        cmocka_unit_test(damaged_records_are_refused),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
