/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/store/bulk_read.h"
#include "daemon/store/store_lock.h"
#include "daemon/store/tdb_file.h"

struct store {
    struct tdb_file file;
    enum store_mode mode;
    struct store_lock lock;
    struct slice claims;                         /* in `line` */
    char line[RECORD_LINE_MAX + TDB_FILE_SPARE]; /* the record that was last put */
};

static bool create_if_missing(struct store *s, struct problem *problem);
static bool open_file(struct store *s, enum store_mode mode, struct problem *problem);
static void explain(struct store *s, struct problem *problem);
static bool lock_file(struct store *s, struct problem *problem);
static bool check_head(struct store *s, struct problem *problem);

struct store *store_open(const char *path, enum store_mode mode, struct problem *problem)
{
    struct store *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        problem_set(problem, STATUS_STORE, "no memory");
        return NULL;
    }
    *s = (struct store){ .mode = mode, .lock.fd = -1 };
    unsetenv("TDB_NO_FSYNC"); /* TDB would obey it, and nothing would be durable */
    if (!tdb_file_init(&s->file, path))
        problem_set(problem, STATUS_STORE, "the store's path is too long");
    else if (store_lock_take(&s->lock, path, mode == STORE_WRITE, problem) &&
             (mode == STORE_READ || create_if_missing(s, problem)) && open_file(s, mode, problem))
        return s;
    store_close(s);
    return NULL;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    tdb_file_close(&s->file);
    store_lock_release(&s->lock);
    free(s);
}

/* -- the file -------------------------------------------------------------------------------- */

static bool create_if_missing(struct store *s, struct problem *problem)
{
    char buffer[64];
    struct text value = text_in(buffer, sizeof(buffer));

    text_adds(&value, "v=1");
    line_put_time(&value, "created", clock_wall());
    if (tdb_file_create(&s->file, slice_of(BULK_READ_HEAD_KEY), text_slice(&value)))
        return true;
    problem_set(problem, STATUS_STORE, "cannot create store %.150s: %s", s->file.path,
                strerror(errno));
    return false;
}

bool store_is_shared(const struct store *s)
{
    return s->lock.shared;
}

static bool open_file(struct store *s, enum store_mode mode, struct problem *problem)
{
    if (s->lock.shared ? !tdb_file_open_shared(&s->file) :
                         !tdb_file_open(&s->file, mode == STORE_WRITE ? O_RDWR : O_RDONLY)) {
        explain(s, problem);
        return false;
    }
    if (lock_file(s, problem) && check_head(s, problem))
        return true;
    tdb_file_close(&s->file);
    return false;
}

static void explain(struct store *s, struct problem *problem)
{
    const char *path = s->file.path;

    if (s->lock.shared && (s->file.unclean || errno == EAGAIN || errno == EACCES))
        problem_set(problem, STATUS_BUSY,
                    "store %.120s: the daemon that is using it goes on saving", path);
    else if (s->file.unclean)
        problem_set(problem, STATUS_BUSY,
                    "store %.120s holds an unfinished transaction, as after "
                    "a crash; the next start of jetond undoes it",
                    path);
    else if (errno == EWOULDBLOCK)
        store_lock_blame(path, problem);
    else if (errno == ESTALE)
        problem_set(problem, STATUS_STORE,
                    "store %.120s was replaced while jetond ran; "
                    "restart jetond",
                    path);
    else if (errno == ENOTSUP)
        problem_set(problem, STATUS_STORE,
                    "store %.120s is not a regular file; give another path, "
                    "or move it away",
                    path);
    else if (errno == 0 || errno == EIO || errno == EINVAL)
        problem_set(problem, STATUS_STORE,
                    "%.90s is not a TDB file, or is damaged (%.60s); "
                    "restore it from a backup (tdbbackup -v does), or move it away",
                    path, s->file.failed ? s->file.error_text : "not whole");
    else
        problem_set(problem, STATUS_STORE, "cannot open store %.150s: %s", path, strerror(errno));
}

/* Lock the file itself, whatever its name; PATH.lock guards its creation. */
static bool lock_file(struct store *s, struct problem *problem)
{
    return s->mode == STORE_READ || store_lock_file(tdb_fd(s->file.tdb), s->file.path, "", problem);
}

static bool check_head(struct store *s, struct problem *problem)
{
    TDB_DATA head = tdb_fetch(s->file.tdb, tdb_file_datum(slice_of(BULK_READ_HEAD_KEY)));
    struct slice text = { (const char *)head.dptr, head.dsize };
    bool good = head.dptr != NULL && slice_begins(text, "v=1 ");

    if (head.dptr == NULL)
        problem_set(problem, STATUS_STORE,
                    "%.120s is a TDB file, but not a whole jeton store; "
                    "restore it from a backup, or move it away",
                    s->file.path);
    else if (!good)
        problem_set(problem, STATUS_STORE,
                    "store %.120s was written by a newer version of jeton; "
                    "run that version",
                    s->file.path);
    free(head.dptr);
    return good;
}

bool store_reopen(struct store *s, struct problem *problem)
{
    tdb_file_close(&s->file);
    return open_file(s, STORE_WRITE, problem);
}

bool store_repair(struct store *s, struct problem *problem)
{
    if (tdb_file_repair(&s->file))
        return true;
    problem_set(problem, STATUS_STORE, "store %.150s cannot be written: %s", s->file.path,
                strerror(errno));
    return false;
}

void store_shrink(struct store *s)
{
    tdb_file_shrink(&s->file);
}

