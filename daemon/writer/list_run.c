/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/list_run.h"

#include "daemon/writer/scan_bans.h"
#include "daemon/writer/scan_export.h"
#include "daemon/writer/scan_policy.h"

enum { OWN_MOST = 65536 }; /* of a user's tokens are counted */

/* How much of a step is done. */
struct spent {
    size_t looks;
    size_t reads;
};

/* -- what both orders do --------------------------------------------------------------------- */

static bool is_meant(struct step *s, const struct record *r, int64_t now)
{
    const struct list_filter *f = &s->scan->filter;
    int64_t used = list_filter_asks_use(f) ? last_used_get(s->last_used, r->digest, s->used) : 0;

    return list_filter_matches(f, r, used, now) &&
           scan_policy_matches(s->scan, &s->writer->policy, r, now);
}

enum store_found list_run_read(struct step *s, const uint8_t id[ID_SIZE], struct record *r,
                               int64_t now)
{
    enum store_found found = step_read_token(s, id, r);

    return found == STORE_FOUND && !is_meant(s, r, now) ? STORE_ABSENT : found;
}

bool list_run_is_ready(struct step *s)
{
    const struct scan *scan = s->scan;
    bool asks = scan->verb == VERB_EXPORT || scan->sort == LIST_BY_USE ||
                list_filter_asks_use(&scan->filter);

    return !asks || scan->own || s->last_used == NULL ||
           last_used_load(s->last_used, s->writer->token_table);
}

/* After a failure the table may lack what the store has. */
struct list_sources list_run_sources(struct step *s)
{
    const struct scan *scan = s->scan;

    return (struct list_sources){
        .index = &s->writer->index,
        .subjects = scan->own ? &s->writer->subjects : NULL,
        .subject = scan_user(scan),
        .token_table = s->writer->disk_failure.broken ? NULL : s->writer->token_table,
        .last_used = s->last_used,
        .wants_keys = scan->sort != LIST_BY_CREATION,
        .wants_use = scan->sort == LIST_BY_USE,
    };
}

static bool has_read_enough(const struct step *s, const struct spent *spent)
{
    return spent->reads >= (s->scan->own ? STEP_OWN : STEP_RECORDS);
}

static bool is_over(const struct step *s, const struct spent *spent)
{
    return spent->looks >= (s->scan->own ? STEP_USES : STEP_LOOKS) || has_read_enough(s, spent);
}

static void finish_list(struct step *s, bool more)
{
    struct scan *scan = s->scan;
    bool in_order = (scan->given & (KEY_BIT(KEY_SORT) | KEY_BIT(KEY_ORDER))) != 0;

    step_begin_count(s);
    if (more && in_order) {
        list_key_put(&s->text, scan->sort, &scan->position);
    } else if (more) {
        text_adds(&s->text, " next=");
        text_add_hex(&s->text, scan->id, ID_SIZE);
    }
    step_end_count(s);
}

static void finish_export(struct step *s)
{
    if (unsaved_has_names(&s->writer->disk_failure.unsaved))
        step_finish(s, STATUS_STORE,
                    "denials are in force that are not saved; this export lacks them");
    else
        scan_export_finish(s);
}

/* Read a token, and find out whether it is meant.  STORE_FAILED: the scan has ended. */
static enum store_found read_meant(struct step *s, const uint8_t id[ID_SIZE], uint64_t serial,
                                   struct record *r)
{
    enum store_found found = list_run_read(s, id, r, s->now);

    if (found == STORE_FAILED)
        step_finish(s, STATUS_STORE, "the store cannot be read; this list is incomplete");
    return found == STORE_FOUND && r->serial != serial ? STORE_ABSENT : found;
}

/* Send a token if it is meant.  False: the scan has ended. */
static bool send(struct step *s, const uint8_t id[ID_SIZE], const struct list_key *key)
{
    struct scan *scan = s->scan;
    struct record r;

    switch (read_meant(s, id, key->serial, &r)) {
    case STORE_FOUND:
        break;
    case STORE_ABSENT:
        return true;
    case STORE_FAILED:
        return false;
    }
    if (scan->count == scan->limit) {
        finish_list(s, true);
        return false;
    }
    s->put(s, &r);
    memcpy(scan->id, r.digest, ID_SIZE);
    scan->position = *key;
    scan->count++;
    return true;
}

