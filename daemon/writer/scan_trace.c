/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_trace.h"

#include "daemon/writer/scan_journal.h"
#include "daemon/writer/scan_token.h"
#include "proto/reply.h"

enum { CHAIN_MAX = 64 }; /* tokens in each direction: an import may name any, even in circles */

/* What comes next. */
enum stage { STAGE_TOKEN, STAGE_CHAIN, STAGE_ENTRIES };

static void step_token(struct step *s);
static void step_chain(struct step *s);
static void step_entries(struct step *s);

void scan_trace_step(struct step *s)
{
    static void (*const stages[])(struct step * s) = {
        [STAGE_TOKEN] = step_token,
        [STAGE_CHAIN] = step_chain,
        [STAGE_ENTRIES] = step_entries,
    };

    stages[s->scan->trace.stage](s);
}

static void fail(struct step *s)
{
    step_finish(s, STATUS_STORE, "the store cannot be read; this trace is incomplete");
}

/* Go back to the oldest token of the chain that is here. */
static bool find_oldest(struct step *s, struct record *r)
{
    struct scan_trace *trace = &s->scan->trace;

    memcpy(trace->next, s->scan->id, ID_SIZE);
    for (int i = 0; i < CHAIN_MAX && r->has_replaces; i++) {
        uint8_t before[ID_SIZE];
        memcpy(before, r->replaces, ID_SIZE);
        enum store_found found = step_read_token(s, before, r);
        if (found == STORE_FAILED)
            return false;
        if (found == STORE_ABSENT)
            break;
        memcpy(trace->next, before, ID_SIZE);
    }
    trace->has_next = true;
    return true;
}

static void put_ban(struct step *s, const struct ban *ban)
{
    text_adds(&s->text, "* part=ban id=");
    text_add_hex(&s->text, ban->digest, ID_SIZE);
    line_puts(&s->text, "state", "banned");
    line_put_time(&s->text, "banned", ban->banned);
    text_adds(&s->text, " by=uid:");
    text_add_u64(&s->text, ban->by);
    step_put_name(s, "by_name", ban->by);
    if (ban->until != TIME_NEVER)
        line_put_time(&s->text, "expires", ban->until);
    text_addc(&s->text, '\n');
    s->scan->trace.found = true;
    s->scan->count++;
}

/* Put the bans of the value's names. */
static bool put_bans(struct step *s)
{
    const struct scan_trace *trace = &s->scan->trace;
    enum store_found found = STORE_ABSENT;
    struct ban ban;

    for (size_t i = 0; i < trace->names && found != STORE_FAILED; i++) {
        found = store_get_ban(s->writer->store, trace->name[i], &ban);
        if (found == STORE_FOUND)
            put_ban(s, &ban);
    }
    return found != STORE_FAILED;
}

/* A value of the fleet was not found in the store when the trace began. */
static bool is_of_fleet(const struct scan_trace *trace, const struct record *r)
{
    return record_is_fleet(r) && memcmp(r->digest, trace->name[0], DIGEST_SIZE) == 0;
}

static void step_token(struct step *s)
{
    struct scan *scan = s->scan;
    struct record r;

    scan->trace.stage = STAGE_CHAIN;
    enum store_found found = step_read_token(s, scan->id, &r);
    if (found == STORE_FOUND && (scan->trace.is_token || is_of_fleet(&scan->trace, &r))) {
        scan_token_put(s, "* part=token", &r);
        scan->trace.found = true;
        scan->count++;
    }
    bool ok = found != STORE_FAILED && put_bans(s);
    if (ok && scan->trace.found && found == STORE_FOUND)
        ok = find_oldest(s, &r);
    if (!ok)
        fail(s);
}

/* Put the other tokens of the chain, oldest first. */
static void step_chain(struct step *s)
{
    struct scan *scan = s->scan;
    struct scan_trace *trace = &scan->trace;
    struct record r;

    while (trace->has_next && step_fits_line(s)) {
        enum store_found found = step_read_token(s, trace->next, &r);
        if (found == STORE_FAILED) {
            fail(s);
            return;
        }
        if (found == STORE_FOUND && memcmp(trace->next, scan->id, ID_SIZE) != 0) {
            scan_token_put(s, "* part=chain", &r);
            scan->count++;
        }
        trace->has_next = found == STORE_FOUND && r.has_replaced_by &&
                          ++trace->chain < 2 * CHAIN_MAX;
        memcpy(trace->next, r.replaced_by, ID_SIZE);
    }
    if (trace->has_next)
        return;
    trace->stage = STAGE_ENTRIES;
    scan->entry.serial = scan_journal_begin(s);
}

/* End with NO if there is neither a token nor a ban; there may yet be entries. */
static void finish(struct step *s)
{
    enum status status = s->scan->trace.found ? STATUS_OK : STATUS_UNKNOWN;

    reply_begin(&s->text, status);
    text_adds(&s->text, " id=");
    text_add_hex(&s->text, s->scan->id, ID_SIZE);
    line_put_u64(&s->text, "count", s->scan->count);
    reply_end(&s->text, status, NULL);
    s->scan->finished = true;
}

/* Entries that are trimmed meanwhile are left out. */
static void step_entries(struct step *s)
{
    uint64_t begin = scan_journal_begin(s);

    if (s->scan->entry.serial < begin)
        s->scan->entry.serial = begin;
    if (scan_journal_read(s, "* part=entry ") &&
        (!scan_journal_has_more(s) || atomic_load(&s->scan->stop)))
        finish(s);
}
