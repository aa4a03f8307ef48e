/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that a checkpoint writes over in their places: on a disk whose syncs fail, where the kernel takes for
 * clean what is only partly durable, so that the file reads as if all were there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>

#include "daemon/base/log.h"
#include "daemon/store/checkpoint_layer.h"
#include "daemon/store/store_private.h"
#include "daemon/store/store_saving.h"
#include "tests/unit/support/faulty_disk.h"
#include "tests/unit/support/logged_store.h"
#include "tests/unit/support/numbered_tokens.h"

enum { TOKENS = 480, EACH = 16, STORE_FILE = 0 };

/* Revoke about one in each page. */
static void revoke_some(struct store *s)
{
    assert_true(store_begin(s));
    for (uint64_t i = EACH; i <= TOKENS; i += EACH) {
        struct record r = record_numbered(i);
        r.revoked = 1000 + (int64_t)i;
        assert_true(store_put(s, &r));
    }
    assert_true(store_commit(s));
}

static void check_revoked(struct store *s)
{
    struct record back;

    for (uint64_t i = 1; i <= TOKENS; i++) {
        assert_int_equal(store_get(s, record_numbered(i).digest, &back), STORE_FOUND);
        assert_int_equal(back.revoked, i % EACH == 0 ? 1000 + i : 0);
    }
}

/* Have a checkpoint made by its thread. */
static void await_checkpoint(struct store *s)
{
    const uint64_t ended = store_saving(s).ended;

    store_ask_checkpoint(s, store_saving(s).next);
    while (store_saving(s).ended == ended) {
        store_step(s);
        usleep(1000);
    }
}

/* Return a store whose last checkpoint wrote over lines, which a failed sync lost. */
static struct store *lose_lines(void)
{
    struct store *s = open_logged();

    save(s, journal, 1, TOKENS);
    await_checkpoint(s);
    revoke_some(s);
    disk_simulate(path);
    disk.error = EIO;
    disk.calls = CALL_SYNC;
    disk.fail_from = 0;
    disk.fail_count = 1;
    disk.armed = true;
    await_checkpoint(s);
    assert_int_equal(store_saving(s).failures, 1);
    disk.armed = false;
    return s;
}

/* Check what is left of the file if power fails now, without its log. */
static void check_after_cut(void)
{
    char command[300];

    disk_cut();
    snprintf(command, sizeof(command), "rm -f %s.wal", path);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof(path), "%s/cut", directory);
    disk_restore(path);
    struct store *s = open_store();
    check_revoked(s);
    close_store(s);
}

static void lines_that_a_failed_sync_lost_are_saved_by_the_next_checkpoint(void **state)
{
    (void)state;
    struct store *s = lose_lines();

    log_saving_settle(s->log);
    s->log->retry = 0;
    await_checkpoint(s);
    assert_int_equal(store_saving(s).failures, 1);
    disk.armed = false;
    close_store(s);
    check_after_cut();
}

static void lines_that_a_failed_sync_lost_are_saved_when_the_store_is_closed(void **state)
{
    (void)state;
    struct store *s = lose_lines();

    close_store(s);
    check_after_cut();
}

static void lines_that_a_failed_sync_lost_are_saved_when_the_log_is_given_up(void **state)
{
    (void)state;
    struct store *s = lose_lines();

    /* It cannot be saved now, as if it was killed; the next start does without a log. */
    disk.armed = true;
    disk.bad_file = STORE_FILE;
    close_store(s);
    disk.armed = false;
    s = open_store();
    assert_true(store_saving(s).since != 0); /* the log has them */
    assert_true(store_use_log(s, 0, &problem));
    check_revoked(s);
    close_store(s);
    check_after_cut();
}

static bool is_known_as_new(const struct store *s, uint64_t number)
{
    char key[RECORD_KEY_SIZE];
    struct overlay_entry e;

    record_key(record_numbered(number).digest, key);
    for (size_t at = 0; overlay_next(s->log->active, &at, &e);)
        if (slice_equal(e.key, (struct slice){ key, sizeof(key) }))
            return e.added;
    fail_msg("token %llu is not logged", (unsigned long long)number);
    return false;
}

