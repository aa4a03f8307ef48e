/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/writer/bulk_run.h"
#include "daemon/writer/list_fields.h"
#include "daemon/writer/list_run.h"
#include "daemon/writer/scan_token.h"

typedef void step_function(struct step *s);
static step_function step_show, step_journal, step_watch;

/* Write one token's data line. */
typedef void put_token(struct step *s, const struct record *r);
static put_token put_listed, put_exported;

static const struct {
    step_function *step;
    put_token *put;
} kinds[VERB_COUNT] = {
    [VERB_LIST] = { list_run_step, put_listed }, [VERB_EXPORT] = { list_run_step, put_exported },
    [VERB_SHOW] = { step_show, put_listed },     [VERB_JOURNAL] = { step_journal, NULL },
    [VERB_WATCH] = { step_watch, NULL },         [VERB_REVOKE] = { bulk_run_step, NULL },
    [VERB_UPDATE] = { bulk_run_step, NULL },     [VERB_DISABLE] = { bulk_run_step, NULL },
    [VERB_ENABLE] = { bulk_run_step, NULL },     [VERB_DELETE] = { bulk_run_step, NULL },
};

bool scan_run(struct scan *scan, const struct scan_sources *from, int64_t now)
{
    struct step s = {
        .scan = scan,
        .writer = from->writer,
        .put = kinds[scan->verb].put,
        .last_used = from->last_used,
        .text = text_in(scan->bytes, sizeof(scan->bytes)),
        .now = now,
    };

    bool done = scan->bulk != NULL && scan->bulk->done; /* only its answer is held back */
    scan->len = 0;
    if (from->writer->disk_failure.readable || done) {
        kinds[scan->verb].step(&s);
        scan->begun = true;
    } else if (scan->verb != VERB_WATCH || atomic_load(&scan->stop)) {
        scan_step_finish(&s, STATUS_STORE, "the store cannot be read (see jetond's log)");
    }
    if (scan->finished && scan->bulk != NULL)
        bulk_run_end(scan->bulk, from->writer);
    scan->len = s.text.len;
    return scan->len > 0 || (scan->verb != VERB_WATCH && !scan->waits);
}

/* -- tokens ---------------------------------------------------------------------------------- */

static void put_listed(struct step *s, const struct record *r)
{
    size_t begin = s->text.len;

    scan_token_put(s, "*", r);
    if (s->scan->fields != 0)
        list_fields_keep(&s->text, begin, s->scan->fields);
}

static void put_exported(struct step *s, const struct record *r)
{
    text_adds(&s->text, "* import digest=");
    text_add_hex(&s->text, r->digest, DIGEST_SIZE);
    line_put_time(&s->text, "created", r->created);
    record_put_history(&s->text, r);
    record_put_claims(&s->text, r);
    text_addc(&s->text, '\n');
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

/* -- the journal ----------------------------------------------------------------------------- */

/* Return the newest entry that is known to be on the disk.  After a failure the journal may have
 * been read again before that is known, and what it then has may still be lost. */
static uint64_t newest_of(const struct step *s)
{
    uint64_t newest = journal_newest(s->writer->journal);
    uint64_t saved = write_queue_newest(s->writer->queue);

    return newest < saved ? newest : saved;
}

/* Add entries after scan->entry.serial from one block, as many as fit and as the limit allows. */
static void put_entries(struct step *s, struct slice block)
{
    struct scan *scan = s->scan;
    struct slice rest = journal_entries(block, scan->entry.serial + 1), entry;
    uint64_t newest = newest_of(s);

    while (scan->count < scan->limit && scan->entry.serial < newest && scan_step_fits_line(s) &&
           journal_take_entry(&rest, &entry)) {
        text_adds(&s->text, "* ");
        text_add(&s->text, entry.at, entry.len);
        scan_step_put_epoch(s);
        text_addc(&s->text, '\n');
        scan->entry.serial++;
        scan->count++;
    }
}

/* End a scan whose next entry is not here: it was trimmed, after= is beyond the newest, or it
 * belongs to another history. */
static void finish_gone(struct step *s, uint64_t oldest, uint64_t newest, bool other_history)
{
    char message[160];

    snprintf(message, sizeof(message), "%sthe journal holds the entries %llu to %llu",
             other_history ? "the store was replaced since: that history has ended; " : "",
             (unsigned long long)oldest, (unsigned long long)newest);
    reply_begin(&s->text, STATUS_GONE);
    scan_step_put_epoch(s);
    line_put_u64(&s->text, "oldest", oldest);
    line_put_u64(&s->text, "newest", newest);
    reply_end(&s->text, STATUS_GONE, message);
    s->scan->finished = true;
}

/* Add entries after scan->entry.serial.  False: that is not possible, and the scan has ended. */
static bool read_journal(struct step *s)
{
    struct journal *journal = s->writer->journal;
    struct scan *scan = s->scan;
    uint64_t oldest = journal_oldest(journal), newest = newest_of(s);
    uint32_t block;
    size_t len;

    bool other_history = scan->entry.epoch[0] != '\0' &&
                         strcmp(scan->entry.epoch, write_queue_epoch(s->writer->queue)) != 0;
    if (scan->entry.serial == newest && !other_history)
        return true;
    if (other_history || scan->entry.serial > newest || scan->entry.serial + 1 < oldest) {
        finish_gone(s, oldest, newest, other_history);
        return false;
    }
    char *bytes = malloc(JOURNAL_BLOCK_MAX);
    if (bytes != NULL && journal_find(journal, scan->entry.serial + 1, &block) &&
        store_get_journal(s->writer->store, block, bytes, &len) == STORE_FOUND)
        put_entries(s, (struct slice){ bytes, len });
    else
        scan_step_finish(s, STATUS_STORE, "the journal cannot be read");
    free(bytes);
    return !scan->finished;
}

static void step_journal(struct step *s)
{
    struct journal *journal = s->writer->journal;
    struct scan *scan = s->scan;

    if (!scan->begun && !(scan->given & KEY_BIT(KEY_AFTER)) && journal_oldest(journal) > 0)
        scan->entry.serial = journal_oldest(journal) - 1;
    if (!read_journal(s))
        return;
    bool more = scan->entry.serial < newest_of(s);
    if (more && scan->count < scan->limit && !atomic_load(&scan->stop))
        return;
    scan_step_finish_count(s);
    scan_step_put_epoch(s);
    if (more)
        line_put_u64(&s->text, "next", scan->entry.serial);
    scan_step_finish_end(s);
}

static void step_watch(struct step *s)
{
    struct scan *scan = s->scan;

    if (!scan->begun && !(scan->given & KEY_BIT(KEY_AFTER)))
        scan->entry.serial = newest_of(s);
    if (!read_journal(s) || !atomic_load(&scan->stop) || scan->entry.serial < newest_of(s))
        return;
    scan_step_finish_count(s);
    scan_step_put_epoch(s);
    line_put_u64(&s->text, "next", scan->entry.serial);
    scan_step_finish_end(s);
}
