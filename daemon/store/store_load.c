/* SPDX-License-Identifier: Apache-2.0 */
/* Read everything, as a start and a check do. */
#include <stdlib.h>

#include "daemon/store/bulk_read.h"
#include "daemon/store/store.h"
#include "daemon/store/store_private.h"

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
    if (fault == NULL && s->log != NULL && !s->log->loaded)
        fault = store_log_load_journal(s->log, j);
    if (fault != NULL)
        problem_set(problem, STATUS_STORE,
                    "store %.100s: journal block %u: %.60s; restore from a "
                    "backup (tdbbackup -v)",
                    s->base.file.path, block, fault);
    return fault == NULL;
}

/* Open the file in another mode.  To read everything it is mapped, without TDB's locks (ours
 * replace them): with a system call for each piece of a record it would take many times as long. */
static bool reopen_as(struct store *s, enum store_mode mode, struct problem *problem)
{
    if (s->base.mode == STORE_READ)
        return true;
    tdb_file_close(&s->base.file);
    return store_file_open(&s->base, mode, problem);
}

bool store_load_tokens(struct store *s, struct record_visitor *visitor, struct problem *problem)
{
    const struct overlay *newer = s->log != NULL ? s->log->active : NULL;

    return reopen_as(s, STORE_READ, problem) &&
           bulk_read_tokens(&s->base.file, newer, visitor, problem) &&
           reopen_as(s, s->base.mode, problem);
}

bool store_can_hold(struct store *s, uint64_t expected, struct problem *problem)
{
    uint64_t newer = s->log != NULL ? overlay_count(s->log->active) : 0;

    if (expected <= store_size(s) / RECORD_BYTES_MIN + newer)
        return true;
    problem_set(problem, STATUS_STORE,
                "store %.100s: its journal says that it holds %llu tokens, "
                "which is more than fit: it is damaged; restore it from a backup (tdbbackup -v)",
                s->base.file.path, (unsigned long long)expected);
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
                s->base.file.path, (unsigned long long)found, (unsigned long long)expected);
    return false;
}
