/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens whose ids begin alike share a record.  A step meets them in the order of their digests,
 * so that one put serves many; a put for each would cost more than the verifications themselves. */
#include "daemon/writer/last_used.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <tdb.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/table/table_walk.h"
#include "daemon/table/use_time.h"

enum {
    HASH_SIZE = 100003,
    INTERVAL = 60,      /* seconds from one round to the next */
    STEP_SLOTS = 65536, /* slots looked at in one step */
    STEP_USES = 4096,   /* and uses written at most */
};

struct last_used {
    struct tdb_context *tdb; /* NULL: the file could not be opened */
    uint32_t slot;           /* the round goes on here */
    int64_t since;           /* uses from this time on are not written yet */
    int64_t begun;           /* when this round began */
    int64_t noted;           /* an earlier use that was noted since the round began; 0: none */
    uint32_t loaded;         /* records up to this key are in the table's memory */
    bool in_round;
    bool failed; /* TDB logged an error */
    char path[];
};

static void on_tdb_log(struct tdb_context *tdb, enum tdb_debug_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void on_tdb_log(struct tdb_context *tdb, enum tdb_debug_level level, const char *format, ...)
{
    struct last_used *l = tdb_get_logging_private(tdb);

    (void)format;
    l->failed = l->failed || level <= TDB_DEBUG_ERROR;
}

/* Open the file, unless something else is in its place: TDB would wait for the other end of a
 * pipe. */
static struct tdb_context *open_file(struct last_used *l)
{
    const struct tdb_logging_context logging = { on_tdb_log, l };
    struct stat st;

    l->failed = false;
    if (lstat(l->path, &st) == 0 && !S_ISREG(st.st_mode)) {
        errno = ENOTSUP;
        return NULL;
    }
    return tdb_open_ex(l->path, HASH_SIZE, TDB_NOMMAP | TDB_NOSYNC | TDB_INCOMPATIBLE_HASH,
                       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600, &logging, NULL);
}

/* Replace a file that does not work: times of last use are worth little. */
static void recreate(struct last_used *l)
{
    if (l->tdb != NULL)
        tdb_close(l->tdb);
    unlink(l->path);
    l->tdb = open_file(l);
    l->since = 0;
    if (l->tdb != NULL)
        log_warning("last_used: %s was damaged and is replaced: earlier times of last use are lost",
                    l->path);
    else
        log_warning("last_used: %s: %s: times of last use are kept in memory only", l->path,
                    strerror(errno));
}

struct last_used *last_used_open(const char *store)
{
    static const char suffix[] = ".used";
    struct last_used *l = calloc(1, sizeof(*l) + strlen(store) + sizeof(suffix));

    if (l == NULL)
        return NULL;
    sprintf(l->path, "%s%s", store, suffix);
    l->tdb = open_file(l);
    if (l->tdb == NULL)
        recreate(l);
    return l;
}

void last_used_close(struct last_used *l)
{
    if (l == NULL)
        return;
    if (l->tdb != NULL)
        tdb_close(l->tdb);
    free(l);
}

/* -- records --------------------------------------------------------------------------------- */

enum {
    KEY_BYTES = 2,
    KEYS = 1 << 8 * KEY_BYTES,
    STEP_KEYS = 2048
}; /* the first bytes of an id; the rest is in the entry */

struct entry {
    uint8_t rest[ID_SIZE - KEY_BYTES];
    uint32_t time;
};

static TDB_DATA key_of(const uint8_t id[ID_SIZE])
{
    return (TDB_DATA){ (unsigned char *)id, KEY_BYTES };
}

/* Fetch the record of an id with space for `more` entries behind it; the caller frees its dptr,
 * which is NULL without memory.  A malformed record counts as an empty one. */
static TDB_DATA fetch(struct last_used *l, const uint8_t id[ID_SIZE], size_t more)
{
    TDB_DATA value = tdb_fetch(l->tdb, key_of(id));

    if (value.dptr == NULL || value.dsize % sizeof(struct entry) != 0)
        value.dsize = 0;
    void *larger = realloc(value.dptr, value.dsize + more * sizeof(struct entry) + 1);
    if (larger == NULL)
        free(value.dptr);
    value.dptr = larger;
    return value;
}

/* Find the id's entry; the end of the record if there is none. */
static struct entry *find(TDB_DATA value, const uint8_t id[ID_SIZE])
{
    struct entry *entry = (struct entry *)(void *)value.dptr;
    struct entry *end = entry + value.dsize / sizeof(*entry);

    while (entry < end && memcmp(entry->rest, id + KEY_BYTES, sizeof(entry->rest)) != 0)
        entry++;
    return entry;
}

static bool is_end(TDB_DATA value, const struct entry *entry)
{
    return (const unsigned char *)entry == value.dptr + value.dsize;
}

int64_t last_used_get(struct last_used *l, const uint8_t id[ID_SIZE], int64_t in_memory)
{
    uint32_t used = 0;

    if (in_memory != 0 || l->tdb == NULL || l->loaded == KEYS)
        return in_memory;
    TDB_DATA value = fetch(l, id, 0);
    if (value.dptr != NULL && !is_end(value, find(value, id)))
        used = find(value, id)->time;
    free(value.dptr);
    return used;
}

static void load_record(struct last_used *l, struct token_table *t, uint32_t key)
{
    uint8_t id[ID_SIZE] = { (uint8_t)(key >> 8), (uint8_t)key };
    TDB_DATA value = tdb_fetch(l->tdb, key_of(id));
    const struct entry *entry = (const struct entry *)(const void *)value.dptr;

    for (size_t i = 0; value.dptr != NULL && i < value.dsize / sizeof(*entry); i++) {
        memcpy(id + KEY_BYTES, entry[i].rest, sizeof(entry[i].rest));
        use_time_note(t, id, entry[i].time);
    }
    free(value.dptr);
}

bool last_used_load(struct last_used *l, struct token_table *t)
{
    uint32_t stop = l->loaded < KEYS - STEP_KEYS ? l->loaded + STEP_KEYS : KEYS;

    while (l->tdb != NULL && l->loaded < stop)
        load_record(l, t, l->loaded++);
    return l->tdb == NULL || l->loaded == KEYS;
}

/* Remove an entry by moving the last one to where it was. */
void last_used_remove(struct last_used *l, const uint8_t id[ID_SIZE])
{
    if (l->tdb == NULL)
        return;
    TDB_DATA value = fetch(l, id, 0);
    struct entry *entry = value.dptr != NULL ? find(value, id) : NULL;
    if (entry != NULL && !is_end(value, entry)) {
        value.dsize -= sizeof(*entry);
        memmove(entry, value.dptr + value.dsize, sizeof(*entry));
        if (value.dsize > 0)
            tdb_store(l->tdb, key_of(id), value, TDB_REPLACE);
        else
            tdb_delete(l->tdb, key_of(id));
    }
    free(value.dptr);
}

/* Write the uses of tokens that share a record. */
static bool put(struct last_used *l, const struct table_walk_use *use, size_t count)
{
    TDB_DATA value = fetch(l, use->id, count);

    if (value.dptr == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = find(value, use[i].id);
        if (is_end(value, entry)) {
            memcpy(entry->rest, use[i].id + KEY_BYTES, sizeof(entry->rest));
            value.dsize += sizeof(*entry);
        }
        entry->time = use[i].time;
    }
    bool ok = tdb_store(l->tdb, key_of(use->id), value, TDB_REPLACE) == 0;
    free(value.dptr);
    return ok;
}

static bool store_uses(struct last_used *l, const struct table_walk_use *use, size_t count)
{
    if (count == 0)
        return true;
    bool ok = tdb_transaction_start(l->tdb) == 0;
    for (size_t i = 0, same; ok && i < count; i += same) {
        same = 1;
        while (i + same < count && memcmp(use[i].id, use[i + same].id, KEY_BYTES) == 0)
            same++;
        ok = put(l, use + i, same);
    }
    if (ok)
        return tdb_transaction_commit(l->tdb) == 0 && !l->failed;
    tdb_transaction_cancel(l->tdb);
    return false;
}

/* -- rounds ---------------------------------------------------------------------------------- */

/* End a round that failed; `since` stays, so that the next one writes the same again. */
static void give_up_round(struct last_used *l)
{
    if (tdb_error(l->tdb) == TDB_ERR_CORRUPT)
        recreate(l);
    else
        log_warning("last_used: %s cannot be written; times of last use are tried again later",
                    l->path);
    l->failed = false;
    l->in_round = false;
    l->slot = 0;
}

/* Let the round that begins write uses that were noted with a time of long ago. */
static void take_noted(struct last_used *l)
{
    if (l->noted != 0 && l->noted < l->since)
        l->since = l->noted;
    l->noted = 0;
}

void last_used_note(struct last_used *l, struct token_table *t, const uint8_t id[ID_SIZE],
                    int64_t time)
{
    if (last_used_get(l, id, 0) >= time)
        return;
    use_time_note(t, id, time);
    if (l->noted == 0 || time < l->noted)
        l->noted = time;
}

static void step(struct last_used *l, struct token_table *t, int64_t now)
{
    struct table_walk_use *use = malloc(STEP_USES * sizeof(*use));

    if (use == NULL) {
        l->in_round = false;
        return;
    }
    if (l->slot == 0)
        take_noted(l);
    size_t count = table_walk_uses(t, &l->slot, STEP_SLOTS, l->since, use, STEP_USES);
    bool ok = store_uses(l, use, count);
    free(use);
    if (!ok) {
        give_up_round(l);
    } else if (l->slot == 0) {
        l->in_round = false;
        l->since = l->begun;
        l->begun = now;
    }
}

void last_used_step(struct last_used *l, struct token_table *t, int64_t now)
{
    if (l->tdb == NULL)
        return;
    if (!l->in_round && now - l->begun < INTERVAL && now >= l->begun)
        return;
    if (!l->in_round) {
        l->in_round = true;
        l->begun = now;
    }
    step(l, t, now);
}

void last_used_flush(struct last_used *l, struct token_table *t, int64_t now)
{
    if (l->tdb == NULL)
        return;
    l->in_round = true;
    l->slot = 0;
    while (l->in_round && l->tdb != NULL)
        step(l, t, now);
}

/* -- the clock ------------------------------------------------------------------------------- */

static TDB_DATA clock_key(void)
{
    static unsigned char key[] = "clock"; /* longer than that of any record */

    return (TDB_DATA){ key, sizeof(key) - 1 };
}

void last_used_note_clock(struct last_used *l, int64_t time)
{
    if (l->tdb != NULL)
        tdb_store(l->tdb, clock_key(), (TDB_DATA){ (unsigned char *)&time, sizeof(time) },
                  TDB_REPLACE);
}

int64_t last_used_clock(const struct last_used *l)
{
    TDB_DATA value = l->tdb != NULL ? tdb_fetch(l->tdb, clock_key()) : (TDB_DATA){ NULL, 0 };
    int64_t time = 0;

    if (value.dsize == sizeof(time))
        memcpy(&time, value.dptr, sizeof(time));
    free(value.dptr);
    return time > 0 ? time : 0;
}

/* -- records of others ----------------------------------------------------------------------- */

static TDB_DATA data_of(const void *at, size_t size)
{
    return (TDB_DATA){ (unsigned char *)at, size };
}

bool last_used_fetch(struct last_used *l, struct slice key, void *value, size_t size)
{
    TDB_DATA found = { NULL, 0 };

    if (l->tdb != NULL)
        found = tdb_fetch(l->tdb, data_of(key.at, key.len));
    bool ok = found.dptr != NULL && found.dsize == size;
    if (ok)
        memcpy(value, found.dptr, size);
    free(found.dptr);
    return ok;
}

bool last_used_begin(struct last_used *l)
{
    return l->tdb != NULL && tdb_transaction_start(l->tdb) == 0;
}

bool last_used_put(struct last_used *l, struct slice key, const void *value, size_t size)
{
    return l->tdb != NULL &&
           tdb_store(l->tdb, data_of(key.at, key.len), data_of(value, size), TDB_REPLACE) == 0;
}

bool last_used_commit(struct last_used *l, bool ok)
{
    if (l->tdb == NULL)
        return false;
    if (ok && tdb_transaction_commit(l->tdb) == 0 && !l->failed)
        return true;
    if (!ok)
        tdb_transaction_cancel(l->tdb);
    give_up_round(l);
    return false;
}

void last_used_delete(struct last_used *l, struct slice key)
{
    if (l->tdb != NULL)
        tdb_delete(l->tdb, data_of(key.at, key.len));
}
