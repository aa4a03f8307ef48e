/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <sodium.h>
#include <time.h>

#include "daemon/writer/uncertain.h"
#include "proto/stamp.h"
#include "tests/unit/support/writer_fixture.h"

static void changes_take_effect_and_survive_a_restart(void **state)
{
    (void)state;
    start();
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
    assert_int_equal(ask(&change_create, 1), STATUS_EXISTS);
    assert_int_equal(ask(&change_revoke, 1), STATUS_OK);
    assert_int_equal(ask(&change_disable, 2), STATUS_OK);
    assert_int_equal(ask(&change_disable, 3), STATUS_OK);
    assert_int_equal(ask(&change_enable, 3), STATUS_OK);
    assert_int_equal(ask(&change_enable, 1), STATUS_REVOKED);
    assert_int_equal(ask(&change_delete, 4), STATUS_OK);
    assert_int_equal(ask(&change_delete, 4), STATUS_UNKNOWN);
    for (int restarts = 0; restarts < 2; restarts++) {
        assert_int_equal(flags_of(1), SLOT_PRESENT | SLOT_REVOKED);
        assert_int_equal(flags_of(2), SLOT_PRESENT | SLOT_DISABLED);
        assert_int_equal(flags_of(3), SLOT_PRESENT);
        assert_int_equal(flags_of(4), 0);
        assert_int_equal(flags_of(5), SLOT_PRESENT);
        stop();
        start();
    }
    stop();
}

static void waiting_changes_share_a_few_commits(void **state)
{
    (void)state;
    start();
    for (uint64_t i = 0; i < 1000; i++)
        post(&change_create, i);
    commit_collect(&writer);
    while (commit_batch(&writer, NOW))
        ;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(answer(), STATUS_OK);
    assert_in_range(write_queue_stats(writer.queue).commits, 1, 8);
    assert_int_equal(write_queue_stats(writer.queue).journal_newest, 1000);
    stop();
}

static void a_full_store_refuses_only_what_is_new(void **state)
{
    (void)state;
    uint64_t token = 10000, full = 0;

    start();
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
    writer.store_limit = 1;
    while (full == 0) {
        for (uint64_t i = 0; i < 500; i++)
            post(&change_create, token++);
        full += work_and_answer() == STATUS_FULL;
        for (uint64_t i = 1; i < 500; i++)
            full += answer() == STATUS_FULL;
    }
    assert_int_equal(ask(&change_create, token), STATUS_FULL);
    assert_int_equal(ask(&change_revoke, 1), STATUS_OK);
    assert_int_equal(ask(&change_disable, 2), STATUS_OK);
    assert_int_equal(ask(&change_create, 3), STATUS_FULL);
    for (uint64_t i = 3; i < 8; i++)
        assert_int_equal(ask(&change_delete, i), STATUS_OK);
    assert_int_equal(ask(&change_create, token), STATUS_OK);
    assert_int_equal(write_queue_stats(writer.queue).failures, 0);
    stop();
    start();
    assert_int_equal(flags_of(token), SLOT_PRESENT);
    stop();
}

static void a_denial_takes_effect_before_the_writer_sees_it(void **state)
{
    (void)state;
    start();
    assert_int_equal(ask(&change_create, 1), STATUS_OK);
    post(&change_revoke, 1);
    assert_int_equal(flags_of(1), SLOT_PRESENT | SLOT_REVOKED);
    assert_int_equal(work_and_answer(), STATUS_OK);
    stop();
}

/* Post another creation while this one is applied. */
static enum status create_beside(struct change *c, struct store *store, int64_t now)
{
    post(&change_create, 2);
    return change_create.apply(c, store, now);
}

static void what_is_posted_while_a_batch_is_applied_is_saved_with_it(void **state)
{
    (void)state;
    struct change_kind kind = change_create;

    kind.apply = create_beside;
    start();
    post(&kind, 1);
    commit_collect(&writer);
    assert_true(commit_batch(&writer, NOW));
    assert_int_equal(write_queue_stats(writer.queue).commits, 1);
    assert_int_equal(write_queue_stats(writer.queue).changes, 2);
    assert_int_equal(answer(), STATUS_OK);
    assert_int_equal(answer(), STATUS_OK);
    stop();
}

static void (*while_waiting)(void); /* called once when the writer waits; NULL: it really waits */

