/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "daemon/writer/scan_bans.h"
#include "daemon/writer/scan_policy.h"
#include "proto/reply.h"
#include "proto/scopes.h"
#include "proto/verdict.h"

/* Most records looked at for one chunk, so that a filter which nothing passes does not delay the
 * rest. */
enum { STEP_RECORDS = 1000, STEP_OWN = 100 };

/* One step of a scan: the text it writes and the sources it reads. */
struct step {
    struct scan *scan;
    struct writer *writer;
    struct last_used *last_used;
    struct text text;
    int64_t now;
    int64_t used; /* last use of the token that was read, as far as it is in memory */
};

typedef void step_function(struct step *s);
static step_function step_list, step_show, step_journal, step_watch, step_policy;

/* Write one token's data line. */
typedef void put_token(struct step *s, const struct record *r);
static put_token put_listed, put_exported;
static void list_bans(struct step *s);

static const struct {
    step_function *step;
    put_token *put;
} kinds[VERB_COUNT] = {
    [VERB_LIST] = { step_list, put_listed }, [VERB_EXPORT] = { step_list, put_exported },
    [VERB_SHOW] = { step_show, put_listed }, [VERB_JOURNAL] = { step_journal, NULL },
    [VERB_WATCH] = { step_watch, NULL },     [VERB_POLICY] = { step_policy, NULL },
};

/* True while one more line of any length fits, and the final line behind it. */
static bool fits_line(const struct step *s)
{
    return s->text.cap - s->text.len >= LINE_MAX_BYTES + 1024;
}

static void finish(struct step *s, enum status status, const char *message)
{
    reply_plain(&s->text, status, message);
    s->scan->finished = true;
}

static void finish_count(struct step *s)
{
    reply_begin(&s->text, STATUS_OK);
    line_put_u64(&s->text, "count", s->scan->count);
}

static void put_epoch(struct step *s)
{
    line_puts(&s->text, "epoch", write_queue_epoch(s->writer->queue));
}

static void finish_end(struct step *s)
{
    reply_end(&s->text, STATUS_OK, NULL);
    s->scan->finished = true;
}

bool scan_run(struct scan *scan, const struct scan_sources *from, int64_t now)
{
    struct step s = {
        .scan = scan,
        .writer = from->writer,
        .last_used = from->last_used,
        .text = text_in(scan->bytes, sizeof(scan->bytes)),
        .now = now,
    };

    policy_check_renew(&from->writer->policy, write_queue_take_policies(from->writer->queue));
    scan->len = 0;
    if (from->writer->disk_failure.readable) {
        kinds[scan->verb].step(&s);
        scan->begun = true;
    } else if (scan->verb != VERB_WATCH || atomic_load(&scan->stop)) {
        finish(&s, STATUS_STORE, "the store cannot be read (see jetond's log)");
    }
    scan->len = s.text.len;
    return scan->len > 0 || scan->verb != VERB_WATCH;
}

/* -- tokens ---------------------------------------------------------------------------------- */

/* Read a token as verifiers see it: a denial may be in force in memory alone.  But SLOT_DISABLED of
 * a revoked token may be left from a disable that was refused.  Another user's token is not there. */
static enum store_found read_token(struct step *s, const uint8_t id[ID_SIZE], struct record *r)
{
    enum store_found found = store_get(s->writer->store, id, r);
    uint8_t digest[DIGEST_SIZE];

    s->used = 0;
    if (found != STORE_FOUND || !scan_may_show(s->scan, r))
        return found == STORE_FAILED ? STORE_FAILED : STORE_ABSENT;
    uint32_t flags = token_table_look(s->writer->token_table, id, digest, &s->used);
    if ((flags & SLOT_REVOKED) && r->revoked == 0)
        r->revoked = s->now > 0 ? s->now : 1;
    if ((flags & SLOT_DISABLED) && r->disabled == 0 && r->revoked == 0)
        r->disabled = s->now > 0 ? s->now : 1;
    return found;
}

