/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/store/store_log.h"

enum { READS_MAX = 200 }; /* beside a daemon that writes, one every 10 milliseconds */

/* -- the log ---------------------------------------------------------------------------------- */

struct replay {
    struct wal_visitor visitor;
    struct store_log *log;
    uint64_t wrong; /* the batch that cannot be read; 0: none */
    bool no_memory;
};

static bool replay_line(struct store_log *l, enum log_line_kind kind, const struct log_line *line)
{
    switch (kind) {
    case LOG_PUT:
        return overlay_put(l->active, line->key, line->value);
    case LOG_REMOVE:
        return overlay_remove(l->active, line->key);
    case LOG_ENTRY:
        return log_body_entry(&l->replay, line->value);
    case LOG_TOKENS:
        return log_body_tokens(&l->replay, line->tokens);
    default:
        return false;
    }
}

static bool replay_batch(struct wal_visitor *visitor, uint64_t first, uint32_t count,
                         struct slice body)
{
    struct replay *r = (struct replay *)visitor;
    enum log_line_kind kind;
    struct log_line line;

    (void)count;
    while ((kind = log_body_take(&body, &line)) != LOG_END) {
        if (kind == LOG_WRONG)
            r->wrong = first;
        else
            r->no_memory = !replay_line(r->log, kind, &line);
        if (r->wrong > 0 || r->no_memory)
            return false;
    }
    return true;
}

static bool read_log(struct store_log *l, uint64_t from, struct problem *problem)
{
    struct replay r = { .visitor.visit = replay_batch, .log = l };
    const char *path = l->store->file.path;

    overlay_clear(l->active);
    log_body_clear(&l->replay);
    bool read = wal_read(l->wal, from, &r.visitor, problem);
    if (r.no_memory)
        problem_set(problem, STATUS_STORE, "no memory for what log %.150s" WAL_SUFFIX " has", path);
    else if (r.wrong > 0)
        problem_set(problem, STATUS_STORE,
                    "log %.120s" WAL_SUFFIX
                    ": transaction %llu is none of this version; see jetond(8)",
                    path, (unsigned long long)r.wrong);
    return read;
}

/* Open the log that is noted, and no other. */
static bool open_noted(struct store_log *l, const struct log_note *note, struct problem *problem)
{
    const char *path = l->store->file.path;

    l->wal = wal_open(path, l->store->mode == STORE_WRITE ? WAL_WRITE : WAL_READ, problem);
    if (l->wal == NULL)
        return false;
    const char *name = wal_epoch(l->wal);
    if (strcmp(name, note->name) == 0)
        return true;
    problem_set(problem, STATUS_STORE,
                "store %.60s needs its log, %.60s" WAL_SUFFIX ", %s: put that back, or restore a "
                "backup with --restore; see jetond(8)",
                path, path,
                wal_capacity(l->wal) == 0 ? "which is missing" :
                name[0] == '\0'           ? "which is empty" :
                                            "where another store's is");
    return false;
}

static bool take_log(struct store_log *l, const struct log_note *note, struct problem *problem)
{
    const struct timespec pause = { .tv_nsec = 10 * 1000000 };
    const char *path = l->store->file.path;

    if (!open_noted(l, note, problem))
        return false;
    for (int i = 0; !read_log(l, note->next, problem); i++) {
        if (problem->status != STATUS_BUSY || i == READS_MAX)
            return false;
        nanosleep(&pause, NULL);
    }
    if (wal_next(l->wal) >= note->next)
        return true;
    problem_set(problem, STATUS_STORE,
                "log %.60s" WAL_SUFFIX
                " is older than store %.60s: put the newer one back, or restore "
                "a backup with --restore; see jetond(8)",
                path, path);
    return false;
}

struct store_log *store_log_open(struct store_file *store, const struct log_note *note,
                                 struct problem *problem)
{
    struct store_log *l = store_log_new(store);

    problem_set(problem, STATUS_STORE, "no memory for a log");
    if (l == NULL || !take_log(l, note, problem)) {
        store_log_free(l);
        return NULL;
    }
    memcpy(l->name, note->name, sizeof(l->name));
    l->next = wal_next(l->wal);
    l->saved = note->next;
    l->oldest = clock_seconds();
    l->size = tdb_map_size(store->file.tdb);
    return l;
}

/* -- the journal ------------------------------------------------------------------------------ */

static bool keep_block(struct store_log *l, const struct journal *j)
{
    char buffer[JOURNAL_KEY_MAX];
    struct text key = text_in(buffer, sizeof(buffer));

    journal_key(&key, journal_block_number(j));
    return overlay_put(l->active, text_slice(&key), journal_block(j));
}

/* Append an entry, in the next block if it does not fit into this one.  NULL, or what is wrong. */
static const char *append(struct store_log *l, struct journal *j, struct slice entry)
{
    uint64_t serial;

    if (!journal_serial(entry, &serial) || serial != journal_next(j))
        return "the log's entries do not follow those of the store";
    if (journal_add_line(j, entry))
        return NULL;
    journal_end(j, journal_tokens(j));
    if (!keep_block(l, j) || journal_next_block(j) < 0)
        return "no memory";
    return journal_add_line(j, entry) ? NULL : "an entry of the log is too long";
}

/* A transaction's entries are followed by its tokens. */
static const char *append_all(struct store_log *l, struct journal *j)
{
    struct slice rest = log_body_slice(&l->replay);
    bool within = false; /* a transaction */
    const char *fault = NULL;
    struct log_line line;

    while (fault == NULL) {
        switch (log_body_take(&rest, &line)) {
        case LOG_ENTRY:
            if (!within && journal_begin(j) < 0)
                return "no memory";
            within = true;
            fault = append(l, j, line.value);
            break;
        case LOG_TOKENS:
            within = false;
            journal_end(j, line.tokens);
            fault = keep_block(l, j) ? NULL : "no memory";
            break;
        default:
            return NULL;
        }
    }
    return fault;
}

const char *store_log_load_journal(struct store_log *l, struct journal *j)
{
    const char *fault = append_all(l, j);

    if (fault != NULL)
        return fault;
    log_body_free(&l->replay);
    l->loaded = true;
    return NULL;
}
