/* SPDX-License-Identifier: Apache-2.0 */
/* Lookups without a lock, and unmapping without waiting.
 *
 * Reclamation.  A reader adds one to a counter, loads the current view, uses it, and subtracts one.
 * There is a counter for each CPU (by number, modulo TABLE_VIEW_READER_SLOTS) on a cache line of
 * its own, so that concurrent threads hardly ever write to the same line; a thread that is moved in
 * between subtracts where it added.  A view that was replaced is retired until each counter has
 * been seen at zero after the replacement; they need not be zero together.  That is enough: all
 * these accesses are sequentially consistent, so a reader that a counter does not show has either
 * left, or adds later and then loads the new view.  This is checked, without waiting, when the next
 * view comes and with each report of uses.
 *
 * fork().  The child has no other threads, so its counters must begin at zero: they lie in memory
 * that is wiped then.  The views stay: their mappings are inherited.
 *
 * Validity of a verdict.  The daemon, under the mutex of all changes, completes a new table, marks
 * the old one superseded, then goes on; a revocation is acknowledged only after the new table shows
 * it.  A reader checks the state after it has read the slot with acquire order, so the state is
 * that of a later moment.  If it is `live`, the slot was read before the table was superseded,
 * hence before any revocation that this table does not show was made, let alone acknowledged.  A
 * call that begins after an acknowledgement therefore finds the flag in this table, or the table
 * superseded.
 *
 * The lease is checked last, against the clock of that moment: it shows that the daemon was alive
 * when the slot was read.  If either were checked only before, the answer would be as old as that
 * check, and between it and the slot a thread may sleep for any time.  A lease that ends further
 * ahead than the daemon ever grants is not trusted: the clocks differ (a time namespace), so it
 * would not end in time.  A view whose lease was found wrong once is not trusted again: the clock
 * that disagreed goes on, and seconds after the daemon's death the lease would look right.
 *
 * In a table with a fleet, most verdicts hold only while the clock is before a deadline of the fleet's,
 * which was read before the slot (proto/verdict.h).  It is checked against the same reading of the
 * clock as the lease.  The daemon computes it anew each second, as the clock stands still while the machine
 * sleeps: so an answer may be that much too late in the seconds after it woke, and no more than the lease.
 *
 * Nothing read can fault: the file lies in memory and is sealed against shrinking, its size was
 * read before it was mapped, and every offset is checked against that size. */
#include "plugin/lib/table_view.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "plugin/lib/table_file.h"
#include "proto/pages.h"
#include "proto/scopes.h"
#include "proto/token.h"

/* Nanoseconds: the daemon grants five seconds, and the coarse clock may be behind, on a busy virtual
 * machine more than its usual milliseconds. */
#define LEASE_MAX INT64_C(5500000000)

enum { REAP_TRIES = 100 };

/* -- validity ---------------------------------------------------------------------------------- */

static bool is_live(const struct table_view *v)
{
    return atomic_load_explicit(&v->table.header->state, memory_order_acquire) == TABLE_LIVE &&
           (atomic_load_explicit(&v->marks, memory_order_relaxed) & TABLE_VIEW_LEASE_FAILED) == 0;
}

/* Check the lease against the clock of this moment, which *now gets. */
static inline __attribute__((always_inline)) bool check_lease(struct table_view *v, uint64_t *now)
{
    struct timespec t;

    int64_t lease = atomic_load_explicit(&v->table.header->lease, memory_order_acquire);
    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &t) < 0)
        return false;
    *now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    /* One unsigned comparison: a lease that has ended is as far off as one that is too long. */
    if ((uint64_t)lease - *now - 1 < LEASE_MAX)
        return true;
    uint8_t marks = v->table.has_fleet ? TABLE_VIEW_HAS_FLEET : 0;
    atomic_store_explicit(&v->marks, marks | TABLE_VIEW_LEASE_FAILED, memory_order_relaxed);
    return false;
}

static bool has_lease(struct table_view *v)
{
    uint64_t now;

    return check_lease(v, &now);
}

/* True if what was read from the view before this call was valid until now. */
static bool is_valid(struct table_view *v)
{
    return is_live(v) && has_lease(v);
}

/* Do the same, and see whether the verdict holds. */
static __attribute__((noinline)) bool holds_in_fleet(struct table_view *v,
                                                     const struct verdict *verdict)
{
    uint64_t now;

    return check_lease(v, &now) && verdict_holds(verdict, (int64_t)now);
}

static inline __attribute__((always_inline)) bool is_valid_with(struct table_view *v,
                                                                const struct verdict *verdict)
{
    if (atomic_load_explicit(&v->table.header->state, memory_order_acquire) != TABLE_LIVE)
        return false;
    uint8_t marks = atomic_load_explicit(&v->marks, memory_order_relaxed);
    if (__builtin_expect(marks == 0, true))
        return has_lease(v);
    return marks == TABLE_VIEW_HAS_FLEET && holds_in_fleet(v, verdict);
}

/* -- mapping ---------------------------------------------------------------------------------- */

const char *table_view_open(int fd, uint64_t size, const struct table_view_conditions *conditions,
                            struct table_view **view)
{
    const char *fault = table_file_fault(fd, size);

