/* SPDX-License-Identifier: Apache-2.0 */
/* A disable is visible at once and stays, even when an enable was requested before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "daemon/writer/change_apply.h"
#include "daemon/writer/commit.h"
#include "tests/unit/support/directory.h"

enum { NOW = 1000000 };

static const uint8_t digest[DIGEST_SIZE] = { 1, 2, 3 };
static struct writer writer;
static struct mailbox replies;

static int start(void **state)
{
    struct problem problem;

    (void)state;
    if (make_directory(state) < 0)
        return -1;
    struct store *store = store_open(path, STORE_WRITE, &problem);
    if (store == NULL || !writer_init(&writer, store, "jtn", 1000, &problem))
        return -1;
    return mailbox_init(&replies);
}

static int stop(void **state)
{
    writer_destroy(&writer);
    mailbox_destroy(&replies);
    return remove_directory(state);
}

static void post(const struct change_kind *kind)
{
    struct change *c = change_new(kind);
    struct mail_list one = { NULL, NULL };

    c->reply_to = &replies;
    c->want.expires = TIME_NEVER;
    memcpy(c->want.digest, digest, DIGEST_SIZE);
    memcpy(c->id, digest, ID_SIZE);
    mail_append(&one, &c->mail);
    write_queue_post(writer.queue, &one);
}

/* Save what was posted as one batch. */
static void save(void)
{
    commit_collect(&writer);
    commit_batch(&writer, NOW);
}

static void expect_answers(int count)
{
    struct mail_list answers = mailbox_take(&replies);

    for (struct mail *m; (m = mail_pop(&answers)) != NULL; count--) {
        assert_int_equal(((struct change *)m)->problem.status, STATUS_OK);
        change_free((struct change *)m);
    }
    assert_int_equal(count, 0);
}

static uint32_t flags(void)
{
    uint8_t whole[DIGEST_SIZE];
    int64_t used;

    return token_table_look(writer.token_table, digest, whole, &used);
}

static void a_disable_stays_in_force_when_an_earlier_enable_is_saved(void **state)
{
    (void)state;
    post(&change_create);
    post(&change_disable);
    save();
    expect_answers(2);
    for (int i = 0; i < COMMIT_BATCH_MAX; i++)
        post(&change_enable);
    commit_collect(&writer);
    post(&change_disable); /* too late for this batch, as if it were being saved */
    commit_batch(&writer, NOW);
    expect_answers(COMMIT_BATCH_MAX);
    assert_int_equal(flags(), SLOT_PRESENT | SLOT_DISABLED);
    save();
    expect_answers(1);
    assert_int_equal(flags(), SLOT_PRESENT | SLOT_DISABLED);
    post(&change_enable);
    save();
    expect_answers(1);
    assert_int_equal(flags(), SLOT_PRESENT);
}

static void the_last_of_one_batch_is_what_the_token_is(void **state)
{
    (void)state;
    post(&change_create);
    post(&change_disable);
    post(&change_enable);
    post(&change_disable);
    post(&change_enable);
    save();
    expect_answers(5);
    assert_int_equal(flags(), SLOT_PRESENT);
    post(&change_enable);
    post(&change_disable);
    save();
    expect_answers(2);
    assert_int_equal(flags(), SLOT_PRESENT | SLOT_DISABLED);
}

static void pending_denies_of_many_tokens_end_in_any_order(void **state)
{
    enum { MANY = 1000 };
    static uint8_t id[MANY][ID_SIZE];
    static struct pending_deny pending[MANY];
    struct pending_denies all = { { NULL } };

    (void)state;
    for (int i = 0; i < MANY; i++) {
        randombytes_buf(id[i], ID_SIZE);
        pending_deny_begin(&all, &pending[i], id[i]);
        pending_deny_begin(&all, &pending[i], id[i]);
    }
    for (int n = 0; n < MANY; n++) {
        int i = (n * 7 + 3) % MANY;
        assert_true(pending_deny_exists(&all, id[i]));
        pending_deny_end(&pending[i]);
        pending_deny_end(&pending[i]);
        assert_false(pending_deny_exists(&all, id[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_disable_stays_in_force_when_an_earlier_enable_is_saved,
                                        start, stop),
        cmocka_unit_test_setup_teardown(the_last_of_one_batch_is_what_the_token_is, start, stop),
        cmocka_unit_test(pending_denies_of_many_tokens_end_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
