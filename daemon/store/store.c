/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/store/checkpoint_layer.h"
#include "daemon/store/file_copy.h"
#include "daemon/store/store_backup.h"
#include "daemon/store/store_private.h"

/* -- opening ---------------------------------------------------------------------------------- */

/* Forget what only the log of a backup had. */
static bool drop_note(struct store *s, struct problem *problem)
{
    const struct log_note none = { .next = 0 };
    struct overlay *nothing = overlay_new();
    bool done = nothing != NULL && tdb_file_begin(&s->base.file) &&
                checkpoint_layer_put(&s->base, nothing, NULL, &none) &&
                tdb_file_commit(&s->base.file);

    tdb_file_abandon(&s->base.file);
    overlay_free(nothing);
    if (!done)
        problem_set(problem, STATUS_STORE, "store %.150s cannot be written", s->base.file.path);
    return done;
}

/* The last process may have ended after a sync that failed: then what is read may not be what the disk has.
 * If that cannot be mended now, no transaction begins until it is. */
static void confirm(struct store *s)
{
    if (s->base.mode == STORE_WRITE && !tdb_file_repair(&s->base.file))
        log_warning("store: %s cannot be written: %s", s->base.file.path, strerror(errno));
}

static bool open_log(struct store *s, bool is_copy, struct problem *problem)
{
    struct log_note note;

    confirm(s);
    if (!store_file_read_note(&s->base, &note, problem))
        return false;
    if (note.name[0] == '\0')
        return true;
    if (is_copy)
        return drop_note(s, problem);
    s->log = store_log_open(&s->base, &note, problem);
    return s->log != NULL;
}

struct store *store_open(const char *path, enum store_mode mode, struct problem *problem)
{
    struct store *s = calloc(1, sizeof(*s));
    const bool is_copy = mode == STORE_COPY;

    if (s == NULL) {
        problem_set(problem, STATUS_STORE, "no memory");
        return NULL;
    }
    mode = is_copy ? STORE_WRITE : mode;
    *s = (struct store){ .base = { .mode = mode, .lock.fd = -1 } };
    unsetenv("TDB_NO_FSYNC"); /* TDB would obey it, and nothing would be durable */
    if (!tdb_file_init(&s->base.file, path))
        problem_set(problem, STATUS_STORE, "the store's path is too long");
    else if (store_lock_take(&s->base.lock, path, mode == STORE_WRITE, problem) &&
             (mode == STORE_READ || store_file_create(&s->base, problem)) &&
             store_file_open(&s->base, mode, problem) && open_log(s, is_copy, problem)) {
        if (mode == STORE_WRITE)
            file_copy_clean(path);
        return s;
    }
    store_close(s);
    return NULL;
}

/* What is logged is saved, if that is possible; if not, the next start finds it in the log. */
void store_close(struct store *s)
{
    if (s == NULL)
        return;
    store_backup_stop(s);
    if (s->log != NULL && s->log->checkpoint != NULL && s->log->loaded && !s->log->in_doubt &&
        !log_saving_end(s->log))
        log_warning("%s; what it lacks is in its log", s->log->problem.message);
    store_log_free(s->log);
    s->log = NULL;
    store_backup_free(s);
    tdb_file_close(&s->base.file);
    store_lock_release(&s->base.lock);
    free(s);
}

bool store_is_shared(const struct store *s)
{
    return s->base.lock.shared;
}

/* -- one transaction ------------------------------------------------------------------------- */

bool store_begin(struct store *s)
{
    return s->log != NULL ? store_log_start(s->log) : tdb_file_begin(&s->base.file);
}

static bool put_line(struct store *s, struct slice key, char *line, size_t len,
                     enum tdb_file_how how)
{
    if (!store_is_direct(s) && how == TDB_FILE_INSERT)
        return store_log_add(s->log, key, (struct slice){ line, len });
    if (!store_is_direct(s))
        return store_log_put(s->log, key, (struct slice){ line, len });
    return store_file_put_line(&s->base, key, line, len, how);
}

bool store_put_line(struct store *s, struct slice key, char *line, size_t len)
{
    return put_line(s, key, line, len, TDB_FILE_REPLACE);
}

bool store_put_value(struct store *s, struct slice key, struct slice value)
{
    if (!store_is_direct(s))
        return store_log_put(s->log, key, value);
    return tdb_file_put(&s->base.file, key, value, TDB_FILE_REPLACE);
}

bool store_put_head(struct store *s, struct slice head, size_t size)
{
    if (!store_is_direct(s))
        return store_log_put(s->log, slice_of(STORE_HEAD_KEY), head);
    struct log_note note = { .next = 0 };
    if (s->log != NULL)
        note = log_saving_note(s->log, s->log->next);
    return store_file_put_head(&s->base, head, size, &note);
}

bool store_remove_key(struct store *s, struct slice key)
{
    if (!store_is_direct(s))
        return store_log_remove(s->log, key);
    return tdb_delete(s->base.file.tdb, tdb_file_datum(key)) == 0;
}

