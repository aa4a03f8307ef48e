/* SPDX-License-Identifier: Apache-2.0 */
/* Bans beside the tokens that they deny, and their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "daemon/table/token_bans.h"
#include "daemon/writer/ban_load.h"
#include "tests/unit/support/writer_fixture.h"

static enum status ask_at(struct change *c, int64_t now)
{
    post_change(c);
    commit_collect(&writer);
    while (commit_batch(&writer, now))
        continue;
    return answer();
}

static void a_token_imported_after_its_ban_is_in_the_table_with_its_other_name(void **state)
{
    (void)state;
    struct change *ban = ban_of(1), *import = change_about(&change_import, 1);
    uint8_t id[ID_SIZE], signed_part[DIGEST_SIZE];

    start();
    token_table_keep_bans(writer.token_table, true);
    digest_numbered(2, signed_part);
    memcpy(ban->name[ban->names++], signed_part, DIGEST_SIZE);
    ban->want.expires = NOW + 10;
    import->want.has_signed = true;
    memcpy(import->want.signed_part, signed_part, DIGEST_SIZE);
    assert_int_equal(ask_at(ban, NOW), STATUS_OK);
    assert_int_equal(ask(&change_import, 1), STATUS_BANNED);
    assert_int_equal(writer.bans, 2);
    writer.may_purge = true;
    assert_int_equal(ask_at(import, NOW + 1000000), STATUS_OK);
    for (int restarts = 0; restarts < 2; restarts++) {
        assert_int_equal(flags_of(1), SLOT_PRESENT);
        assert_true(token_bans_find_alias(writer.token_table, signed_part, id));
        assert_int_equal(write_queue_stats(writer.queue).bans, 0);
        stop();
        start();
        assert_true(ban_load_all(&writer, &problem));
    }
    stop();
}

/* As --restore leaves it: the store has a token, revoked, and a ban of it. */
static void a_ban_is_in_force_when_the_token_goes_that_had_its_place(void **state)
{
    (void)state;
    struct ban ban = { .banned = NOW, .until = TIME_NEVER };

    digest_numbered(1, ban.digest);
    start();
    assert_int_equal(ask(&change_import, 1), STATUS_OK);
    assert_int_equal(ask(&change_revoke, 1), STATUS_OK);
    assert_true(store_begin(writer.store) && store_put_ban(writer.store, &ban));
    assert_true(store_commit(writer.store));
    stop();
    start();
    assert_true(ban_load_all(&writer, &problem));
    assert_int_equal(ask(&change_delete, 1), STATUS_OK);
    assert_int_equal(flags_of_name(ban.digest), SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED);
    assert_int_equal(writer.bans, 1);
    stop();
}

/* A clock that is wrong must not let a ban be forgotten. */
static void a_ban_is_over_only_by_a_clock_that_is_good_enough(void **state)
{
    (void)state;
    struct change *ban = ban_of(1), *import = change_about(&change_import, 1);

    start();
    ban->want.expires = NOW + 10;
    assert_int_equal(ask_at(ban, NOW), STATUS_OK);
    assert_int_equal(ask_at(import, NOW + 1000000), STATUS_BANNED);
    assert_int_equal(writer.bans, 1);
    stop();
}

/* Nor must it let one be left out: when it is set right, the credential has not ended. */
static void a_denial_leaves_its_ban_even_if_a_wrong_clock_says_that_it_is_over(void **state)
{
    (void)state;
    struct change *import = change_about(&change_import, 1), *ban = ban_of(3);
    const int64_t ahead = NOW + 1000000;
    uint8_t name[DIGEST_SIZE];

    start();
    token_table_keep_bans(writer.token_table, true);
    import->want.expires = ban->want.expires = NOW + 10;
    import->want.has_signed = true;
    digest_numbered(2, import->want.signed_part);
    assert_int_equal(ask_at(import, NOW), STATUS_OK);
    assert_int_equal(ask_at(change_about(&change_revoke, 1), ahead), STATUS_OK);
    assert_int_equal(ask_at(change_about(&change_delete, 1), ahead), STATUS_OK);
    assert_int_equal(ask_at(ban, ahead), STATUS_OK);
    for (int restarts = 0; restarts < 2; restarts++) {
        for (uint64_t number = 1; number <= 3; number++) {
            digest_numbered(number, name);
            assert_int_equal(flags_of_name(name), SLOT_PRESENT | SLOT_REVOKED | SLOT_BANNED);
        }
        assert_int_equal(writer.bans, 3);
        stop();
        start();
        assert_true(ban_load_all(&writer, &problem));
    }
    stop();
}

static void a_ban_that_is_over_is_not_put(void **state)
{
    (void)state;
    struct change *ban = ban_of(1);
    uint8_t name[DIGEST_SIZE];

    start();
    token_table_keep_bans(writer.token_table, true);
    writer.may_purge = true;
    ban->want.expires = NOW + 10;
    assert_int_equal(ask_at(ban, NOW + 1000000), STATUS_OK);
    digest_numbered(1, name);
    assert_int_equal(flags_of_name(name), 0);
    assert_int_equal(writer.bans, 0);
    stop();
}

static void a_revocation_that_is_imported_lengthens_the_one_that_is_here(void **state)
{
    (void)state;
    struct change *import[3];
    const int64_t end[] = { NOW + 10, NOW + 20, NOW + 10 };
    const enum status expected[] = { STATUS_OK, STATUS_OK, STATUS_EXISTS };
    struct ban ban;

    start();
    for (int i = 0; i < 3; i++) {
        import[i] = change_about(&change_import, 1);
        import[i]->want.expires = end[i];
        import[i]->want.revoked = NOW;
        assert_int_equal(ask_at(import[i], NOW), expected[i]);
    }
    assert_int_equal(ask(&change_delete, 1), STATUS_OK);
    digest_numbered(1, ban.digest);
    assert_int_equal(store_get_ban(writer.store, ban.digest, &ban), STORE_FOUND);
    assert_int_equal(ban.until, NOW + 20);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(a_token_imported_after_its_ban_is_in_the_table_with_its_other_name),
        WITH_DIRECTORY(a_ban_is_in_force_when_the_token_goes_that_had_its_place),
        WITH_DIRECTORY(a_ban_is_over_only_by_a_clock_that_is_good_enough),
        WITH_DIRECTORY(a_denial_leaves_its_ban_even_if_a_wrong_clock_says_that_it_is_over),
        WITH_DIRECTORY(a_ban_that_is_over_is_not_put),
        WITH_DIRECTORY(a_revocation_that_is_imported_lengthens_the_one_that_is_here),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