/* -- reading everything ---------------------------------------------------------------------- */

bool store_load_journal(struct store *s, struct journal *j, struct problem *problem)
{
    char *bytes = malloc(JOURNAL_BLOCK_MAX);
    const char *fault = bytes == NULL ? "no memory" : NULL;
    enum store_found found = STORE_FOUND;
    uint32_t block = 0;
    size_t len;

    while (fault == NULL && (found = store_get_journal(s, block, bytes, &len)) == STORE_FOUND) {
        fault = journal_load(j, block, (struct slice){ bytes, len });
        block += fault == NULL;
    }
    free(bytes);
    if (fault == NULL)
        fault = found == STORE_FAILED ? "it cannot be read" : journal_loaded(j);
    if (fault != NULL)
        problem_set(problem, STATUS_STORE,
                    "store %.100s: journal block %u: %.60s; restore from a "
                    "backup (tdbbackup -v)",
                    s->file.path, block, fault);
    return fault == NULL;
}

/* Open the file in another mode.  To read everything it is mapped, without TDB's locks (ours
 * replace them): with a system call for each piece of a record it would take many times as long. */
static bool reopen_as(struct store *s, enum store_mode mode, struct problem *problem)
{
    if (s->mode == STORE_READ)
        return true;
    tdb_file_close(&s->file);
    return open_file(s, mode, problem);
}

bool store_load_tokens(struct store *s, struct record_visitor *visitor, struct problem *problem)
{
    return reopen_as(s, STORE_READ, problem) && bulk_read_tokens(&s->file, visitor, problem) &&
           reopen_as(s, s->mode, problem);
}

bool store_can_hold(struct store *s, uint64_t expected, struct problem *problem)
{
    if (expected <= store_size(s) / RECORD_BYTES_MIN)
        return true;
    problem_set(problem, STATUS_STORE,
                "store %.100s: its journal says that it holds %llu tokens, "
                "which is more than fit: it is damaged; restore it from a backup (tdbbackup -v)",
                s->file.path, (unsigned long long)expected);
    return false;
}

bool store_has_all(const struct store *s, uint64_t found, uint64_t expected,
                   struct problem *problem)
{
    if (found == expected)
        return true;
    problem_set(problem, STATUS_STORE,
                "store %.100s holds %llu tokens, but its journal says %llu: "
                "it is damaged; restore it from a backup (tdbbackup -v)",
                s->file.path, (unsigned long long)found, (unsigned long long)expected);
    return false;
}

/* -- one transaction ------------------------------------------------------------------------- */

bool store_begin(struct store *s)
{
    return tdb_file_begin(&s->file);
}

/* Put a line, filled up with spaces, which mean nothing to the grammar. */
static bool put_record(struct store *s, const struct record *record, int how)
{
    char key[RECORD_KEY_SIZE];
    struct text value = text_in(s->line, RECORD_LINE_MAX);

    record_key(record->digest, key);
    s->claims = record_write(&value, record);
    size_t size = tdb_file_size(sizeof(key), value.len);
    memset(s->line + value.len, ' ', size - value.len);
    return !value.cut && tdb_file_put(&s->file, (struct slice){ key, sizeof(key) },
                                      (struct slice){ s->line, size }, how);
}

bool store_put(struct store *s, const struct record *record)
{
    return put_record(s, record, TDB_REPLACE);
}

enum store_found store_add(struct store *s, const struct record *record)
{
    if (put_record(s, record, TDB_INSERT))
        return STORE_ABSENT;
    return tdb_error(s->file.tdb) == TDB_ERR_EXISTS ? STORE_FOUND : STORE_FAILED;
}

struct slice store_claims(const struct store *s)
{
    return s->claims;
}

bool store_remove(struct store *s, const uint8_t id[ID_SIZE])
{
    char key[RECORD_KEY_SIZE];

    record_key(id, key);
    return tdb_delete(s->file.tdb, tdb_file_datum((struct slice){ key, sizeof(key) })) == 0;
}

/* Give the record of a new block its full size first, so that it is always rewritten in place. */
bool store_put_journal(struct store *s, const struct journal *j)
{
    static const char zeros[JOURNAL_BLOCK];
    char buffer[JOURNAL_KEY_MAX];
    struct text name = text_in(buffer, sizeof(buffer));

    journal_key(&name, journal_block_number(j));
    struct slice key = text_slice(&name);
    if (!tdb_exists(s->file.tdb, tdb_file_datum(key)) &&
        !tdb_file_put(&s->file, key,
                      (struct slice){ zeros, tdb_file_place(key.len, JOURNAL_BLOCK) }, TDB_REPLACE))
        return false;
    return tdb_file_put(&s->file, key, journal_block(j), TDB_REPLACE);
}

bool store_commit(struct store *s)
{
    return tdb_file_commit(&s->file);
}

void store_abandon(struct store *s)
{
    tdb_file_abandon(&s->file);
}

/* -- reading one ----------------------------------------------------------------------------- */

enum store_found store_fetch(struct store *s, struct slice key, TDB_DATA *value)
{
    if (s->file.tdb == NULL)
        return STORE_FAILED;
    *value = tdb_fetch(s->file.tdb, tdb_file_datum(key));
    if (value->dptr != NULL)
        return STORE_FOUND;
    return tdb_error(s->file.tdb) == TDB_ERR_NOEXIST ? STORE_ABSENT : STORE_FAILED;
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
    return &s->file;
}

uint64_t store_size(struct store *s)
{
    return s->file.tdb != NULL ? tdb_map_size(s->file.tdb) : 0;
}