/* Find the place of the token that after= names.  False: the scan has ended. */
static bool find_place(struct step *s)
{
    struct scan *scan = s->scan;
    struct record r;

    if (scan->has_position)
        return true;
    switch (step_read_token(s, scan->id, &r)) {
    case STORE_FOUND:
        scan->position = (struct list_key){ .number = r.created, .serial = r.serial };
        scan->has_position = true;
        return true;
    case STORE_ABSENT:
        step_finish(s, STATUS_UNKNOWN, "the token that after= names is not here any more");
        return false;
    case STORE_FAILED:
        break;
    }
    step_finish(s, STATUS_STORE, "the store cannot be read");
    return false;
}

/* True for a list that begins now, and not at the beginning. */
static bool begins_after(const struct scan *scan)
{
    return !scan->begun && scan->verb == VERB_LIST && (scan->given & KEY_BIT(KEY_AFTER)) != 0;
}

/* -- in the order of creation ---------------------------------------------------------------- */

/* Send what is meant of a block.  False: the step is over. */
static bool send_block(struct step *s, const struct list_block *block, struct spent *spent)
{
    for (size_t i = 0; i < block->count; i++) {
        const struct list_found *found = &block->found[i];
        const struct list_key key = { .number = found->created, .serial = found->serial };
        if (!step_fits_line(s) || has_read_enough(s, spent)) {
            list_walk_back_to(&s->scan->walk, found);
            return false;
        }
        if (!send(s, found->id, &key))
            return false;
        spent->reads++;
    }
    spent->looks += TOKEN_PEEK_MAX;
    return !is_over(s, spent);
}

/* An export of all goes on with the bans, which belong to no token that a filter could select. */
static void end_walk(struct step *s)
{
    struct scan *scan = s->scan;

    scan->at_bans = scan->verb == VERB_EXPORT && scan->filter.given == 0 &&
                    !atomic_load(&scan->stop);
    if (scan->at_bans)
        return;
    if (scan->verb == VERB_EXPORT)
        finish_export(s);
    else
        finish_list(s, false);
}

static void step_creation(struct step *s)
{
    const struct list_sources from = list_run_sources(s);
    struct scan *scan = s->scan;
    struct spent spent = { 0, 0 };
    struct list_block block;

    if (begins_after(scan)) {
        if (!find_place(s))
            return;
        list_walk_behind(&scan->walk, scan->position.number, scan->position.serial);
    }
    do {
        if (atomic_load(&scan->stop) ||
            !list_walk_next(&scan->walk, &scan->filter, &from, s->now, &block)) {
            end_walk(s);
            return;
        }
    } while (send_block(s, &block, &spent));
}

/* -- in another order ------------------------------------------------------------------------ */

/* Set the key of a token, by what the table has of it. */
static void find_key(const struct scan *scan, const struct list_found *found, struct list_key *key)
{
    key->serial = found->serial;
    key->number = scan->sort == LIST_BY_EXPIRY ? found->expires : 0;
    if (scan->sort == LIST_BY_CREATION) /* the newest first, of a user's own */
        key->number = found->created;
    if (scan->sort == LIST_BY_USE)
        key->number = found->used;
    key->subject_len = scan->sort == LIST_BY_SUBJECT ? found->subject_len : 0;
    memcpy(key->subject, found->subject, key->subject_len);
}

/* Likewise, by its record. */
static void find_key_of(struct step *s, const struct list_found *found, const struct record *r,
                        struct list_key *key)
{
    struct list_found stored = *found;

    stored.expires = r->expires;
    if (s->scan->sort == LIST_BY_USE)
        stored.used = last_used_get(s->last_used, r->digest, s->used);
    stored.subject_len = r->subject_len;
    memcpy(stored.subject, record_subject(r).at, r->subject_len);
    find_key(s->scan, &stored, key);
}

/* True if the token comes behind what was sent, and may be among those which come next. */
static bool comes_next(const struct scan *scan, const struct list_key *key)
{
    return (!scan->has_position || list_key_compare(key, &scan->position, scan->back) > 0) &&
           list_order_wants(scan->order, key);
}

