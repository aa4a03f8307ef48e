/* SPDX-License-Identifier: Apache-2.0 */
/* Reading without a lock, and unmapping without waiting.
 *
 * A reader adds one to a counter, loads the current view, uses it, and subtracts one.  There is a
 * counter for each CPU (by number, modulo TABLE_VIEW_LANES) on a cache line of its own, so that threads
 * that run at the same time hardly ever write to the same line; a thread that is moved in between
 * subtracts where it added.  A view that was replaced waits among the retired until each counter
 * has been seen at zero at some moment after the replacement; they need not be zero together.
 * That is enough: all these accesses are sequentially consistent, so a reader that a counter does
 * not show at that moment has either left, or adds later and then loads the new view.  Nobody
 * waits for this: it is looked at when the next view comes and with each report of uses.
 *
 * fork().  The child has no other threads, so its counters must begin at zero: the gate lies in
 * memory that is wiped then.  The views stay: their mappings are inherited.
 *
 * When is a verdict from a table good?  The daemon, under the mutex of all changes, completes a
 * new table, then marks the old one superseded, then goes on; a revocation is acknowledged only
 * after the new table shows it.  A reader looks at the state after it has read the slot, and the
 * slot is read with acquire order, so the state it sees is that of a later moment.  If that is
 * `live`, the slot was read before the table was superseded, hence before any revocation that this
 * table does not show was made, hence before it was acknowledged.  A call that begins after an
 * acknowledgement therefore finds the flag in this table or the mark on it.
 *
 * The lease is looked at last, against the clock of that moment: it says that the daemon was well
 * when the slot was read.  Looking at either only before would date the answer from that look, and
 * between it and the slot a thread may sleep for any time.  A lease that ends further ahead than
 * the daemon ever grants is not believed: the clocks differ (a time namespace), so it would not
 * end in time.
 *
 * Nothing read can fault: the file lies in memory and is sealed against shrinking, its size was
 * asked from the kernel before mapping, and every offset is checked against that size. */
#include "plugin/lib/table_view.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "proto/pages.h"
#include "proto/scopes.h"
#include "proto/token.h"

#define LEASE_MAX (INT64_C(6) * 1000000000) /* nanoseconds; the daemon grants five seconds */
#define USE_UNSENT (UINT64_C(1) << 32)

enum { REAP_TRIES = 100 };

/* -- mapping ----------------------------------------------------------------------------------- */

static const char *check_file(int fd, uint64_t size)
{
    const int needed = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
    struct stat st;
    struct statfs fs;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return "not a regular file";
    /* Huge pages can run out, which would be a SIGBUS. */
    if (fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
        return "not in ordinary memory";
    if (st.st_size < 0 || (uint64_t)st.st_size != size)
        return "not of the size announced";
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & needed) != needed ||
        (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) == 0)
        return "not sealed";
    return NULL;
}

const char *table_view_open(int fd, uint64_t size, const struct table_view_terms *terms,
                            struct table_view **view)
{
    const char *fault = check_file(fd, size);

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
    v->terms = *terms;
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

static size_t use_set(const uint8_t *id)
{
    return ((size_t)id[1] << 8 | id[0]) % TABLE_VIEW_USE_SETS;
}

/* -- query ------------------------------------------------------------------------------------ */

static unsigned enter(struct table_views *views, struct table_view_gate *gate,
                      struct table_view **view)
{
    unsigned lane = (unsigned)sched_getcpu() % TABLE_VIEW_LANES;

    atomic_fetch_add(&gate->lane[lane].inside, 1);
    *view = atomic_load(&views->current);
    return lane;
}

static void leave(struct table_view_gate *gate, unsigned lane)
{
    atomic_fetch_sub_explicit(&gate->lane[lane].inside, 1, memory_order_release);
}

static bool is_live(const struct table_view *v)
{
    return atomic_load_explicit(&v->table.header->state, memory_order_acquire) == TABLE_LIVE;
}

/* True if what was read from the view before this call held until now. */
static bool holds(const struct table_view *v)
{
    struct timespec t;

    if (!is_live(v))
        return false;
    int64_t lease = atomic_load_explicit(&v->table.header->lease, memory_order_acquire);
    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &t) < 0)
        return false;
    uint64_t now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    /* One unsigned comparison: a lease that has ended is as far off as one that is too long. */
    return (uint64_t)lease - now - 1 < LEASE_MAX;
}

