/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/store/journal.h"

static void explain(struct store_file *s, struct problem *problem);
static bool lock_file(struct store_file *s, struct problem *problem);
static bool check_head(struct store_file *s, struct problem *problem);

bool store_file_create(struct store_file *s, struct problem *problem)
{
    char buffer[64];
    struct text value = text_in(buffer, sizeof(buffer));

    text_adds(&value, "v=1");
    line_put_time(&value, "created", clock_wall());
    if (tdb_file_create(&s->file, slice_of(STORE_HEAD_KEY), text_slice(&value)))
        return true;
    problem_set(problem, STATUS_STORE, "cannot create store %.150s: %s", s->file.path,
                strerror(errno));
    return false;
}

bool store_file_open(struct store_file *s, enum store_mode mode, struct problem *problem)
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

static void explain(struct store_file *s, struct problem *problem)
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
static bool lock_file(struct store_file *s, struct problem *problem)
{
    return s->mode == STORE_READ || store_lock_file(tdb_fd(s->file.tdb), s->file.path, "", problem);
}

bool store_file_read_note(struct store_file *s, struct log_note *note, struct problem *problem)
{
    TDB_DATA head = tdb_fetch(s->file.tdb, tdb_file_datum(slice_of(STORE_HEAD_KEY)));
    bool good = head.dptr != NULL &&
                log_note_read((struct slice){ (const char *)head.dptr, head.dsize }, note);

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

static bool check_head(struct store_file *s, struct problem *problem)
{
    struct log_note note;

    return store_file_read_note(s, &note, problem);
}

bool store_file_reopen(struct store_file *s, struct problem *problem)
{
    tdb_file_close(&s->file);
    return store_file_open(s, STORE_WRITE, problem);
}

/* Keep the record's size, so that it is rewritten in place. */
bool store_file_put_head(struct store_file *s, struct slice head, size_t size,
                         const struct log_note *note)
{
    const struct slice key = slice_of(STORE_HEAD_KEY);
    char bytes[TDB_FILE_FIRST_MAX + 2 * TDB_FILE_SPARE];
    struct text t = text_in(bytes, TDB_FILE_FIRST_MAX);

    if (!log_note_write(&t, head, note))
        return false;
    size = size < t.len ? tdb_file_size(key.len, t.len) : size;
    if (size > sizeof(bytes))
        return false;
    memset(bytes + t.len, ' ', size - t.len);
    return tdb_file_put(&s->file, key, (struct slice){ bytes, size }, TDB_FILE_REPLACE);
}

/* -- records ---------------------------------------------------------------------------------- */

bool store_file_is_block(struct slice key)
{
    static const size_t len = sizeof("journal/") - 1;

    return slice_begins(key, "journal/") && key.len > len && key.at[len] >= '0' &&
           key.at[len] <= '9';
}

bool store_file_put_line(struct store_file *s, struct slice key, char *line, size_t len,
                         enum tdb_file_how how)
{
    const size_t size = tdb_file_size(key.len, len);

    memset(line + len, ' ', size - len);
    return tdb_file_put(&s->file, key, (struct slice){ line, size }, how);
}

/* Give the record of a new block its full size first, so that it is always rewritten in place. */
bool store_file_put_block(struct store_file *s, struct slice key, struct slice block)
{
    static const char zeros[JOURNAL_BLOCK];

    if (!tdb_exists(s->file.tdb, tdb_file_datum(key)) &&
        !tdb_file_put(&s->file, key,
                      (struct slice){ zeros, tdb_file_place(key.len, JOURNAL_BLOCK) },
                      TDB_FILE_REPLACE))
        return false;
    return tdb_file_put(&s->file, key, block, TDB_FILE_REPLACE);
}

/* TDB takes some records that it cannot read for absent, and logs that.  Whatever was logged before
 * stays noted, as a transaction may be under way. */
enum store_found store_file_fetch(struct store_file *s, struct slice key, TDB_DATA *value)
{
    struct tdb_file *f = &s->file;
    bool failed_before = f->failed;

    if (f->tdb == NULL)
        return STORE_FAILED;
    f->failed = false;
    *value = tdb_fetch(f->tdb, tdb_file_datum(key));
    bool failed = f->failed;
    f->failed = failed || failed_before;
    if (value->dptr != NULL && !failed)
        return STORE_FOUND;
    free(value->dptr);
    value->dptr = NULL;
    return !failed && tdb_error(f->tdb) == TDB_ERR_NOEXIST ? STORE_ABSENT : STORE_FAILED;
}
