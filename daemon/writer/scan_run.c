/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_run.h"

#include "daemon/base/clock.h"
#include "daemon/writer/scan_bans.h"
#include "daemon/writer/scan_export.h"
#include "daemon/writer/scan_journal.h"
#include "daemon/writer/scan_step.h"
#include "daemon/writer/scan_token.h"
#include "daemon/writer/scan_trace.h"
#include "proto/scopes.h"
#include "proto/verdict.h"

/* Most records looked at for one chunk, so that a filter which nothing passes does not delay the
 * rest. */
enum { STEP_RECORDS = 1000 };

enum { NAMES_SECONDS = 2 }; /* the longest that a scan waits for users' names */

typedef void step_function(struct step *s);
static step_function step_list, step_show;

/* Write one token's data line. */
typedef void put_token(struct step *s, const struct record *r);
static put_token put_listed;
static void list_bans(struct step *s);

static const struct {
    step_function *step;
    put_token *put;
} kinds[VERB_COUNT] = {
    [VERB_LIST] = { step_list, put_listed },     [VERB_EXPORT] = { step_list, scan_export_put },
    [VERB_SHOW] = { step_show, put_listed },     [VERB_JOURNAL] = { scan_journal_step, NULL },
    [VERB_WATCH] = { scan_journal_watch, NULL }, [VERB_TRACE] = { scan_trace_step, NULL },
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

bool scan_run(struct scan *scan, const struct scan_sources *from, int64_t now)
{
    char before[SCAN_PROGRESS_SIZE];
    struct step s = {
        .scan = scan,
        .writer = from->writer,
        .last_used = from->last_used,
        .names = from->names,
        .text = text_in(scan->bytes, sizeof(scan->bytes)),
        .now = now,
    };

    memcpy(before, (char *)scan + SCAN_PROGRESS, sizeof(before));
    if (scan->names_by != 0 && clock_seconds() >= scan->names_by)
        scan->without_names = true;
    scan->len = 0;
    if (scan->verb == VERB_EXPORT && !scan->begun)
        scan_export_begin(scan);
    if (from->writer->disk_failure.readable) {
        kinds[scan->verb].step(&s);
        scan->begun = true;
    } else if (scan->verb != VERB_WATCH || atomic_load(&scan->stop)) {
        scan_step_finish(&s, STATUS_STORE, "the store cannot be read (see jetond's log)");
    }
    if (waits_for_names(&s)) {
        memcpy((char *)scan + SCAN_PROGRESS, before, sizeof(before));
        return false;
    }
    if (scan->verb == VERB_EXPORT && !scan->finished)
        scan_export_sum(&s);
    scan->names_by = 0;
    scan->len = s.text.len;
    return scan->len > 0 || scan->verb != VERB_WATCH;
}

/* -- tokens ---------------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool contains(struct slice text, struct slice wanted)
{
    for (size_t at = 0; at + wanted.len <= text.len; at++) {
        size_t same = 0;
        while (same < wanted.len && lower(text.at[at + same]) == lower(wanted.at[same]))
            same++;
        if (same == wanted.len)
            return true;
    }
    return false;
}

static bool matches(const struct scan *s, const struct record *r, int64_t now)
{
    struct slice match = { s->match, s->match_len };

    if ((s->given & KEY_BIT(KEY_STATE)) &&
        verdict_state(record_flags(r), r->activates, r->expires, now) != s->state)
        return false;
    if ((s->given & KEY_BIT(KEY_SUBJECT)) &&
        !slice_equal(record_subject(r), (struct slice){ s->subject, s->subject_len }))
        return false;
    if (!scopes_include(record_scopes(r), (struct slice){ s->scopes, s->scopes_len }))
        return false;
    return contains(record_description(r), match) || contains(record_subject(r), match);
}

static void put_listed(struct step *s, const struct record *r)
{
    scan_token_put(s, "*", r);
}

/* Begin a list behind the token that after= names.  False: the scan has ended. */
static bool begin_after(struct step *s)
{
    struct scan *scan = s->scan;
    struct record r;

    if (scan->begun || scan->verb != VERB_LIST || !(scan->given & KEY_BIT(KEY_AFTER)))
        return true;
    switch (store_get(s->writer->store, scan->id, &r)) {
    case STORE_FOUND:
        scan->created = r.created;
        scan->serial = r.serial;
        return true;
    case STORE_ABSENT:
        scan_step_finish(s, STATUS_UNKNOWN, "the token that after= names is not here any more");
        return false;
    case STORE_FAILED:
        break;
    }
    scan_step_finish(s, STATUS_STORE, "the store cannot be read");
    return false;
}

/* Look at one token of the index; false when the step is over. */
static bool list_one(struct step *s, const struct creation_entry *e)
{
    struct scan *scan = s->scan;
    struct record r;

    if (!scan_step_fits_line(s))
        return false;
    enum store_found found = e->removed ? STORE_ABSENT : scan_token_read(s, e->id, &r);
    if (found == STORE_FAILED) {
        scan_step_finish(s, STATUS_STORE, "the store cannot be read; this list is incomplete");
        return false;
    }
    if (found == STORE_FOUND && r.serial == e->serial && matches(scan, &r, s->now)) {
        if (scan->count == scan->limit) {
            scan_step_finish_count(s);
            text_adds(&s->text, " next=");
            text_add_hex(&s->text, scan->last, ID_SIZE);
            scan_step_finish_end(s);
            return false;
        }
        kinds[scan->verb].put(s, &r);
        memcpy(scan->last, r.digest, ID_SIZE);
        scan->count++;
    }
    scan->created = e->created;
    scan->serial = e->serial;
    return true;
}

static void step_list(struct step *s)
{
    struct creation_index *index = &s->writer->index;
    struct scan *scan = s->scan;

    if (scan->at_bans) {
        list_bans(s);
        return;
    }
    if (!begin_after(s) || (scan->verb == VERB_EXPORT && !scan_export_ready(s)))
        return;
    size_t at = creation_index_after(index, scan->created, scan->serial);
    size_t stop = index->count - at > STEP_RECORDS ? at + STEP_RECORDS : index->count;
    while (at < stop && !atomic_load(&scan->stop) && list_one(s, &index->entry[at]))
        at++;
    if (scan->finished || (at < index->count && !atomic_load(&scan->stop)))
        return;
    scan->at_bans = scan->verb == VERB_EXPORT && !atomic_load(&scan->stop);
    if (!scan->at_bans) {
        scan_step_finish_count(s);
        scan_step_finish_end(s);
    }
}

/* Export bans, behind all tokens: what was a token meanwhile becomes a ban, never the reverse. */
static void list_bans(struct step *s)
{
    struct problem problem;

    enum store_found found = scan_bans_put(s->scan, s->writer->store, &s->text, &problem);
    if (found == STORE_FAILED) {
        scan_step_finish(s, STATUS_STORE, problem.message);
    } else if (found == STORE_FOUND && !atomic_load(&s->scan->stop)) {
        return;
    } else if (unsaved_has_names(&s->writer->disk_failure.unsaved)) {
        scan_step_finish(s, STATUS_STORE,
                         "denials are in force that are not saved; this export lacks them");
    } else {
        scan_export_finish(s);
    }
}

static void step_show(struct step *s)
{
    struct record r;

    switch (scan_token_read(s, s->scan->id, &r)) {
    case STORE_FOUND:
        put_listed(s, &r);
        s->scan->count = 1;
        scan_step_finish_count(s);
        scan_step_finish_end(s);
        return;
    case STORE_ABSENT:
        scan_step_finish(s, STATUS_UNKNOWN, NULL);
        return;
    case STORE_FAILED:
        scan_step_finish(s, STATUS_STORE, "the store cannot be read");
    }
}