/* This takes the place of the C library's. */
int poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
    const struct timespec limit = { .tv_nsec = milliseconds * 1000000L };
    void (*call)(void) = while_waiting;

    while_waiting = NULL;
    if (call != NULL)
        call();
    return ppoll(fds, count, &limit, NULL);
}

static void post_the_expected(void)
{
    post(&change_create, 2);
    write_queue_expect(writer.queue, -1);
}

static void a_batch_waits_for_expected_changes(void **state)
{
    (void)state;
    start();
    write_queue_expect(writer.queue, 1);
    while_waiting = post_the_expected;
    post(&change_create, 1);
    commit_collect(&writer);
    assert_true(commit_batch(&writer, NOW));
    assert_null(while_waiting);
    assert_int_equal(write_queue_stats(writer.queue).commits, 1);
    assert_int_equal(write_queue_stats(writer.queue).changes, 2);
    assert_int_equal(answer(), STATUS_OK);
    assert_int_equal(answer(), STATUS_OK);
    stop();
}

static void a_batch_does_not_wait_for_ever(void **state)
{
    (void)state;
    start();
    write_queue_expect(writer.queue, 1);
    assert_int_equal(ask(&change_create, 1), STATUS_OK);
    assert_int_equal(ask(&change_create, 2), STATUS_OK);
    stop();
}

static enum status ask_dates(const struct change_kind *kind, uint64_t number, uint64_t given,
                             int64_t activates, int64_t expires)
{
    struct change *c = change_about(kind, number);

    c->given = given;
    c->want.activates = activates;
    c->want.expires = expires;
    post_change(c);
    return work_and_answer();
}

static void no_token_expires_before_it_becomes_active(void **state)
{
    (void)state;
    start();
    assert_int_equal(ask_dates(&change_create, 1, 0, NOW + 60, NOW + 60), STATUS_BAD_VALUE);
    assert_int_equal(ask_dates(&change_create, 1, 0, NOW + 60, NOW + 61), STATUS_OK);
    assert_int_equal(ask_dates(&change_update, 1, KEY_BIT(KEY_EXPIRES), 0, NOW + 60),
                     STATUS_BAD_VALUE);
    assert_int_equal(ask_dates(&change_update, 1, KEY_BIT(KEY_EXPIRES), 0, NOW + 90), STATUS_OK);
    assert_int_equal(ask_dates(&change_create, 2, 0, 0, NOW + 60), STATUS_OK);
    assert_int_equal(ask_dates(&change_update, 2, KEY_BIT(KEY_EXPIRES), 0, NOW), STATUS_BAD_VALUE);
    assert_int_equal(ask_dates(&change_create, 3, 0, 0, NOW + 60), STATUS_OK);
    struct change *c = rotation(3);
    c->delay = 60;
    post_change(c);
    assert_int_equal(work_and_answer(), STATUS_BAD_VALUE);
    assert_int_equal(flags_of(3), SLOT_PRESENT);
    stop();
}

static void a_rotated_token_ends_with_the_grace_or_before(void **state)
{
    (void)state;
    static const struct {
        int64_t activates, expires, grace, then;
        bool revoked;
    } cases[] = {
        { 0, TIME_NEVER, 0, TIME_NEVER, true },
        { 0, TIME_NEVER, 100, NOW + 100, false },
        { 0, NOW + 50, 100, NOW + 50, false },
        { NOW + 60, TIME_NEVER, 61, NOW + 61, false },
        { NOW + 60, TIME_NEVER, 60, TIME_NEVER, true },
    };

    start();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct record old, new;
        uint8_t digest[DIGEST_SIZE];
        ask_dates(&change_create, i, 0, cases[i].activates, cases[i].expires);
        struct change *c = rotation(i);
        c->grace = cases[i].grace;
        post_change(c);
        assert_int_equal(work_and_answer(), STATUS_OK);
        digest_numbered(i, digest);
        assert_int_equal(store_get(writer.store, digest, &old), STORE_FOUND);
        digest_numbered(i + 100, digest);
        assert_int_equal(store_get(writer.store, digest, &new), STORE_FOUND);
        assert_int_equal(old.expires, cases[i].then);
        assert_int_equal(old.revoked != 0, cases[i].revoked);
        assert_int_equal(new.expires, cases[i].expires);
        assert_int_equal(new.activates, cases[i].activates);
    }
    stop();
}