/* Keep a token if it comes next.  False: the scan has ended. */
static bool keep(struct step *s, const struct list_found *found, struct spent *spent)
{
    struct scan *scan = s->scan;
    struct list_key key;
    struct record r;

    find_key(scan, found, &key);
    if (found->in_table && !comes_next(scan, &key))
        return true;
    if (!found->in_table || list_filter_asks_record(&scan->filter)) {
        spent->reads++;
        enum store_found meant = read_meant(s, found->id, found->serial, &r);
        if (meant != STORE_FOUND)
            return meant == STORE_ABSENT;
        find_key_of(s, found, &r, &key);
        if (!comes_next(scan, &key))
            return true;
    }
    list_order_add(scan->order, &key, found->id);
    return true;
}

/* Keep what comes next of some blocks.  False: the step is over. */
static bool gather(struct step *s)
{
    const struct list_sources from = list_run_sources(s);
    struct scan *scan = s->scan;
    struct spent spent = { 0, 0 };
    struct list_block block;

    while (list_walk_next(&scan->walk, &scan->filter, &from, s->now, &block)) {
        for (size_t i = 0; i < block.count; i++) {
            if (has_read_enough(s, &spent)) {
                list_walk_back_to(&scan->walk, &block.found[i]);
                return false;
            }
            if (!keep(s, &block.found[i], &spent))
                return false;
        }
        spent.looks += TOKEN_PEEK_MAX;
        if (is_over(s, &spent))
            return false;
    }
    list_order_arrange(scan->order);
    scan->arranged = true;
    return true;
}

/* Return how many tokens are to be kept at most: no more than there are to be sorted, as the memory for
 * all that are kept is bounded. */
static uint64_t keep_most(struct step *s)
{
    const struct scan *scan = s->scan;
    uint64_t left = scan->limit - scan->count, there = s->writer->index.count;

    if (scan->own)
        there = subject_index_count(&s->writer->subjects, scan_user(scan), OWN_MOST);
    return (left < there ? left : there) + 1;
}

/* Send what was kept; behind it, if that was not all, go over all tokens again. */
static void send_kept(struct step *s)
{
    struct scan *scan = s->scan;
    struct list_key key;
    uint8_t id[ID_SIZE];

    size_t most = scan->own ? STEP_OWN : STEP_RECORDS;
    for (size_t sent = 0; sent < most && step_fits_line(s); sent++) {
        if (!list_order_next(scan->order, &key, id)) {
            if (!list_order_is_full(scan->order)) {
                finish_list(s, false);
                return;
            }
            if (!list_order_clear(scan->order, keep_most(s))) {
                step_finish(s, STATUS_INTERNAL, "no memory");
                return;
            }
            scan->arranged = false;
            scan->walk = (struct list_walk){ .back = false };
            return;
        }
        if (!send(s, id, &key))
            return;
        scan->position = key; /* also of a token that has gone meanwhile */
        scan->has_position = true;
    }
}

static void step_order(struct step *s)
{
    struct scan *scan = s->scan;

    if (begins_after(scan) && !find_place(s))
        return;
    if (scan->order == NULL)
        scan->order = list_order_new(scan->sort, scan->back, keep_most(s), scan->uid);
    if (scan->order == NULL)
        step_finish(s, STATUS_INTERNAL, "no memory");
    else if (atomic_load(&scan->stop))
        finish_list(s, false);
    else if (scan->arranged || gather(s))
        send_kept(s);
}

/* -- bans ------------------------------------------------------------------------------------ */

/* Export bans, behind all tokens: what was a token meanwhile becomes a ban, never the reverse. */
static void step_bans(struct step *s)
{
    struct problem problem;

    enum store_found found = scan_bans_put(s->scan, s->writer->store, &s->text, &problem);
    if (found == STORE_FAILED)
        step_finish(s, STATUS_STORE, problem.message);
    else if (found == STORE_FOUND && !atomic_load(&s->scan->stop))
        return;
    else
        finish_export(s);
}

void list_run_step(struct step *s)
{
    struct scan *scan = s->scan;
    struct writer *w = s->writer;

    if (scan->own && !subject_index_build(&w->subjects, &w->index, w->token_table))
        step_finish(s, STATUS_INTERNAL, "no memory");
    else if (!list_run_is_ready(s))
        return;
    else if (scan->at_bans)
        step_bans(s);
    else if (scan->sort == LIST_BY_CREATION && !(scan->own && scan->back))
        step_creation(s);
    else
        step_order(s);
}