    *view = NULL;
    if (fault != NULL)
        return fault;
    struct table_view *v = calloc(1, sizeof(*v));
    void *at = size > 0 && size <= SIZE_MAX ? pages_map(size, PROT_READ, MAP_SHARED, fd) :
                                              MAP_FAILED;
    if (v == NULL || at == MAP_FAILED) {
        fault = "no memory to map it";
        goto out;
    }
    fault = table_attach(&v->table, at, size);
    if (fault == NULL && v->table.total_size != size)
        fault = "a table of another size than its file";
    if (fault != NULL)
        goto out;
    madvise(at, size, MADV_DONTDUMP);
    v->conditions = *conditions;
    v->marks = v->table.has_fleet ? TABLE_VIEW_HAS_FLEET : 0;
    has_lease(v); /* the daemon has just renewed it: what is wrong with it now shows best */
    *view = v;
    return NULL;
out:
    if (at != MAP_FAILED)
        munmap(at, size);
    free(v);
    return fault;
}

void table_view_close(struct table_view *v)
{
    if (v == NULL)
        return;
    munmap((void *)(uintptr_t)v->table.header, v->table.total_size);
    free(v);
}

void table_views_free(struct table_views *views)
{
    table_view_close(atomic_load(&views->current));
    for (struct table_view *v = views->retired, *next; v != NULL; v = next) {
        next = v->next;
        table_view_close(v);
    }
}

/* -- lookups ---------------------------------------------------------------------------------- */

/* Count this thread as a reader, then load the current view, which stays mapped until leave().
 * Return the counter's slot. */
static unsigned enter(struct table_views *views, struct table_view_readers *readers,
                      struct table_view **view)
{
    unsigned slot = (unsigned)sched_getcpu() % TABLE_VIEW_READER_SLOTS;

    atomic_fetch_add(&readers->slot[slot].count, 1);
    *view = atomic_load(&views->current);
    return slot;
}

static void leave(struct table_view_readers *readers, unsigned slot)
{
    atomic_fetch_sub_explicit(&readers->slot[slot].count, 1, memory_order_release);
}

/* Fill the claims from a verdict; false if the table contains what no token can have. */
static bool fill_claims(struct jeton_claims *c, const struct verdict *v, int64_t now)
{
    claims_clear(c);
    c->source = JETON_TABLE;
    if (v->found)
        claims_format_id(c->id, v->digest);
    if (v->status == STATUS_PENDING)
        c->retry_after = v->activates - now;
    if (v->status != STATUS_OK)
        return true;
    c->expires = v->expires;
    return claims_set_text(c->verifier, sizeof(c->verifier), slice_of("local")) &&
           claims_set_text(c->subject, sizeof(c->subject), v->subject) &&
           claims_set_text(c->scopes, sizeof(c->scopes), v->scopes);
}

/* Prefetch what a lookup will read.  Inline for the same reason as table_prefetch(). */
static inline __attribute__((always_inline)) void prefetch(const struct table *table,
                                                           struct recent_uses *recent_uses,
                                                           struct verdict *v)
{
    v->home = table_home(table, v->digest);
    table_prefetch(table, v->home);
    recent_uses_prefetch(recent_uses, v->digest);
}

/* Read the clock; never return a time earlier than that by which the daemon judges.  Return false
 * if the host's system call filter refuses it: then nobody knows which tokens have expired. */
static bool wall_clock(const struct table_view *view, int64_t *now)
{
    int64_t not_before = atomic_load_explicit(&view->table.header->not_before,
                                              memory_order_relaxed);
    struct timespec t;

    if (clock_gettime(CLOCK_REALTIME_COARSE, &t) < 0)
        return false;
    *now = t.tv_sec > not_before ? t.tv_sec : not_before;
    return true;
}

/* Judge one question.  True: the verdict is final, provided that the view is valid, and that it holds by its
 * terms if the view has a fleet. */
static bool judge_one(const struct table_view *view, const struct question *question, bool hashed,
                      int64_t now, struct verdict *v, struct jeton_claims *claims)
{
    if (hashed)
        verdict_judge(&view->table, question, now, v);
again:
    if (v->status == STATUS_OK) {
        if (!scopes_include(v->scopes,
                            (struct slice){ view->conditions.scopes, view->conditions.scopes_len }))
            v->status = STATUS_SCOPE;
    } else if (__builtin_expect(v->status == STATUS_UNAVAILABLE, false)) {
        if (verdict_assume(v))
            goto again;
        return false;
    }
    return (v->status == STATUS_OK || view->conditions.final) &&
           (claims == NULL || fill_claims(claims, v, now));
}

/* Complete a lookup: record a pass, and clear the claims if there is no answer. */
static void finish(struct recent_uses *recent_uses, bool answered, const struct verdict *v,
                   int64_t now, struct jeton_claims *claims)
{
    if (answered && v->status == STATUS_OK)
        recent_uses_add(recent_uses, v->digest, (uint32_t)(now / 60));
    if (!answered && claims != NULL)
        claims_clear(claims);
}

