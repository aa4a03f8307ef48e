/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store_log.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/store/checkpoint_layer.h"

/* tdb grows a large file by a tenth: from NEAR_LIMIT on the writer must know before each token how large
 * the file is (writer_state.c). */
#define NEAR_LIMIT ((UINT64_C(7) << 29) - (UINT64_C(128) << 20))

enum { SEGMENTS = 8, LINE_EXTRA = 8, LOOK_WAIT = 20, LOOKS_MAX = 500 };

struct store_log *store_log_new(struct store_file *store)
{
    struct store_log *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->store = store;
    l->staged = overlay_new();
    l->active = overlay_new();
    l->checkpoint = store->mode == STORE_WRITE ? checkpoint_new(store) : NULL;
    if (l->staged != NULL && l->active != NULL &&
        (store->mode == STORE_READ || l->checkpoint != NULL))
        return l;
    store_log_free(l);
    return NULL;
}

void store_log_free(struct store_log *l)
{
    if (l == NULL)
        return;
    checkpoint_free(l->checkpoint);
    wal_close(l->wal);
    overlay_free(l->staged);
    overlay_free(l->active);
    overlay_free(l->frozen);
    log_body_free(&l->entries);
    log_body_free(&l->body);
    log_body_free(&l->replay);
    free(l);
}

/* Begin the log in a file of that size; if there is no space for that, in the one that is there. */
static bool begin_file(struct wal *w, const struct log_note *note, uint64_t size,
                       struct problem *problem)
{
    const struct wal_shape wanted = { SEGMENTS,
                                      (uint32_t)(size / SEGMENTS) / WAL_BLOCK * WAL_BLOCK };
    const struct wal_shape *old = wal_shape(w);

    if (wal_begin(w, note->name, note->next, &wanted, problem))
        return true;
    return old != NULL && memcmp(old, &wanted, sizeof(wanted)) != 0 &&
           wal_begin(w, note->name, note->next, old, problem);
}

/* Take back a note that an attempt has left which failed: a log of another name would not go with it. */
static bool clear_note(struct store_log *l, struct problem *problem)
{
    const struct log_note none = { .next = 0 };
    struct log_note note;

    if (!store_file_read_note(l->store, &note, problem))
        return false;
    if (note.name[0] == '\0' || checkpoint_save(l->checkpoint, l->active, &none))
        return true;
    *problem = checkpoint_outcome(l->checkpoint)->problem;
    return false;
}

/* First the log, then the note: a log that is not noted is of no use. */
static bool begin(struct store_log *l, uint64_t size, struct problem *problem)
{
    struct log_note note;

    if (!clear_note(l, problem))
        return false;
    log_note_name(&note);
    l->wal = wal_open(l->store->file.path, WAL_WRITE, problem);
    if (l->wal == NULL || !begin_file(l->wal, &note, size, problem))
        return false;
    memcpy(l->name, note.name, sizeof(l->name));
    l->next = l->saved = note.next;
    l->loaded = true;
    l->size = tdb_map_size(l->store->file.tdb);
    if (checkpoint_save(l->checkpoint, l->active, &note))
        return true;
    *problem = checkpoint_outcome(l->checkpoint)->problem;
    return false;
}

struct store_log *store_log_begin(struct store_file *store, uint64_t size, struct problem *problem)
{
    struct store_log *l = store->file.tdb != NULL ? store_log_new(store) : NULL;

    problem_set(problem, STATUS_STORE, "no memory for a log, or the store is not open");
    if (l != NULL && begin(l, size, problem))
        return l;
    store_log_free(l);
    return NULL;
}

/* -- one transaction -------------------------------------------------------------------------- */

/* Look once a second whether the file is at its path: what is logged for another would be lost. */
static bool is_in_place(struct store_log *l)
{
    int64_t now = clock_seconds();

    if (now == l->looked)
        return true;
    bool is = tdb_file_is_in_place(&l->store->file);
    if (!is && l->looked != 0)
        log_error("store: %s was moved away or replaced", l->store->file.path);
    l->looked = is ? now : 0;
    return is;
}