/* False: the table holds what no token can have. */
static bool tell(struct jeton_claims *c, const struct verdict *v, int64_t now)
{
    claims_clear(c);
    c->source = JETON_TABLE;
    if (v->found)
        claims_id(c->id, v->digest);
    if (v->status == STATUS_PENDING)
        c->retry_after = v->activates - now;
    if (v->status != STATUS_OK)
        return true;
    c->expires = v->expires;
    return claims_text(c->verifier, sizeof(c->verifier), slice_of("local")) &&
           claims_text(c->subject, sizeof(c->subject), v->subject) &&
           claims_text(c->scopes, sizeof(c->scopes), v->scopes);
}

/* Inline for the same reason as table_prefetch(). */
static inline __attribute__((always_inline)) void fetch(const struct table *table,
                                                        struct table_view_uses *uses,
                                                        const uint8_t *digest)
{
    table_prefetch(table, digest);
    __builtin_prefetch(&uses->use[use_set(digest)]);
}

/* False: a system call filter of our host's may refuse it, and then nobody knows what has ended. */
static bool wall_clock(int64_t *now)
{
    struct timespec t;

    if (clock_gettime(CLOCK_REALTIME_COARSE, &t) < 0)
        return false;
    *now = t.tv_sec;
    return true;
}

/* True if the view gives the answer, provided that it holds. */
static bool judge(const struct table_view *view, const struct question *question, bool hashed,
                  int64_t now, struct verdict *v, struct jeton_claims *claims)
{
    if (hashed)
        verdict_judge(&view->table, question, now, v);
    if (v->status == STATUS_OK &&
        !scopes_include(v->scopes, (struct slice){ view->terms.scopes, view->terms.scopes_len }))
        v->status = STATUS_SCOPE;
    return v->status != STATUS_UNAVAILABLE && (v->status == STATUS_OK || view->terms.final) &&
           (claims == NULL || tell(claims, v, now));
}

static void conclude(struct table_view_uses *uses, bool good, const struct verdict *v, int64_t now,
                     struct jeton_claims *claims)
{
    if (good && v->status == STATUS_OK)
        table_view_use(uses, v->digest, (uint32_t)(now / 60));
    if (!good && claims != NULL)
        claims_clear(claims);
}

/* The slot is on its way from memory while the clock is read. */
bool table_view_ask(struct table_views *views, struct table_view_gate *gate,
                    struct table_view_uses *uses, const struct question *question,
                    struct verdict *v, int64_t *now, struct jeton_claims *claims)
{
    struct table_view *view = atomic_load_explicit(&views->current, memory_order_relaxed);
    bool good = false;

    if (view != NULL) {
        unsigned lane = enter(views, gate, &view);
        if (view != NULL) {
            bool hashed = verdict_worth_hashing(question, v);
            if (hashed) {
                token_digest(question->value, v->digest);
                fetch(&view->table, uses, v->digest);
            }
            good = wall_clock(now) && judge(view, question, hashed, *now, v, claims) && holds(view);
        }
        leave(gate, lane);
    }
    conclude(uses, good, v, *now, claims);
    return good;
}

static void judge_all(const struct table_view *view, struct table_view_uses *uses,
                      struct table_view_asked *asked, size_t count, int64_t *now)
{
    struct slice value[TABLE_VIEW_BATCH] = { { NULL, 0 } };
    uint8_t *digest[TABLE_VIEW_BATCH] = { NULL };
    bool worth[TABLE_VIEW_BATCH];
    size_t hashed = 0;

    for (size_t i = 0; i < count; i++) {
        worth[i] = verdict_worth_hashing(&asked[i].question, &asked[i].verdict);
        value[hashed] = asked[i].question.value;
        digest[hashed] = asked[i].verdict.digest;
        hashed += worth[i];
    }
    token_digests(value, hashed, digest);
    for (size_t i = 0; i < hashed; i++)
        fetch(&view->table, uses, digest[i]);
    bool timed = wall_clock(now);
    for (size_t i = 0; i < count; i++)
        asked[i].good = timed && judge(view, &asked[i].question, worth[i], *now, &asked[i].verdict,
                                       asked[i].claims);
}

