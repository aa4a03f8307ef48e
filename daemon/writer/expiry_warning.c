/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/expiry_warning.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemon/table/table_walk.h"

/* A round over 10^6 tokens takes four minutes, in steps of some 0.1 ms; a small table is one step. */
enum {
    STEP_SLOTS = 8192,
    STEP_TOKENS = 512,   /* taken from the table at once */
    STEP_CHANGES = 512,  /* announced in one step */
    FOUND_MAX = 65536,   /* tokens kept of one round */
    SAVE_SECONDS = 3600, /* marks that moved without an announcement wait so long */
    CORRECTED = 60,      /* seconds by which a clock may be set back: marks wait for it */
};

static change_apply apply_expiring;
static const struct change_kind change_expiring = { .event = "expiring", .apply = apply_expiring };

void expiry_warning_end(struct expiry_warning *e)
{
    free(e->found);
    *e = (struct expiry_warning){ .found = NULL };
}

/* -- the tokens that were found, the latest of them first --------------------------------------- */

static int compare(const void *left, const void *right)
{
    const struct expiring_token *a = left, *b = right;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return memcmp(a->id, b->id, ID_SIZE);
}

static void sift_down(struct expiry_warning *e, struct expiring_token moved)
{
    size_t at = 0;

    for (size_t child; (child = 2 * at + 1) < e->found_count; at = child) {
        if (child + 1 < e->found_count && compare(&e->found[child + 1], &e->found[child]) > 0)
            child++;
        if (compare(&e->found[child], &moved) <= 0)
            break;
        e->found[at] = e->found[child];
    }
    e->found[at] = moved;
}

/* Keep a token.  Where there are too many the latest gives way: marks only move forward. */
static void keep(struct expiry_warning *e, struct expiring_token token)
{
    size_t at = e->found_count;

    if (e->found == NULL)
        e->found = malloc(FOUND_MAX * sizeof(*e->found));
    if (e->found == NULL || at == FOUND_MAX) {
        e->overflow = true;
        if (e->found != NULL && compare(&token, &e->found[0]) < 0)
            sift_down(e, token);
        return;
    }
    for (e->found_count++; at > 0 && compare(&e->found[(at - 1) / 2], &token) < 0;
         at = (at - 1) / 2)
        e->found[at] = e->found[(at - 1) / 2];
    e->found[at] = token;
}

/* -- the walk ------------------------------------------------------------------------------------ */

static void count(struct expiry_warning *e, int64_t left, bool has_end)
{
    if (!has_end)
        e->count[TOKENS_LEFT_COUNTS - 1]++;
    for (size_t i = 0; has_end && i < TOKENS_LEFT_COUNTS - 1; i++)
        e->count[i] += left <= write_queue_days(i) * 86400;
}

/* Look whether a token is behind the mark of the shortest warning that it is within. */
static void look(struct expiry_warning *e, const struct table_walk_end *token)
{
    size_t i = e->warnings;

    while (i > 0 && token->expires > e->began + e->warn[i - 1])
        i--;
    if (i == 0)
        return;
    struct expiring_token found = { .time = token->expires - e->warn[i - 1],
                                    .warn = e->warn[i - 1] };
    memcpy(found.id, token->id, ID_SIZE);
    if (found.time > 0 &&
        expiry_mark_is_before(expiry_marks_of(&e->marks, found.warn), found.time, found.id))
        keep(e, found);
}

/* Marks that are far beyond the present are of a clock that was wrong: from now on it counts again. */
static void follow_clock(struct expiry_marks *marks, int64_t now)
{
    for (size_t i = 0; i < marks->count; i++)
        if (marks->mark[i].time > now + CORRECTED)
            marks->mark[i].time = now;
}

/* `p`: NULL while the clock is not relied on. */
static void begin_round(struct expiry_warning *e, const struct policies *p, int64_t now)
{
    if (p != NULL)
        follow_clock(&e->marks, now);
    e->warnings = p != NULL ? p->warnings : 0;
    if (p != NULL)
        memcpy(e->warn, p->warn, sizeof(e->warn));
    e->began = now;
    e->round++;
    e->slot = 0;
    e->overflow = false;
    e->found_count = e->announced = 0;
    memset(e->count, 0, sizeof(e->count));
    memset(e->states, 0, sizeof(e->states));
}

/* Move the marks of all warnings on to the round's beginning: whatever is behind it was announced. */
static void end_round(struct expiry_warning *e)
{
    for (size_t i = 0; i < e->warnings && !e->overflow; i++) {
        struct expiry_mark *mark = expiry_marks_of(&e->marks, e->warn[i]);
        if (mark->time > e->began)
            continue;
        mark->time = e->began;
        memset(mark->id, 0xff, ID_SIZE);
    }
    e->began = 0;
    e->found_count = 0;
    free(e->found);
    e->found = NULL;
}