bool store_log_start(struct store_log *l)
{
    struct tdb_file *file = &l->store->file;

    l->direct = false;
    if (l->in_doubt || l->broken || !is_in_place(l))
        return false;
    if (l->size >= NEAR_LIMIT) {
        l->direct = true;
        return log_saving_flush(l) && tdb_file_begin(file);
    }
    overlay_clear(l->staged);
    log_body_clear(&l->entries);
    l->staged_bytes = 0;
    l->has_tokens = false;
    l->staging = log_saving_await_space(l);
    return l->staging;
}

/* Go on with a transaction that is too large for the log in the file itself. */
static bool spill(struct store_log *l)
{
    struct tdb_file *file = &l->store->file;
    const struct log_note note = log_saving_note(l, l->next);

    l->direct = true;
    l->staging = false;
    if (!log_saving_flush(l) || !tdb_file_begin(file) ||
        !checkpoint_layer_put(l->store, l->staged, NULL, &note))
        return false;
    overlay_clear(l->staged);
    log_body_clear(&l->entries);
    return true;
}

/* Count what a line adds to the body. */
static bool count(struct store_log *l, size_t bytes)
{
    l->staged_bytes += bytes + LINE_EXTRA;
    return l->staged_bytes + WAL_BLOCK < wal_batch_max(l->wal) || spill(l);
}

bool store_log_put(struct store_log *l, struct slice key, struct slice value)
{
    return overlay_put(l->staged, key, value) && count(l, key.len + value.len);
}

bool store_log_add(struct store_log *l, struct slice key, struct slice value)
{
    return overlay_add(l->staged, key, value) && count(l, key.len + value.len);
}

bool store_log_remove(struct store_log *l, struct slice key)
{
    return overlay_remove(l->staged, key) && count(l, key.len);
}

/* The log gets the entries, the overlay the block. */
bool store_log_put_journal(struct store_log *l, struct journal *j)
{
    char buffer[JOURNAL_KEY_MAX];
    struct text key = text_in(buffer, sizeof(buffer));
    size_t before = l->entries.len;

    journal_key(&key, journal_block_number(j));
    l->tokens = journal_tokens(j);
    l->staged_newest = journal_newest(j);
    l->has_tokens = true;
    return log_body_entries(&l->entries, journal_take_new(j)) &&
           overlay_put(l->staged, text_slice(&key), journal_block(j)) &&
           count(l, l->entries.len - before);
}

/* Write what is staged; blocks of the journal are made again of their entries. */
static bool build_body(struct store_log *l)
{
    struct log_body *b = &l->body;
    struct overlay_entry e;
    bool ok = true;

    log_body_clear(b);
    for (size_t at = 0; ok && overlay_next(l->staged, &at, &e);)
        ok = store_file_is_block(e.key) ||
             (e.removed ? log_body_remove(b, e.key) : log_body_put(b, e.key, e.value));
    return ok && log_body_add(b, &l->entries) && (!l->has_tokens || log_body_tokens(b, l->tokens));
}

static void accept(struct store_log *l)
{
    if (overlay_count(l->active) == 0)
        l->oldest = clock_seconds();
    l->newest = l->has_tokens ? l->staged_newest : l->newest;
    overlay_merge(l->active, l->staged);
    overlay_clear(l->staged);
    l->next++;
}

bool store_log_commit(struct store_log *l)
{
    if (overlay_count(l->staged) == 0)
        return true;
    if (!build_body(l) || !overlay_reserve(l->active, l->staged))
        return false;
    enum wal_result result = wal_append(l->wal, 1, log_body_slice(&l->body), &l->problem);
    if (result == WAL_DONE) {
        l->error_logged = false;
        accept(l);
        log_saving_step(l);
        return true;
    }
    l->in_doubt = result == WAL_FAILED;
    if (l->in_doubt && !l->error_logged)
        log_error("store: %s", l->problem.message);
    l->error_logged = true;
    return false;
}

