/* SPDX-License-Identifier: Apache-2.0 */
/* When the epoch of a store goes on, and when a new one begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <sys/wait.h>

#include "daemon/writer/scan_run.h"
#include "tests/unit/support/writer_fixture.h"

static char note[96], copy[96];

static void name_files(void)
{
    snprintf(note, sizeof(note), "%s.epoch", path);
    snprintf(copy, sizeof(copy), "%s.copy", path);
}

/* Copy a file, into the one that is there if there is one. */
static void copy_file(const char *from, const char *to)
{
    char command[256];

    snprintf(command, sizeof(command), "cat %s > %s", from, to);
    assert_int_equal(system(command), 0);
}

/* Open the store and commit what is due; its epoch. */
static void open_epoch(char epoch[EPOCH_TEXT + 1])
{
    start();
    commit_batch(&writer, NOW);
    assert_false(writer.history.unsaved);
    strcpy(epoch, write_queue_epoch(writer.queue));
    assert_int_equal(strlen(epoch), EPOCH_TEXT);
    assert_in_range(epoch[0], 'a', 'f');
}

/* Check whether an epoch goes on, and that the one that is there now does. */
static void assert_epoch(const char *before, bool same)
{
    char now[EPOCH_TEXT + 1], again[EPOCH_TEXT + 1];

    open_epoch(now);
    stop();
    if (same)
        assert_string_equal(now, before);
    else
        assert_string_not_equal(now, before);
    open_epoch(again);
    stop();
    assert_string_equal(again, now);
}

/* Make a store with so many tokens, and note its epoch. */
static void make(char epoch[EPOCH_TEXT + 1], uint64_t tokens)
{
    name_files();
    open_epoch(epoch);
    for (uint64_t i = 1; i <= tokens; i++)
        assert_int_equal(ask(&change_create, i), STATUS_OK);
}

static void epoch_goes_on_over_an_end_in_good_order_and_a_sudden_one(void **state)
{
    char epoch[EPOCH_TEXT + 1];

    (void)state;
    make(epoch, 3);
    stop();
    assert_epoch(epoch, true);
    pid_t child = fork();
    if (child == 0) {
        start();
        _exit(ask(&change_create, 4) == STATUS_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_epoch(epoch, true);
}

/* Make a store that a copy of it lacks a change of. */
static void make_with_older_copy(char epoch[EPOCH_TEXT + 1])
{
    make(epoch, 3);
    copy_file(path, copy);
    assert_int_equal(ask(&change_create, 4), STATUS_OK);
    stop();
}

static void backup_in_the_place_of_the_store_begins_an_epoch(void **state)
{
    char epoch[EPOCH_TEXT + 1];

    (void)state;
    make_with_older_copy(epoch);
    assert_int_equal(rename(copy, path), 0);
    assert_epoch(epoch, false);
}

static void backup_copied_into_the_file_begins_an_epoch(void **state)
{
    char epoch[EPOCH_TEXT + 1];

    (void)state;
    make_with_older_copy(epoch);
    copy_file(copy, path);
    assert_epoch(epoch, false);
}

static void copy_of_the_newest_state_is_another_file_and_begins_an_epoch(void **state)
{
    char epoch[EPOCH_TEXT + 1];

    (void)state;
    make(epoch, 3);
    stop();
    copy_file(path, copy);
    assert_int_equal(rename(copy, path), 0);
    assert_epoch(epoch, false);
}

static void missing_torn_or_strange_note_begins_an_epoch(void **state)
{
    static const char *const commands[] = {
        "rm %s",           "truncate -s 60 %s",      "sed -i s/serial=0/serial=x/ %s",
        "echo more >> %s", "f=%s; rm $f; mkfifo $f", "f=%s; rm $f; ln -s other $f",
    };
    char epoch[EPOCH_TEXT + 1], command[256];

    (void)state;
    make(epoch, 3);
    stop();
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        snprintf(command, sizeof(command), commands[i], note);
        assert_int_equal(system(command), 0);
        assert_epoch(epoch, false);
        open_epoch(epoch);
        stop();
    }
}

static void store_without_an_epoch_is_given_one(void **state)
{
    char command[256], epoch[EPOCH_TEXT + 1];

    (void)state;
    name_files();
    struct store *store = store_open(path, STORE_WRITE, &problem); /* makes it, and no epoch */
    assert_non_null(store);
    store_close(store);
    open_epoch(epoch);
    stop();
    assert_epoch(epoch, true);
    snprintf(command, sizeof(command), "tdbdump %s | grep -q 'created=.*epoch=%s '", path, epoch);
    assert_int_equal(system(command), 0);
}

/* A store that is moved away cannot be written: the epoch waits for the next commit. */
static void epoch_that_could_not_be_saved_is_saved_with_the_next_change(void **state)
{
    (void)state;
    name_files();
    start();
    assert_true(writer.history.unsaved);
    assert_int_equal(rename(path, copy), 0);
    commit_batch(&writer, NOW);
    assert_true(writer.history.unsaved);
    assert_int_equal(rename(copy, path), 0);
    assert_int_equal(ask(&change_create, 1), STATUS_OK);
    assert_false(writer.history.unsaved);
    char epoch[EPOCH_TEXT + 1];
    strcpy(epoch, write_queue_epoch(writer.queue));
    stop();
    assert_epoch(epoch, true);
}

/* As after a commit that failed, when the store was read again: the journal has an entry of which
 * it is not known yet whether the disk has it. */
static void entry_is_shown_only_when_it_is_known_to_be_saved(void **state)
{
    const struct scan_sources sources = { &writer, NULL, NULL };
    struct scan *scan = calloc(1, sizeof(*scan));
    char epoch[EPOCH_TEXT + 1];

    (void)state;
    make(epoch, 2);
    assert_int_equal(journal_begin(writer.journal), 0);
    struct text entry = journal_entry(writer.journal, NOW, "create");
    assert_true(journal_entry_end(writer.journal, &entry));
    journal_end(writer.journal, 2);
    assert_true(store_begin(writer.store) && store_put_journal(writer.store, writer.journal) &&
                store_commit(writer.store));
    scan->verb = VERB_JOURNAL;
    scan->limit = UINT64_MAX;
    assert_true(scan_run(scan, &sources, NOW));
    scan->bytes[scan->len] = '\0';
    assert_non_null(strstr(scan->bytes, "serial=2 "));
    assert_null(strstr(scan->bytes, "serial=3 "));
    assert_non_null(strstr(scan->bytes, "OK count=2 "));
    free(scan);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(epoch_goes_on_over_an_end_in_good_order_and_a_sudden_one),
        WITH_DIRECTORY(backup_in_the_place_of_the_store_begins_an_epoch),
        WITH_DIRECTORY(backup_copied_into_the_file_begins_an_epoch),
        WITH_DIRECTORY(copy_of_the_newest_state_is_another_file_and_begins_an_epoch),
        WITH_DIRECTORY(missing_torn_or_strange_note_begins_an_epoch),
        WITH_DIRECTORY(store_without_an_epoch_is_given_one),
        WITH_DIRECTORY(epoch_that_could_not_be_saved_is_saved_with_the_next_change),
        WITH_DIRECTORY(entry_is_shown_only_when_it_is_known_to_be_saved),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
