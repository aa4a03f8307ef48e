/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_backup.h"

#include "daemon/base/log.h"
#include "daemon/store/store_backup.h"
#include "proto/reply.h"

static void hand_out(struct step *s, const struct backup_result *result)
{
    struct scan *scan = s->scan;

    scan->backup.descriptor = result->descriptor;
    scan->backup.has_descriptor = true;
    log_info("backup: uid %u was given a copy of the store, %llu bytes, up to serial %llu",
             (unsigned)scan->uid, (unsigned long long)result->size,
             (unsigned long long)result->serial);
    reply_begin(&s->text, STATUS_OK);
    line_put_u64(&s->text, "size", result->size);
    line_put_u64(&s->text, "serial", result->serial);
    step_put_epoch(s);
    step_end_count(s);
}

/* Begin it; false: it is refused. */
static bool begin(struct step *s)
{
    struct scan *scan = s->scan;
    struct problem problem;

    scan->backup.begun = store_backup_begin(s->writer->store, &problem);
    if (!scan->backup.begun)
        step_finish(s, problem.status, problem.message);
    return scan->backup.begun;
}

static void give_up(struct step *s)
{
    if (s->scan->backup.begun)
        store_backup_cancel(s->writer->store);
    step_finish(s, STATUS_INTERNAL, "it was given up");
}

void scan_backup_step(struct step *s)
{
    struct scan *scan = s->scan;
    struct backup_result result;
    struct problem problem;

    scan->waits = false;
    if (atomic_load(&scan->stop)) {
        give_up(s);
        return;
    }
    if (!scan->backup.begun && !begin(s))
        return;
    switch (store_backup_take(s->writer->store, &result, &problem)) {
    case BACKUP_GOES_ON:
        scan->waits = true;
        return;
    case BACKUP_DONE:
        hand_out(s, &result);
        return;
    case BACKUP_FAILED:
        step_finish(s, problem.status, problem.message);
        log_error("backup: %s", problem.message);
    }
}