void store_log_abandon(struct store_log *l)
{
    l->staging = false;
    if (!l->in_doubt)
        overlay_clear(l->staged);
}

bool store_log_reopen(struct store_log *l)
{
    if (!l->in_doubt && !l->broken)
        return true;
    l->broken = l->ending || !wal_reopen(l->wal, &l->problem);
    if (l->broken)
        return false;
    if (l->in_doubt && wal_next(l->wal) == l->next + 1)
        accept(l);
    l->in_doubt = false;
    overlay_clear(l->staged);
    return true;
}

/* -- reading ---------------------------------------------------------------------------------- */

enum overlay_found store_log_find(const struct store_log *l, struct slice key, struct slice *value)
{
    enum overlay_found found = OVERLAY_NOTHING;

    if (l->staging)
        found = overlay_find(l->staged, key, value);
    if (found == OVERLAY_NOTHING)
        found = overlay_find(l->active, key, value);
    if (found == OVERLAY_NOTHING && l->frozen != NULL)
        found = overlay_find(l->frozen, key, value);
    return found;
}

static enum store_found copy(struct slice from, TDB_DATA *value)
{
    value->dptr = malloc(from.len + 1);
    value->dsize = from.len;
    if (value->dptr == NULL)
        return STORE_FAILED;
    memcpy(value->dptr, from.at, from.len);
    return STORE_FOUND;
}

/* Read beside a checkpoint.  False: it is changing the record's chain, and must be waited for. */
static bool look(struct store_log *l, struct slice key, TDB_DATA *value, enum store_found *found)
{
    static char bytes[JOURNAL_BLOCK_MAX]; /* static: large, and of one thread only */
    size_t len;

    switch (checkpoint_look(l->checkpoint, key, bytes, sizeof(bytes), &len)) {
    case LOOKUP_FOUND:
        *found = copy((struct slice){ bytes, len }, value);
        return true;
    case LOOKUP_ABSENT:
        *found = STORE_ABSENT;
        return true;
    case LOOKUP_BUSY:
        return false;
    case LOOKUP_FAILED:
        break;
    }
    log_error("store: %s: record %.*s cannot be read", l->store->file.path, (int)key.len, key.at);
    *found = STORE_FAILED;
    return true;
}

/* Read while no checkpoint has the file: TDB takes four times as many system calls for that as a look-up.
 * While it is not known what became of a commit, that finds what it did not change. */
static enum store_found fetch_idle(struct store_log *l, struct slice key, TDB_DATA *value)
{
    enum store_found found;

    if (!l->direct && look(l, key, value, &found))
        return found;
    return l->direct || checkpoint_open(l->checkpoint) ? store_file_fetch(l->store, key, value) :
                                                         STORE_FAILED;
}

static enum store_found fetch_beside(struct store_log *l, struct slice key, TDB_DATA *value)
{
    enum store_found found;

    for (int i = 0; i < LOOKS_MAX; i++) {
        if (!checkpoint_is_running(l->checkpoint))
            return fetch_idle(l, key, value);
        if (look(l, key, value, &found))
            return found;
        checkpoint_wait(l->checkpoint, LOOK_WAIT);
    }
    return STORE_FAILED;
}

enum store_found store_log_fetch(struct store_log *l, struct slice key, TDB_DATA *value)
{
    struct slice newest;

    switch (store_log_find(l, key, &newest)) {
    case OVERLAY_VALUE:
        return copy(newest, value);
    case OVERLAY_REMOVED:
        return STORE_ABSENT;
    case OVERLAY_NOTHING:
        break;
    }
    if (l->checkpoint == NULL)
        return store_file_fetch(l->store, key, value);
    return fetch_beside(l, key, value);
}
