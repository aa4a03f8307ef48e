/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/decide.h"
#include "daemon/writer.h"

enum { NOW = 1000000 };

static char directory[64], path[80];
static struct writer writer;
static struct mailbox home;
static struct problem problem;

static void start(void)
{
    struct store *store = store_open(path, STORE_WRITE, &problem);

    assert_non_null(store);
    assert_true(writer_init(&writer, store, "jtn", 1000, &problem));
    assert_int_equal(mailbox_init(&home), 0);
}

static void stop(void)
{
    writer_destroy(&writer);
    mailbox_destroy(&home);
}

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/jeton-test-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/t.tdb", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static void digest_numbered(uint64_t number, uint8_t digest[DIGEST_SIZE])
{
    token_digest((struct slice){ (const char *)&number, sizeof(number) }, digest);
}

static void post(const struct change_kind *kind, uint64_t number)
{
    struct change *c = change_new(kind);

    c->home = &home;
    c->want.expires = TIME_NEVER;
    digest_numbered(number, c->want.digest);
    memcpy(c->id, c->want.digest, ID_SIZE);
    mailbox_post(&writer.box, &c->mail);
}

static enum status answer(void)
{
    static struct mail_list answers;
    struct mail_list more = mailbox_take(&home);

    mail_append_list(&answers, &more);
    struct change *c = (struct change *)mail_pop(&answers);
    assert_non_null(c);
    enum status status = c->problem.status;
    change_free(c);
    return status;
}

static enum status ask(const struct change_kind *kind, uint64_t number)
{
    post(kind, number);
    writer_collect(&writer);
    while (writer_batch(&writer, NOW))
        ;
    return answer();
}

static uint32_t flags_of(uint64_t number)
{
    uint8_t digest[DIGEST_SIZE], whole[DIGEST_SIZE];
    int64_t used;

    digest_numbered(number, digest);
    return publish_look(writer.publisher, digest, whole, &used);
}

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
    writer_collect(&writer);
    while (writer_batch(&writer, NOW))
        ;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(answer(), STATUS_OK);
    assert_in_range(atomic_load(&writer.commits), 1, 8);
    assert_int_equal(atomic_load(&writer.newest), 1000);
    stop();
}

static void a_full_store_refuses_only_what_is_new(void **state)
{
    (void)state;
    start();
    uint64_t last = 1;

    assert_int_equal(ask(&change_create, 1), STATUS_OK);
    writer.store_limit = 1;                 /* the file may not grow any more */
    while (last < 20000 && ask(&change_create, last + 1) == STATUS_OK)
        last++;
    assert_int_equal(ask(&change_create, last + 1), STATUS_FULL);
    assert_int_equal(ask(&change_revoke, 1), STATUS_OK);
    assert_int_equal(ask(&change_create, last + 1), STATUS_FULL);
    assert_int_equal(ask(&change_delete, 2), STATUS_OK);
    assert_int_equal(ask(&change_create, last + 1), STATUS_OK);
    stop();
}

#define WITH_DIRECTORY(test) \
    cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(changes_take_effect_and_survive_a_restart),
        WITH_DIRECTORY(waiting_changes_share_a_few_commits),
        WITH_DIRECTORY(a_full_store_refuses_only_what_is_new),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