/* One look at the mark and the lease, after the last slot was read, is good for all of them. */
void table_view_ask_all(struct table_views *views, struct table_view_gate *gate,
                        struct table_view_uses *uses, struct table_view_asked *asked, size_t count,
                        int64_t *now)
{
    struct table_view *view;
    unsigned lane = enter(views, gate, &view);

    if (view != NULL)
        judge_all(view, uses, asked, count, now);
    bool held = view != NULL && holds(view);
    leave(gate, lane);
    for (size_t i = 0; i < count; i++) {
        asked[i].good = held && asked[i].good;
        conclude(uses, asked[i].good, &asked[i].verdict, held ? *now : 0, asked[i].claims);
    }
}

bool table_view_usable(struct table_views *views, struct table_view_gate *gate)
{
    struct table_view *view;
    unsigned lane = enter(views, gate, &view);
    bool usable = view != NULL && holds(view);

    leave(gate, lane);
    return usable;
}

/* -- replacing --------------------------------------------------------------------------------- */

void table_view_replace(struct table_views *views, struct table_view_gate *gate,
                        struct table_view *view)
{
    struct table_view *old = atomic_load(&views->current);

    if (view != NULL || (old != NULL && !is_live(old))) {
        atomic_store(&views->current, view);
        if (old != NULL) {
            old->not_seen_empty = UINT64_MAX;
            old->next = views->retired;
            views->retired = old;
        }
    }
    table_view_reap(views, gate);
}

/* A lane is busy for less than a microsecond at a time: look a few times before giving up. */
static bool is_unused(struct table_view *v, struct table_view_gate *gate)
{
    for (int tries = 0; tries < REAP_TRIES && v->not_seen_empty != 0; tries++)
        for (uint64_t left = v->not_seen_empty; left != 0; left &= left - 1) {
            int lane = __builtin_ctzll(left);
            if (atomic_load(&gate->lane[lane].inside) == 0)
                v->not_seen_empty &= ~(UINT64_C(1) << lane);
        }
    return v->not_seen_empty == 0;
}

void table_view_reap(struct table_views *views, struct table_view_gate *gate)
{
    for (struct table_view **link = &views->retired; *link != NULL;) {
        struct table_view *v = *link;
        if (is_unused(v, gate)) {
            *link = v->next;
            table_view_close(v);
        } else {
            link = &v->next;
        }
    }
}

/* -- uses -------------------------------------------------------------------------------------- */

/* A place is written at most twice a minute, for its token and when that is sent, so what all
 * threads share is hardly ever dirty.  A token that finds no place this minute goes unreported,
 * and so may one of two that are written at the same moment; the daemon ignores an id made of
 * both. */
void table_view_use(struct table_view_uses *uses, const uint8_t id[ID_SIZE], uint32_t minute)
{
    uint64_t head, free_at = UINT64_MAX;
    uint64_t tail = (uint64_t)id[ID_SIZE - 2] << 56 | (uint64_t)id[ID_SIZE - 1] << 48;
    size_t set = use_set(id);

    memcpy(&head, id, sizeof(head));
    for (unsigned i = 0; i < 4; i++) {
        uint64_t rest = atomic_load_explicit(&uses->use[set][i].rest, memory_order_relaxed);
        bool same = atomic_load_explicit(&uses->use[set][i].head, memory_order_relaxed) == head;
        bool fresh = (uint32_t)rest == minute;
        if (same && fresh)
            return;
        if (same || (!fresh && !(rest & USE_UNSENT) && free_at == UINT64_MAX))
            free_at = i;
    }
    if (free_at == UINT64_MAX)
        return;
    atomic_store_explicit(&uses->use[set][free_at].head, head, memory_order_relaxed);
    atomic_store_explicit(&uses->use[set][free_at].rest, tail | USE_UNSENT | minute,
                          memory_order_relaxed);
}

size_t table_view_take_uses(struct table_view_uses *uses, uint8_t (*id)[ID_SIZE], size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < 4 * TABLE_VIEW_USE_SETS && count < room; i++) {
        uint64_t rest = atomic_load_explicit(&uses->use[i / 4][i % 4].rest, memory_order_relaxed);
        if (!(rest & USE_UNSENT))
            continue;
        uint64_t head = atomic_load_explicit(&uses->use[i / 4][i % 4].head, memory_order_relaxed);
        memcpy(id[count], &head, sizeof(head));
        id[count][ID_SIZE - 2] = (uint8_t)(rest >> 56);
        id[count][ID_SIZE - 1] = (uint8_t)(rest >> 48);
        count++;
        atomic_store_explicit(&uses->use[i / 4][i % 4].rest, rest & ~USE_UNSENT,
                              memory_order_relaxed);
    }
    return count;
}