static void put_listed(struct step *s, const struct record *r)
{
    int64_t used = last_used_get(s->last_used, r->digest, s->used);

    text_adds(&s->text, "* id=");
    text_add_hex(&s->text, r->digest, ID_SIZE);
    record_put_state(&s->text, r, s->now);
    line_put_time(&s->text, "created", r->created);
    text_adds(&s->text, " by=uid:");
    text_add_u64(&s->text, r->by);
    if (used != 0)
        line_put_time(&s->text, "used", used);
    record_put_owner(&s->text, r);
    if (r->has_replaces) {
        text_adds(&s->text, " replaces=");
        text_add_hex(&s->text, r->replaces, ID_SIZE);
    }
    record_put_claims(&s->text, r);
    scan_policy_put_rules(s->scan, &s->writer->policy, r, s->now, &s->text);
    text_addc(&s->text, '\n');
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

/* Begin a list behind the token that after= names.  False: the scan has ended. */
static bool begin_after(struct step *s)
{
    struct scan *scan = s->scan;
    struct record r;

    if (scan->begun || scan->verb != VERB_LIST || !(scan->given & KEY_BIT(KEY_AFTER)))
        return true;
    switch (read_token(s, scan->id, &r)) {
    case STORE_FOUND:
        scan->created = r.created;
        scan->serial = r.serial;
        return true;
    case STORE_ABSENT:
        finish(s, STATUS_UNKNOWN, "the token that after= names is not here any more");
        return false;
    case STORE_FAILED:
        break;
    }
    finish(s, STATUS_STORE, "the store cannot be read");
    return false;
}

/* Look at one token of the index; false when the step is over. */
static bool list_one(struct step *s, const struct creation_entry *e)
{
    struct scan *scan = s->scan;
    struct record r;

    if (!fits_line(s))
        return false;
    enum store_found found = e->removed ? STORE_ABSENT : read_token(s, e->id, &r);
    if (found == STORE_FAILED) {
        finish(s, STATUS_STORE, "the store cannot be read; this list is incomplete");
        return false;
    }
    if (found == STORE_FOUND && r.serial == e->serial && scan_matches(scan, &r, s->now) &&
        scan_policy_matches(scan, &s->writer->policy, &r, s->now)) {
        if (scan->count == scan->limit) {
            finish_count(s);
            text_adds(&s->text, " next=");
            text_add_hex(&s->text, scan->last, ID_SIZE);
            finish_end(s);
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

/* List a user's own tokens, without a look at those of others. */
static void step_own(struct step *s)
{
    struct scan *scan = s->scan;
    struct writer *w = s->writer;
    struct creation_entry e;
    size_t looked = 0;

    if (!subject_index_build(&w->subjects, &w->index, w->token_table)) {
        finish(s, STATUS_INTERNAL, "no memory");
        return;
    }
    while (!atomic_load(&scan->stop) && scan_next_own(scan, &w->subjects, &e))
        if (looked++ == STEP_OWN || !list_one(s, &e))
            return;
    finish_count(s);
    finish_end(s);
}

static void step_list(struct step *s)
{
    struct creation_index *index = &s->writer->index;
    struct scan *scan = s->scan;

    if (scan->at_bans) {
        list_bans(s);
        return;
    }
    if (!begin_after(s))
        return;
    if (scan->own) {
        step_own(s);
        return;
    }
    size_t at = creation_index_after(index, scan->created, scan->serial);
    size_t stop = index->count - at > STEP_RECORDS ? at + STEP_RECORDS : index->count;
    while (at < stop && !atomic_load(&scan->stop) && list_one(s, &index->entry[at]))
        at++;
    if (scan->finished || (at < index->count && !atomic_load(&scan->stop)))
        return;
    scan->at_bans = scan->verb == VERB_EXPORT && !atomic_load(&scan->stop);
    if (!scan->at_bans) {
        finish_count(s);
        finish_end(s);
    }
}

/* Export bans, behind all tokens: what was a token meanwhile becomes a ban, never the reverse. */
static void list_bans(struct step *s)
{
    struct problem problem;

    enum store_found found = scan_bans_put(s->scan, s->writer->store, &s->text, &problem);
    if (found == STORE_FAILED) {
        finish(s, STATUS_STORE, problem.message);
    } else if (found == STORE_FOUND && !atomic_load(&s->scan->stop)) {
        return;
    } else if (unsaved_has_names(&s->writer->disk_failure.unsaved)) {
        finish(s, STATUS_STORE, "denials are in force that are not saved; this export lacks them");
    } else {
        finish_count(s);
        put_epoch(s);
        finish_end(s);
    }
}

static void step_show(struct step *s)
{
    struct record r;

    switch (read_token(s, s->scan->id, &r)) {
    case STORE_FOUND:
        put_listed(s, &r);
        s->scan->count = 1;
        finish_count(s);
        finish_end(s);
        return;
    case STORE_ABSENT:
        finish(s, STATUS_UNKNOWN, NULL);
        return;
    case STORE_FAILED:
        finish(s, STATUS_STORE, "the store cannot be read");
    }
}

static void step_policy(struct step *s)
{
    if (!scan_policy_put(s->scan, s->writer->policy.policies, &s->text))
        return;
    finish_count(s);
    finish_end(s);
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

    while (scan->count < scan->limit && scan->entry.serial < newest && fits_line(s) &&
           journal_take_entry(&rest, &entry)) {
        text_adds(&s->text, "* ");
        text_add(&s->text, entry.at, entry.len);
        put_epoch(s);
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
    put_epoch(s);
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
        finish(s, STATUS_STORE, "the journal cannot be read");
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
    finish_count(s);
    put_epoch(s);
    if (more)
        line_put_u64(&s->text, "next", scan->entry.serial);
    finish_end(s);
}

static void step_watch(struct step *s)
{
    struct scan *scan = s->scan;

    if (!scan->begun && !(scan->given & KEY_BIT(KEY_AFTER)))
        scan->entry.serial = newest_of(s);
    if (!read_journal(s) || !atomic_load(&scan->stop) || scan->entry.serial < newest_of(s))
        return;
    finish_count(s);
    put_epoch(s);
    line_put_u64(&s->text, "next", scan->entry.serial);
    finish_end(s);
}