/* TDB would look twice more for each. */
static void added_tokens_are_known_as_new_to_the_checkpoint(void **state)
{
    (void)state;
    struct store *s = open_logged();
    const struct record one = record_numbered(1), two = record_numbered(2);

    assert_true(store_begin(s));
    assert_int_equal(store_add(s, &one), STORE_ABSENT);
    assert_int_equal(store_add_new(s, &two), STORE_ABSENT);
    assert_true(store_commit(s));
    assert_true(is_known_as_new(s, 1) && is_known_as_new(s, 2));
    await_checkpoint(s);
    assert_true(store_begin(s) && store_put(s, &one) && store_commit(s));
    assert_false(is_known_as_new(s, 1));
    close_store(s);
}

/* What is taken for new may be there all the same: a checkpoint in doubt turned out done. */
static void added_tokens_that_are_there_are_written(void **state)
{
    (void)state;
    struct store *s = open_logged();
    struct record one = record_numbered(1), back;

    save(s, journal, 1, 2);
    await_checkpoint(s);
    one.revoked = 77;
    assert_true(store_begin(s));
    assert_int_equal(store_add_new(s, &one), STORE_ABSENT);
    assert_true(store_commit(s));
    await_checkpoint(s);
    assert_int_equal(store_saving(s).failures, 0);
    close_store(s);
    s = open_store();
    assert_int_equal(store_get(s, one.digest, &back), STORE_FOUND);
    assert_int_equal(back.revoked, 77);
    close_store(s);
}

static void put_in_layer(struct overlay *layer, const struct record *r)
{
    char key[RECORD_KEY_SIZE], line[RECORD_LINE_MAX];
    struct text value = text_in(line, sizeof(line));

    record_key(r->digest, key);
    record_write(&value, r);
    assert_true(overlay_put(layer, (struct slice){ key, sizeof(key) }, text_slice(&value)));
}

static enum lookup_found look(struct tdb_lookup *lookup, uint64_t number)
{
    char key[RECORD_KEY_SIZE], value[RECORD_LINE_MAX];
    size_t len;

    record_key(record_numbered(number).digest, key);
    return tdb_lookup_get(lookup, (struct slice){ key, sizeof(key) }, value, sizeof(value), &len);
}

/* Who reads another record of the same chain need not wait for the commit, which takes several syncs. */
static void lines_that_are_written_over_leave_their_chains_to_readers(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct overlay *layer = overlay_new();
    const struct log_note none = { .next = 0 };
    struct record one = record_numbered(1), three = record_numbered(3);

    save(s, journal, 1, 2);
    one.revoked = 77;
    put_in_layer(layer, &one);
    put_in_layer(layer, &three);
    struct tdb_lookup *lookup = tdb_lookup_open(path);
    assert_true(lookup != NULL && tdb_file_begin(&s->base.file));
    assert_true(checkpoint_layer_put(&s->base, layer, lookup, &none));
    tdb_lookup_commit_begin(lookup, false);
    assert_int_equal(look(lookup, 1), LOOKUP_FOUND);
    assert_int_equal(look(lookup, 2), LOOKUP_FOUND);
    assert_int_equal(look(lookup, 3), LOOKUP_BUSY);
    assert_true(tdb_file_commit(&s->base.file));
    tdb_lookup_commit_end(lookup);
    assert_int_equal(look(lookup, 3), LOOKUP_FOUND);
    tdb_lookup_close(lookup);
    overlay_free(layer);
    assert_int_equal(store_get(s, one.digest, &one), STORE_FOUND);
    assert_int_equal(one.revoked, 77);
    close_store(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(lines_that_a_failed_sync_lost_are_saved_by_the_next_checkpoint),
        WITH_DIRECTORY(lines_that_a_failed_sync_lost_are_saved_when_the_store_is_closed),
        WITH_DIRECTORY(lines_that_a_failed_sync_lost_are_saved_when_the_log_is_given_up),
        WITH_DIRECTORY(added_tokens_are_known_as_new_to_the_checkpoint),
        WITH_DIRECTORY(added_tokens_that_are_there_are_written),
        WITH_DIRECTORY(lines_that_are_written_over_leave_their_chains_to_readers),
    };

    log_size = 1 << 20;
    log_set_level((enum log_level)0);
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