enum { LONG = 11, GRACE = 5 }; /* bytes of description for each number; seconds */

static void post_long(uint64_t number)
{
    static char text[DESCRIPTION_MAX];
    struct change *c = change_about(&change_create, number);

    memset(text, 'd', sizeof(text));
    c->want.expires = NOW + 1000 + (int64_t)number;
    assert_null(record_set_description(&c->want, (struct slice){ text, LONG * number }));
    post_change(c);
}

/* Check that all fields of an entry belong to the number that its description's length gives. */
static void check_entry(struct slice entry)
{
    char bytes[JOURNAL_ENTRY_MAX];
    struct line line;
    const char *why;
    uint8_t id[ID_SIZE], digest[DIGEST_SIZE];
    int64_t expires;

    memcpy(bytes, entry.at, entry.len);
    assert_int_equal(line_parse(bytes, entry.len, &line, &why), STATUS_OK);
    uint64_t number = line_get(&line, "description").len / LONG;
    assert_true(stamp_parse(line_get(&line, "expires"), &expires));
    bool ends = slice_is(line_get(&line, "event"), "update");
    assert_int_equal(expires, ends ? NOW + GRACE : NOW + 1000 + (int64_t)number);
    assert_true(token_id_parse(line_get(&line, "id"), id));
    digest_numbered(slice_is(line_get(&line, "event"), "rotate") ? number + 100 : number, digest);
    assert_memory_equal(id, digest, ID_SIZE);
}

/* Use one batch that fills more than a block. */
static void every_entry_shows_the_claims_of_its_token(void **state)
{
    (void)state;
    enum { CREATED = 90, ROTATED = 10 };
    static char bytes[JOURNAL_BLOCK_MAX];
    uint64_t entries = 0;
    uint32_t block = 0;
    size_t len;

    start();
    for (uint64_t i = 1; i <= CREATED; i++)
        post_long(i);
    for (uint64_t i = 1; i <= ROTATED; i++) {
        struct change *c = rotation(i * 7);
        c->grace = GRACE;
        post_change(c);
    }
    assert_int_equal(work_and_answer(), STATUS_OK);
    for (int i = 1; i < CREATED + ROTATED; i++)
        assert_int_equal(answer(), STATUS_OK);
    assert_int_equal(write_queue_stats(writer.queue).commits, 1);
    stop();
    start();
    for (; store_get_journal(writer.store, block, bytes, &len) == STORE_FOUND; block++) {
        struct slice rest = journal_entries((struct slice){ bytes, len }, 0), entry;
        for (; journal_take_entry(&rest, &entry); entries++)
            check_entry(entry);
        assert_int_equal(rest.len, 0);
    }
    assert_int_equal(entries, CREATED + 2 * ROTATED);
    assert_true(block > 1);
    stop();
}

static void a_failed_change_is_explained(void **state)
{
    (void)state;
    struct change *c = change_about(&change_create, 1);
    static const struct {
        enum outcome outcome;
        const char *text;
    } cases[] = {
        { OUTCOME_NOTHING, "not done" },
        { OUTCOME_UNCERTAIN, "look with 'show " },
        { OUTCOME_DONE, "its value is lost: delete " },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        c->problem.status = STATUS_OK;
        c->puts = true;
        c->value_len = 53;
        uncertain_explain(c, cases[i].outcome, false);
        assert_int_equal(c->problem.status, STATUS_STORE);
        assert_non_null(strstr(c->problem.message, cases[i].text));
    }
    change_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(changes_take_effect_and_survive_a_restart),
        WITH_DIRECTORY(waiting_changes_share_a_few_commits),
        WITH_DIRECTORY(a_full_store_refuses_only_what_is_new),
        WITH_DIRECTORY(a_denial_takes_effect_before_the_writer_sees_it),
        WITH_DIRECTORY(what_is_posted_while_a_batch_is_applied_is_saved_with_it),
        WITH_DIRECTORY(a_batch_waits_for_expected_changes),
        WITH_DIRECTORY(a_batch_does_not_wait_for_ever),
        WITH_DIRECTORY(no_token_expires_before_it_becomes_active),
        WITH_DIRECTORY(a_rotated_token_ends_with_the_grace_or_before),
        WITH_DIRECTORY(every_entry_shows_the_claims_of_its_token),
        WITH_DIRECTORY(a_failed_change_is_explained),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