/* Read the clock while the slot is on its way from memory. */
bool table_view_lookup(struct table_views *views, struct table_view_readers *readers,
                       struct recent_uses *recent_uses, const struct question *question,
                       struct verdict *v, int64_t *now, struct jeton_claims *claims)
{
    struct table_view *view = atomic_load_explicit(&views->current, memory_order_relaxed);
    bool answered = false;

    if (view != NULL) {
        unsigned slot = enter(views, readers, &view);
        if (view != NULL) {
            bool hashed = verdict_worth_hashing(question, v);
            if (hashed) {
                token_digest(question->value, v->digest);
                prefetch(&view->table, recent_uses, v);
            }
            answered = wall_clock(view, now) &&
                       judge_one(view, question, hashed, *now, v, claims) && is_valid_with(view, v);
        }
        leave(readers, slot);
    }
    finish(recent_uses, answered, v, *now, claims);
    return answered;
}

/* Do the same as is_valid_with() for several. */
static __attribute__((noinline)) bool all_hold_in_fleet(struct table_view *view,
                                                        struct table_view_batch_item *items,
                                                        size_t count)
{
    uint64_t now;

    if (!is_live(view) || !check_lease(view, &now))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!verdict_holds(&items[i].verdict, (int64_t)now))
            items[i].answered = false;
    return true;
}

/* Judge several questions, and set `answered` where the verdict is final, provided that true is returned.
 * Check state and lease once, after the last slot was read: that is valid for all of them. */
static bool judge_all(struct table_view *view, struct recent_uses *recent_uses,
                      struct table_view_batch_item *items, size_t count, int64_t *now)
{
    struct slice value[TABLE_VIEW_BATCH_MAX] = { { NULL, 0 } };
    struct verdict *verdict[TABLE_VIEW_BATCH_MAX];
    uint8_t *digest[TABLE_VIEW_BATCH_MAX] = { NULL };
    bool hash[TABLE_VIEW_BATCH_MAX];
    size_t hashed = 0;

    for (size_t i = 0; i < count; i++) {
        hash[i] = verdict_worth_hashing(&items[i].question, &items[i].verdict);
        value[hashed] = items[i].question.value;
        verdict[hashed] = &items[i].verdict;
        digest[hashed] = items[i].verdict.digest;
        hashed += hash[i];
    }
    token_digests(value, hashed, digest);
    for (size_t i = 0; i < hashed; i++)
        prefetch(&view->table, recent_uses, verdict[i]);
    if (!wall_clock(view, now))
        return false;
    for (size_t i = 0; i < count; i++)
        items[i].answered = judge_one(view, &items[i].question, hash[i], *now, &items[i].verdict,
                                      items[i].claims);
    if (__builtin_expect(view->table.has_fleet, false))
        return all_hold_in_fleet(view, items, count);
    return is_valid(view);
}

void table_view_lookup_batch(struct table_views *views, struct table_view_readers *readers,
                             struct recent_uses *recent_uses, struct table_view_batch_item *items,
                             size_t count, int64_t *now)
{
    struct table_view *view;
    unsigned slot = enter(views, readers, &view);

    bool valid = view != NULL && judge_all(view, recent_uses, items, count, now);
    leave(readers, slot);
    for (size_t i = 0; i < count; i++) {
        items[i].answered = valid && items[i].answered;
        finish(recent_uses, items[i].answered, &items[i].verdict, valid ? *now : 0,
               items[i].claims);
    }
}

bool table_view_usable(struct table_views *views, struct table_view_readers *readers)
{
    struct table_view *view;
    unsigned slot = enter(views, readers, &view);
    bool usable = view != NULL && is_valid(view);

    leave(readers, slot);
    return usable;
}

/* -- replacing -------------------------------------------------------------------------------- */

void table_view_replace(struct table_views *views, struct table_view_readers *readers,
                        struct table_view *view)
{
    struct table_view *old = atomic_load(&views->current);

    if (view != NULL || (old != NULL && !is_live(old))) {
        atomic_store(&views->current, view);
        if (old != NULL) {
            old->undrained_slots = UINT64_MAX;
            old->next = views->retired;
            views->retired = old;
        }
    }
    table_view_reap(views, readers);
}

/* True if no reader can be using a retired view any more.  A slot is busy for less than a
 * microsecond at a time, so it is worth a few tries. */
static bool is_drained(struct table_view *v, struct table_view_readers *readers)
{
    for (int tries = 0; tries < REAP_TRIES && v->undrained_slots != 0; tries++)
        for (uint64_t left = v->undrained_slots; left != 0; left &= left - 1) {
            int slot = __builtin_ctzll(left);
            if (atomic_load(&readers->slot[slot].count) == 0)
                v->undrained_slots &= ~(UINT64_C(1) << slot);
        }
    return v->undrained_slots == 0;
}

void table_view_reap(struct table_views *views, struct table_view_readers *readers)
{
    for (struct table_view **link = &views->retired; *link != NULL;) {
        struct table_view *v = *link;
        if (is_drained(v, readers)) {
            *link = v->next;
            table_view_close(v);
        } else {
            link = &v->next;
        }
    }
}
