/* SPDX-License-Identifier: Apache-2.0 */
/* Run a writer without its thread: post changes of numbered tokens, commit them, take the
 * answers. */
#ifndef JETON_TEST_WRITER_FIXTURE_H
#define JETON_TEST_WRITER_FIXTURE_H

#include "daemon/writer/change_apply.h"
#include "daemon/writer/change_ban.h"
#include "daemon/writer/commit.h"
#include "tests/unit/support/directory.h"

enum { NOW = 1000000 };

static struct writer writer;
static struct mailbox replies;
static struct problem problem;

static void start(void)
{
    struct store *store = store_open(path, STORE_WRITE, &problem);

    assert_non_null(store);
    assert_true(writer_init(&writer, store, "jtn", 1000, &problem));
    assert_int_equal(mailbox_init(&replies), 0);
}

static void stop(void)
{
    writer_destroy(&writer);
    mailbox_destroy(&replies);
}

static void digest_numbered(uint64_t number, uint8_t digest[DIGEST_SIZE])
{
    token_digest((struct slice){ (const char *)&number, sizeof(number) }, digest);
}

static struct change *change_about(const struct change_kind *kind, uint64_t number)
{
    struct change *c = change_new(kind);

    c->reply_to = &replies;
    c->want.expires = TIME_NEVER;
    digest_numbered(number, c->want.digest);
    memcpy(c->id, c->want.digest, ID_SIZE);
    return c;
}

static void post_change(struct change *c)
{
    struct mail_list one = { NULL, NULL };

    mail_append(&one, &c->mail);
    write_queue_post(writer.queue, &one);
}

static void post(const struct change_kind *kind, uint64_t number)
{
    post_change(change_about(kind, number));
}

/* Make a ban of the credential with this number. */
static inline struct change *ban_of(uint64_t number)
{
    struct change *c = change_about(&change_ban, number);

    memcpy(c->name[c->names++], c->want.digest, DIGEST_SIZE);
    return c;
}

/* Make a rotation; the new token has the number from + 100. */
static inline struct change *rotation(uint64_t from)
{
    struct change *c = change_about(&change_rotate, from);

    digest_numbered(from + 100, c->want.digest);
    return c;
}

static enum status answer(void)
{
    static struct mail_list answers;
    struct mail_list more = mailbox_take(&replies);

    mail_append_list(&answers, &more);
    struct change *c = (struct change *)mail_pop(&answers);
    assert_non_null(c);
    problem = c->problem;
    change_free(c);
    return problem.status;
}

static enum status work_and_answer(void)
{
    commit_collect(&writer);
    while (commit_batch(&writer, NOW))
        continue;
    return answer();
}

static inline enum status ask(const struct change_kind *kind, uint64_t number)
{
    post(kind, number);
    return work_and_answer();
}

static inline uint32_t flags_of(uint64_t number)
{
    uint8_t digest[DIGEST_SIZE], whole[DIGEST_SIZE];
    int64_t used;

    digest_numbered(number, digest);
    return token_table_look(writer.token_table, digest, whole, &used);
}

/* Return the flags of whatever has this digest: a token, a ban or another name of a token. */
static inline uint32_t flags_of_name(const uint8_t digest[DIGEST_SIZE])
{
    const struct generation *g = token_table_enter(writer.token_table, 0);
    struct table_entry entry = { 0 };
    bool found = table_find(token_table_table(g), digest, &entry) == TABLE_HIT;

    token_table_leave(writer.token_table, 0);
    return found ? entry.flags : 0;
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

#endif