static bool put_record(struct store *s, const struct record *record, enum tdb_file_how how)
{
    char key[RECORD_KEY_SIZE];
    struct text value = text_in(s->line, RECORD_LINE_MAX);

    record_key(record->digest, key);
    s->claims = record_write(&value, record);
    return !value.cut && put_line(s, (struct slice){ key, sizeof(key) }, s->line, value.len, how);
}

bool store_put(struct store *s, const struct record *record)
{
    return put_record(s, record, TDB_FILE_REPLACE);
}

/* Find out whether a token is there; one that is known to be new may only be in this transaction. */
static enum store_found find_token(struct store *s, const struct record *record, bool is_new)
{
    char name[RECORD_KEY_SIZE];
    const struct slice key = { name, sizeof(name) };
    TDB_DATA value;
    struct slice staged;

    record_key(record->digest, name);
    if (is_new)
        return overlay_find(s->log->staged, key, &staged) == OVERLAY_VALUE ? STORE_FOUND :
                                                                             STORE_ABSENT;
    enum store_found found = store_fetch(s, key, &value);
    if (found == STORE_FOUND)
        free(value.dptr);
    return found;
}

static enum store_found add(struct store *s, const struct record *record, bool is_new)
{
    if (!store_is_direct(s)) {
        enum store_found found = find_token(s, record, is_new);
        if (found != STORE_ABSENT)
            return found;
        return put_record(s, record, TDB_FILE_INSERT) ? STORE_ABSENT : STORE_FAILED;
    }
    if (put_record(s, record, TDB_FILE_INSERT))
        return STORE_ABSENT;
    return tdb_error(s->base.file.tdb) == TDB_ERR_EXISTS ? STORE_FOUND : STORE_FAILED;
}

enum store_found store_add(struct store *s, const struct record *record)
{
    return add(s, record, false);
}

enum store_found store_add_new(struct store *s, const struct record *record)
{
    return add(s, record, true);
}

struct slice store_claims(const struct store *s)
{
    return s->claims;
}

bool store_remove(struct store *s, const uint8_t id[ID_SIZE])
{
    char key[RECORD_KEY_SIZE];

    record_key(id, key);
    return store_remove_key(s, (struct slice){ key, sizeof(key) });
}

bool store_put_journal(struct store *s, struct journal *j)
{
    char buffer[JOURNAL_KEY_MAX];
    struct text name = text_in(buffer, sizeof(buffer));

    if (!store_is_direct(s))
        return store_log_put_journal(s->log, j);
    journal_key(&name, journal_block_number(j));
    return store_file_put_block(&s->base, text_slice(&name), journal_block(j));
}

bool store_commit(struct store *s)
{
    return store_is_direct(s) ? tdb_file_commit(&s->base.file) : store_log_commit(s->log);
}

void store_abandon(struct store *s)
{
    if (s->log != NULL)
        store_log_abandon(s->log);
    if (store_is_direct(s))
        tdb_file_abandon(&s->base.file);
}

/* -- reading one ----------------------------------------------------------------------------- */

enum store_found store_fetch(struct store *s, struct slice key, TDB_DATA *value)
{
    return s->log != NULL ? store_log_fetch(s->log, key, value) :
                            store_file_fetch(&s->base, key, value);
}

enum store_found store_get(struct store *s, const uint8_t id[ID_SIZE], struct record *record)
{
    char key[RECORD_KEY_SIZE];
    TDB_DATA value;

    record_key(id, key);
    enum store_found found = store_fetch(s, (struct slice){ key, sizeof(key) }, &value);
    if (found != STORE_FOUND)
        return found;
    const char *fault = record_parse(record, id, (struct slice){ (char *)value.dptr, value.dsize });
    free(value.dptr);
    if (fault == NULL)
        return STORE_FOUND;
    log_error("store: record %.*s: %s", RECORD_KEY_SIZE, key, fault);
    return STORE_FAILED;
}

enum store_found store_get_journal(struct store *s, uint32_t block, char *bytes, size_t *len)
{
    char buffer[JOURNAL_KEY_MAX];
    struct text name = text_in(buffer, sizeof(buffer));
    TDB_DATA value;

    journal_key(&name, block);
    enum store_found found = store_fetch(s, text_slice(&name), &value);
    if (found != STORE_FOUND)
        return found;
    *len = value.dsize;
    if (value.dsize <= JOURNAL_BLOCK_MAX)
        memcpy(bytes, value.dptr, value.dsize);
    free(value.dptr);
    return *len <= JOURNAL_BLOCK_MAX ? STORE_FOUND : STORE_FAILED;
}

struct tdb_file *store_file(struct store *s)
{
    return &s->base.file;
}

uint64_t store_size(struct store *s)
{
    if (!store_is_direct(s))
        return s->log->size;
    return s->base.file.tdb != NULL ? tdb_map_size(s->base.file.tdb) : 0;
}
