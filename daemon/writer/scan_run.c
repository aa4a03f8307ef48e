/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_run.h"

#include "daemon/base/clock.h"
#include "daemon/store/store_saving.h"
#include "daemon/writer/bulk_run.h"
#include "daemon/writer/fleet_run.h"
#include "daemon/writer/list_fields.h"
#include "daemon/writer/list_run.h"
#include "daemon/writer/scan_backup.h"
#include "daemon/writer/scan_export.h"
#include "daemon/writer/scan_journal.h"
#include "daemon/writer/scan_policy.h"
#include "daemon/writer/scan_token.h"
#include "daemon/writer/scan_trace.h"
#include "proto/reply.h"

enum { NAMES_SECONDS = 2 }; /* the longest that a scan waits for users' names */

typedef void step_function(struct step *s);
static step_function step_show, step_policy, step_checkpoint;

static step_put_token put_listed;

static const struct {
    step_function *step;
    step_put_token *put;
} kinds[VERB_COUNT] = {
    [VERB_LIST] = { list_run_step, put_listed },
    [VERB_EXPORT] = { list_run_step, scan_export_put },
    [VERB_SHOW] = { step_show, put_listed },
    [VERB_JOURNAL] = { scan_journal_step, NULL },
    [VERB_WATCH] = { scan_journal_watch, NULL },
    [VERB_TRACE] = { scan_trace_step, NULL },
    [VERB_POLICY] = { step_policy, NULL },
    [VERB_REVOKE] = { bulk_run_step, NULL },
    [VERB_CHECKPOINT] = { step_checkpoint, NULL },
    [VERB_BACKUP] = { scan_backup_step, NULL },
    [VERB_FLEET] = { fleet_run_step, NULL },
    [VERB_UPDATE] = { bulk_run_step, NULL },
    [VERB_DISABLE] = { bulk_run_step, NULL },
    [VERB_ENABLE] = { bulk_run_step, NULL },
    [VERB_DELETE] = { bulk_run_step, NULL },
};

/* True if the step that was taken shall be taken again, when names that it needs were looked up. */
static bool waits_for_names(const struct step *s)
{
    struct scan *scan = s->scan;

    if (!s->wants_names || scan->without_names || atomic_load(&scan->stop))
        return false;
    if (scan->names_by == 0)
        scan->names_by = clock_seconds() + NAMES_SECONDS;
    return true;
}

static void run_step(struct step *s)
{
    struct scan *scan = s->scan;
    bool done = scan->backup.begun ||                     /* its end must be taken */
                (scan->bulk != NULL && scan->bulk->done); /* only its answer is held back */

    if (s->writer->disk_failure.readable || done || scan->fleet != NULL) {
        kinds[scan->verb].step(s);
        scan->begun = true;
    } else if (scan->verb != VERB_WATCH || atomic_load(&scan->stop)) {
        step_finish(s, STATUS_STORE, "the store cannot be read (see jetond's log)");
    }
    if (scan->finished && scan->bulk != NULL)
        bulk_run_end(scan->bulk, s->writer);
}

bool scan_run(struct scan *scan, const struct scan_sources *from, int64_t now)
{
    char before[SCAN_PROGRESS_SIZE];
    struct step s = {
        .scan = scan,
        .writer = from->writer,
        .put = kinds[scan->verb].put,
        .last_used = from->last_used,
        .names = from->names,
        .text = text_in(scan->bytes, sizeof(scan->bytes)),
        .now = now,
    };

    policy_check_renew(&from->writer->policy, write_queue_take_policies(from->writer->queue));
    memcpy(before, (char *)scan + SCAN_PROGRESS, sizeof(before));
    if (scan->names_by != 0 && clock_seconds() >= scan->names_by)
        scan->without_names = true;
    scan->len = 0;
    if (scan->verb == VERB_EXPORT && !scan->begun)
        scan_export_begin(scan);
    run_step(&s);
    if (waits_for_names(&s)) {
        memcpy((char *)scan + SCAN_PROGRESS, before, sizeof(before));
        return false;
    }
    if (scan->verb == VERB_EXPORT && !scan->finished)
        scan_export_sum(&s);
    scan->names_by = 0;
    scan->len = s.text.len;
    return scan->len > 0 || (scan->verb != VERB_WATCH && !scan->waits);
}

/* -- what is there ----------------------------------------------------------------------------- */

static void put_listed(struct step *s, const struct record *r)
{
    size_t begin = s->text.len;

    scan_token_put(s, "*", r);
    if (s->scan->fields != 0)
        list_fields_keep(&s->text, begin, s->scan->fields);
}

static void step_show(struct step *s)
{
    struct record r;

    switch (step_read_token(s, s->scan->id, &r)) {
    case STORE_FOUND:
        put_listed(s, &r);
        s->scan->count = 1;
        step_begin_count(s);
        step_end_count(s);
        return;
    case STORE_ABSENT:
        step_finish(s, STATUS_UNKNOWN, NULL);
        return;
    case STORE_FAILED:
        step_finish(s, STATUS_STORE, "the store cannot be read");
    }
}

static void step_policy(struct step *s)
{
    if (!scan_policy_put(s->scan, &s->writer->policy, s->now, &s->text))
        return;
    step_begin_count(s);
    step_end_count(s);
}

/* Wait until the file has what was logged when this was asked for, or a checkpoint has failed. */
static void step_checkpoint(struct step *s)
{
    struct scan *scan = s->scan;
    struct store *store = s->writer->store;
    struct store_saving saving = store_saving(store);

    if (!scan->begun)
        scan->checkpoint = (struct scan_checkpoint){ saving.next, saving.failures };
    bool saved = saving.saved >= scan->checkpoint.next;
    scan->waits = !saved && saving.failures == scan->checkpoint.failures &&
                  !atomic_load(&scan->stop);
    if (saved) {
        reply_begin(&s->text, STATUS_OK);
        line_put_u64(&s->text, "serial", journal_newest(s->writer->journal));
        step_end_count(s);
    } else if (scan->waits) {
        store_ask_checkpoint(store, scan->checkpoint.next);
        store_step(store);
    } else {
        step_finish(s, STATUS_STORE, "the store's file cannot be written (see jetond's log)");
    }
}