/* Look at the next slots; true at the end of the table. */
static bool walk(struct expiry_warning *e, struct token_table *table)
{
    struct table_walk_end end[STEP_TOKENS];
    uint32_t stop = e->slot + STEP_SLOTS;

    do {
        size_t found = table_walk_ends(table, &e->slot, stop - e->slot, e->began, end, STEP_TOKENS);
        for (size_t i = 0; i < found; i++) {
            bool has_end = end[i].expires != TIME_NEVER;
            e->states[end[i].state]++;
            if (end[i].state == STATUS_REVOKED || end[i].expires <= e->began)
                continue;
            count(e, has_end ? end[i].expires - e->began : 0, has_end);
            if (has_end && !end[i].fleet) /* of these, the database knows */
                look(e, &end[i]);
        }
    } while (e->slot != 0 && e->slot < stop);
    return e->slot == 0;
}

/* -- announcements ------------------------------------------------------------------------------- */

/* Queue the next ones.  What is queued twice, because it was not applied yet, is applied once: each
 * has its place in the order. */
static void announce(struct expiry_warning *e, struct mail_list *changes)
{
    size_t stop = e->announced + STEP_CHANGES;

    for (size_t i = e->announced; i < e->found_count && i < stop; i++) {
        struct change *c = change_new(&change_expiring);
        if (c == NULL)
            return;
        c->uid = getuid();
        c->pid = getpid();
        memcpy(c->id, e->found[i].id, ID_SIZE);
        c->want.expires = e->found[i].time + e->found[i].warn;
        c->warning = e;
        c->ttl = e->found[i].warn;
        c->warning_place = e->round << 32 | i;
        mail_append(changes, &c->mail);
    }
}

/* Announce a token, unless it was renewed or denied since it was found; the mark moves on in either
 * case.  One that is not next in the order waits until it is queued again. */
static enum status apply_expiring(struct change *c, struct store *store, int64_t now)
{
    struct expiry_warning *e = c->warning;

    if (c->warning_place != (e->round << 32 | e->announced))
        return problem_set(&c->problem, STATUS_BUSY, "%s", status_row(STATUS_BUSY)->meaning);
    enum store_found found = store_get(store, c->id, &c->found);
    if (found == STORE_FAILED)
        return problem_set(&c->problem, STATUS_STORE, "%s", status_row(STATUS_STORE)->meaning);
    c->announces = found == STORE_FOUND && c->found.expires == c->want.expires &&
                   c->found.revoked == 0 && c->found.expires > now;
    struct expiry_mark *mark = expiry_marks_of(&e->marks, c->ttl);
    mark->time = c->want.expires - c->ttl;
    memcpy(mark->id, c->id, ID_SIZE);
    e->announced++;
    e->moved = e->moved || c->announces;
    return STATUS_OK;
}

/* -- the marks ----------------------------------------------------------------------------------- */

static int64_t newest(const struct expiry_marks *marks)
{
    int64_t time = 0;

    for (size_t i = 0; i < marks->count; i++)
        time = marks->mark[i].time > time ? marks->mark[i].time : time;
    return time;
}

static bool load(struct expiry_warning *e, struct store *store)
{
    if (e->loaded)
        return true;
    if (!expiry_marks_read(store, &e->marks))
        return false;
    e->loaded = true;
    e->saved = newest(&e->marks);
    e->began = 0;
    return true;
}

bool expiry_warning_put(struct expiry_warning *e, struct store *store)
{
    int64_t time = newest(&e->marks);

    if (!e->loaded || (!e->moved && time - e->saved < SAVE_SECONDS && time >= e->saved))
        return true;
    e->saved = time;
    return e->marks.count == 0 || expiry_marks_put(store, &e->marks);
}

void expiry_warning_settle(struct expiry_warning *e, bool saved)
{
    e->moved = false;
    if (saved)
        return;
    e->loaded = false;
    e->round++; /* what is queued of this one comes to nothing */
}

void expiry_warning_step(struct expiry_warning *e, struct store *store, struct token_table *table,
                         const struct policies *policies, bool may_announce, int64_t now,
                         struct write_queue *counts, struct mail_list *changes)
{
    if (!load(e, store))
        return;
    if (e->began == 0)
        begin_round(e, may_announce ? policies : NULL, now);
    if (e->found_count == 0 || e->slot != 0) {
        if (!walk(e, table))
            return;
        write_queue_set_left(counts, e->count, e->states);
        if (e->found_count > 0)
            qsort(e->found, e->found_count, sizeof(*e->found), compare);
    }
    announce(e, changes);
    if (e->announced == e->found_count)
        end_round(e);
}
