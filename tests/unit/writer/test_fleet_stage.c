/* SPDX-License-Identifier: Apache-2.0 */
/* What deliveries make of the fleet's tokens, in the table and in the cache, also when a commit fails: before it has
 * done its work, or after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

#include "tests/unit/support/fleet_tokens.h"
#include "tests/unit/support/writer_fixture.h"

#include "daemon/writer/fleet_apply.h"
#include "daemon/writer/fleet_load.h"
#include "daemon/writer/fleet_up.h"

static enum { WORKS, FAILS, FAILS_WHEN_DONE } commits;
static struct fleet_entry entry;
static struct fleet_delivery *delivery;
static uint64_t here; /* serial of the place where the next delivery continues */

/* Replace the C library's functions with such as fail on demand. */
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    if (commits != FAILS)
        return real(fd, bytes, len, at);
    errno = EIO;
    return -1;
}

int fdatasync(int fd)
{
    static int (*real)(int);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    if (commits == WORKS)
        return real(fd);
    errno = EIO;
    return -1;
}

/* -- deliveries ------------------------------------------------------------------------------- */

static void begin(void)
{
    uint64_t number = fleet_status_hold(writer.fleet->status);

    assert_int_not_equal(number, 0);
    delivery = fleet_delivery_new(writer.fleet->status, number);
    assert_non_null(delivery);
    if (here > 0)
        delivery->from = fleet_place_of(here);
}

static void add(enum fleet_change_kind kind, const struct fleet_entry *e)
{
    assert_int_equal(fleet_delivery_add(delivery, kind, e->enables, &e->record), STATUS_OK);
}

static void put(uint64_t number, unsigned version)
{
    fleet_token(&entry, number, version);
    add(FLEET_CHANGE_PUT, &entry);
}

static void deny(uint64_t number)
{
    fleet_token(&entry, number, 0);
    entry.record.revoked = 90;
    add(FLEET_CHANGE_DENY, &entry);
}

/* Disable a token, or end that, with a put as the database sends it. */
static void put_disabled(uint64_t number, unsigned version, int64_t disabled)
{
    fleet_token(&entry, number, version);
    entry.record.disabled = disabled;
    entry.enables = disabled == 0;
    add(FLEET_CHANGE_PUT, &entry);
}

static void drop(uint64_t number)
{
    fleet_token(&entry, number, 0);
    add(FLEET_CHANGE_DROP, &entry);
}

/* End the delivery at this place. */
static enum status end(uint64_t serial)
{
    struct fleet_request *r = fleet_request_new(FLEET_WORD_END);

    assert_non_null(r);
    r->place = fleet_place_of(serial);
    r->delivery = delivery;
    enum status status = fleet_apply_delivery(&writer, r, &problem);
    fleet_request_free(r);
    if (status == STATUS_OK)
        here = serial;
    return status;
}

/* -- what is there ---------------------------------------------------------------------------- */

static uint32_t flags(uint64_t number)
{
    uint8_t digest[DIGEST_SIZE], whole[DIGEST_SIZE];
    int64_t used;

    fleet_digest(number, digest);
    return token_table_look(writer.token_table, digest, whole, &used);
}

/* Return the version of a token in the cache; -1: there is none. */
static int version(uint64_t number)
{
    uint8_t digest[DIGEST_SIZE];

    fleet_digest(number, digest);
    return fleet_cache_find(writer.fleet->cache, digest, &entry) == STORE_FOUND && !entry.deleted ?
               fleet_version(&entry, number) :
               -1;
}

static uint64_t place(void)
{
    return fleet_cache_place(writer.fleet->cache).serial;
}

static void load(void)
{
    start();
    assert_true(fleet_load(&writer, path, 1 << 20, &problem));
    writer.fleet_up = fleet_up_new(writer.fleet, &problem);
    assert_non_null(writer.fleet_up);
}

static void start_fleet(void)
{
    commits = WORKS;
    here = 0;
    load();
}

/* Begin with tokens 1, 2 and 3. */
static void start_with_tokens(void)
{
    start_fleet();
    begin();
    put(1, 1);
    put(2, 1);
    put(3, 1);
    assert_int_equal(end(10), STATUS_OK);
    assert_int_equal(writer.fleet->figures.tokens, 3);
}

static void restart(void)
{
    stop();
    load();
}

/* -- tests ------------------------------------------------------------------------------------ */

static void puts_are_merged_with_denials_that_were_here(void **state)
{
    (void)state;
    start_with_tokens();
    begin();
    deny(1);
    put(1, 2);
    put_disabled(2, 2, 80);
    put(2, 3);
    drop(3);
    put(3, 2);
    deny(4);
    put(4, 1);
    assert_int_equal(end(20), STATUS_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(flags(1) & (SLOT_REVOKED | SLOT_FLEET), SLOT_REVOKED | SLOT_FLEET);
        assert_int_equal(flags(2) & (SLOT_DISABLED | SLOT_REVOKED), SLOT_DISABLED);
        assert_int_equal(flags(4) & SLOT_REVOKED, SLOT_REVOKED);
        assert_int_equal(version(1), 2);
        assert_int_equal(version(2), 3);
        assert_int_equal(version(3), -1);
        assert_int_equal(place(), 20);
        restart();
    }
    stop();
}

static void a_disable_ends_with_what_enables_alone(void **state)
{
    (void)state;
    start_with_tokens();
    begin();
    put_disabled(1, 2, 80);
    assert_int_equal(end(20), STATUS_OK);
    assert_int_equal(flags(1) & SLOT_DISABLED, SLOT_DISABLED);
    begin();
    put_disabled(1, 3, 0);
    assert_int_equal(end(30), STATUS_OK);
    assert_int_equal(flags(1) & SLOT_DISABLED, 0);
    assert_int_equal(version(1), 3);
    stop();
}

static void a_delivery_from_another_place_changes_nothing(void **state)
{
    (void)state;
    start_with_tokens();
    here = 9;
    begin();
    put(1, 2);
    deny(2);
    assert_int_equal(end(20), STATUS_PLACE);
    assert_int_equal(version(1), 1);
    assert_int_equal(flags(2) & SLOT_REVOKED, 0);
    assert_int_equal(place(), 10);
    stop();
}

/* Deliver, to a disk that refuses it, what denies 2, changes 1 twice, adds 4 and 5, and drops 3 and 5. */
static void fail_to_deliver(int how)
{
    start_with_tokens();
    begin();
    put(1, 2);
    deny(2);
    put(1, 3);
    put(4, 1);
    drop(3);
    put(5, 1);
    drop(5);
    commits = how;
    assert_int_equal(end(20), STATUS_STORE);
    assert_int_not_equal(flags(2) & SLOT_REVOKED, 0);
    assert_true((flags(3) & (SLOT_REVOKED | SLOT_DISABLED)) != 0 || flags(3) == 0);
    assert_int_equal(flags(4), 0);
    assert_false(fleet_apply_settle(&writer));
    commits = WORKS;
}

static void a_commit_that_did_nothing_leaves_denials_alone(void **state)
{
    (void)state;
    fail_to_deliver(FAILS);
    assert_true(fleet_apply_settle(&writer));
    assert_int_equal(place(), 10);
    assert_int_equal(version(1), 1);
    assert_int_equal(flags(4), 0);
    assert_int_not_equal(flags(2) & SLOT_REVOKED, 0);
    assert_int_equal(writer.fleet->figures.tokens, 3);
    begin(); /* it comes again */
    put(1, 3);
    deny(2);
    put(4, 1);
    drop(3);
    assert_int_equal(end(20), STATUS_OK);
    assert_int_equal(version(1), 3);
    assert_int_equal(version(3), -1);
    assert_int_equal(writer.fleet->figures.tokens, 3);
    stop();
}

static void what_a_failed_commit_has_saved_is_published_once(void **state)
{
    (void)state;
    fail_to_deliver(FAILS_WHEN_DONE);
    assert_true(fleet_apply_settle(&writer));
    for (int again = 0; again < 2; again++) {
        assert_int_equal(place(), 20);
        assert_int_equal(version(1), 3);
        assert_int_equal(version(3), -1);
        assert_int_not_equal(flags(2) & SLOT_REVOKED, 0);
        assert_int_equal(flags(4) & (SLOT_FLEET | SLOT_REVOKED), SLOT_FLEET);
        assert_int_equal(writer.fleet->figures.tokens, 3);
        restart();
    }
    stop();
}

static void a_delivery_settles_what_is_in_doubt(void **state)
{
    (void)state;
    fail_to_deliver(FAILS_WHEN_DONE);
    begin(); /* as if nothing had been saved */
    put(4, 2);
    assert_int_equal(end(30), STATUS_PLACE);
    assert_int_equal(version(4), 1);
    here = 20;
    begin();
    put(4, 2);
    assert_int_equal(end(30), STATUS_OK);
    assert_int_equal(version(4), 2);
    stop();
}

static void denials_of_single_tokens_are_in_force_while_a_commit_is_in_doubt(void **state)
{
    (void)state;
    fail_to_deliver(FAILS);
    commits = FAILS;
    fleet_token(&entry, 1, 1);
    entry.record.revoked = 90;
    assert_int_equal(fleet_apply_entry(&writer, &entry), -EIO);
    assert_int_not_equal(flags(1) & SLOT_REVOKED, 0);
    commits = WORKS;
    fleet_token(&entry, 1, 1);
    entry.record.revoked = 90;
    assert_int_equal(fleet_apply_entry(&writer, &entry), 0);
    assert_int_equal(fleet_apply_commit(&writer), 0);
    restart();
    assert_int_not_equal(flags(1) & SLOT_REVOKED, 0);
    stop();
}

static void a_single_token_that_was_saved_all_the_same_is_published(void **state)
{
    (void)state;
    start_with_tokens();
    fleet_token(&entry, 5, 1);
    assert_int_equal(fleet_apply_entry(&writer, &entry), 0);
    commits = FAILS_WHEN_DONE;
    assert_int_equal(fleet_apply_commit(&writer), -EIO);
    commits = WORKS;
    assert_true(fleet_apply_settle(&writer));
    assert_int_equal(flags(5) & SLOT_FLEET, SLOT_FLEET);
    assert_int_equal(version(5), 1);
    assert_int_equal(writer.fleet->figures.tokens, 4);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(puts_are_merged_with_denials_that_were_here),
        WITH_DIRECTORY(a_disable_ends_with_what_enables_alone),
        WITH_DIRECTORY(a_delivery_from_another_place_changes_nothing),
        WITH_DIRECTORY(a_commit_that_did_nothing_leaves_denials_alone),
        WITH_DIRECTORY(what_a_failed_commit_has_saved_is_published_once),
        WITH_DIRECTORY(a_delivery_settles_what_is_in_doubt),
        WITH_DIRECTORY(denials_of_single_tokens_are_in_force_while_a_commit_is_in_doubt),
        WITH_DIRECTORY(a_single_token_that_was_saved_all_the_same_is_published),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
