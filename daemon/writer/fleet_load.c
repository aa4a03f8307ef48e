/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_load.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/store/store_bans.h"
#include "daemon/table/token_bans.h"
#include "daemon/table/token_peek.h"
#include "daemon/writer/fleet_publish.h"

enum {
    STEP_BANS = 1000,
    BATCH = 32,
    ASIDE_MAX = 9 /* damaged caches that are kept */
};

static const char *const endings[] = { ".fleet", ".fleet.wal" };

enum { FILES = sizeof(endings) / sizeof(endings[0]) };

struct loading {
    struct fleet_visitor visitor;
    struct writer *w;
    bool has_local; /* the table has tokens of this host alone */
    bool no_memory;
    size_t count; /* of the batch */
    struct fleet_entry
        entry[BATCH]; /* whose slots are fetched together, as they lie anywhere in the table */
};

/* -- a cache that is damaged -------------------------------------------------------------------- */

static bool path_of(char path[PATH_MAX], const char *store, size_t file, unsigned number)
{
    char tail[32] = "";

    if (number > 0)
        snprintf(tail, sizeof(tail), number == 1 ? ".damaged" : ".damaged.%u", number);
    return snprintf(path, PATH_MAX, "%s%s%s", store, endings[file], tail) < PATH_MAX;
}

/* Return the first number under which nothing was set aside yet; the last one if there is none. */
static unsigned free_number(const char *store)
{
    char path[PATH_MAX];
    unsigned number = 1;

    for (; number < ASIDE_MAX; number++) {
        bool taken = false;
        for (size_t i = 0; i < FILES; i++)
            taken = taken || !path_of(path, store, i, number) || access(path, F_OK) == 0;
        if (!taken)
            break;
    }
    return number;
}

/* Keep the files under other names: they may have denials that the database does not know. */
static bool set_aside(const char *store, struct problem *problem)
{
    char from[PATH_MAX], to[PATH_MAX], why[sizeof(problem->message)];
    unsigned number = free_number(store);

    snprintf(why, sizeof(why), "%s", problem->message);
    for (size_t i = 0; i < FILES; i++) {
        if (!path_of(from, store, i, 0) || !path_of(to, store, i, number) ||
            (rename(from, to) < 0 && errno != ENOENT)) {
            problem_set(problem, STATUS_STORE, "fleet: %s cannot be set aside: %s", from,
                        strerror(errno));
            return false;
        }
    }
    path_of(to, store, 0, number);
    log_error("fleet: %s", why);
    log_error(
        "fleet: the damaged cache is kept as %s*: this host answers no questions about the fleet before its "
        "agent has brought everything again.  Denials that were made here and had not reached the database "
        "are in it alone: find them in the journal (jeton journal), and make them again",
        to);
    return true;
}

/* -- loading ------------------------------------------------------------------------------------ */

static bool reserve(struct loading *l, size_t tokens, uint64_t bytes)
{
    l->no_memory = l->no_memory || creation_index_reserve(&l->w->index, tokens) < 0 ||
                   token_table_reserve(l->w->token_table, tokens, bytes) < 0;
    return !l->no_memory;
}

/* Put a token into table and index; those by subject are built from these. */
static bool load_one(struct loading *l, const struct fleet_entry *entry)
{
    const struct record *r = &entry->record;
    struct writer *w = l->w;

    if (l->has_local && fleet_publish_look(w, r->digest) != FLEET_SLOT_FREE) {
        fleet_publish_denial_of_local(w, entry);
        return true;
    }
    if (entry->deleted)
        return true;
    if (!reserve(l, 1, (uint64_t)r->subject_len + r->scopes_len))
        return false;
    creation_index_add(&w->index, r->created, fleet_serial(r->digest), r->digest, r->by);
    token_table_put(w->token_table, r);
    w->fleet->figures.tokens++;
    return true;
}

static bool load_batch(struct loading *l)
{
    size_t i = 0;

    while (i < l->count && load_one(l, &l->entry[i]))
        i++;
    bool ok = i == l->count;
    l->count = 0;
    return ok;
}

static bool add_to_batch(struct fleet_visitor *visitor, const struct fleet_entry *entry)
{
    struct loading *l = (struct loading *)visitor;

    token_peek_prefetch(l->w->token_table, entry->record.digest);
    l->count++;
    bool ok = l->count < BATCH || load_batch(l);
    l->visitor.entry = &l->entry[l->count];
    return ok;
}

static bool deny_banned(void *writer, const struct ban *ban)
{
    token_bans_load(((struct writer *)writer)->token_table, ban->digest);
    return true;
}

/* Let bans of this host hold for tokens of the fleet. */
static bool load_bans_of_store(struct writer *w, struct problem *problem)
{
    struct store_place place = { 0 };
    enum store_found found = w->bans > 0 ? STORE_FOUND : STORE_ABSENT;

    while (found == STORE_FOUND)
        found = store_walk_bans(w->store, &place, STEP_BANS, deny_banned, w, problem);
    return found == STORE_ABSENT;
}

static bool load_all(struct loading *l, struct problem *problem)
{
    struct writer *w = l->w;
    uint64_t count = fleet_cache_count(w->fleet->cache);

    l->visitor = (struct fleet_visitor){ .visit = add_to_batch, .entry = l->entry };
    problem_set(problem, STATUS_INTERNAL, "no memory for %llu tokens of the fleet",
                (unsigned long long)count);
    return creation_index_reserve(&w->index, count) == 0 &&
           token_table_expect(w->token_table, count) == 0 &&
           fleet_cache_each(w->fleet->cache, &l->visitor, problem) && load_batch(l);
}

/* Begin with an empty cache; what was loaded of the damaged one is taken back. */
static bool begin_anew(struct writer *w, const char *store, uint64_t log_size,
                       struct problem *problem)
{
    uint64_t loaded = w->fleet != NULL ? w->fleet->figures.tokens : 0;

    fleet_close(w->fleet);
    w->fleet = NULL;
    if (!set_aside(store, problem))
        return false;
    w->fleet = fleet_open(store, log_size, w->token_table, problem);
    if (w->fleet == NULL)
        return false;
    w->fleet->figures.tokens = loaded;
    w->fleet->sweep = (struct fleet_sweep){ .wanted = true, .created = INT64_MIN };
    return true;
}

static bool count_subjects(struct writer *w, struct problem *problem)
{
    subject_counts_free(&w->policy.counts);
    if (subject_counts_begin(&w->policy.counts, w->token_table))
        return true;
    problem_set(problem, STATUS_INTERNAL, "no memory to count the tokens of subjects");
    return false;
}

bool fleet_load(struct writer *w, const char *store, uint64_t log_size, struct problem *problem)
{
    struct loading l = { .w = w };

    l.has_local = journal_tokens(w->journal) > 0;
    if (token_table_use_fleet(w->token_table) < 0) {
        problem_set(problem, STATUS_INTERNAL, "no memory for the table");
        return false;
    }
    w->fleet = fleet_open(store, log_size, w->token_table, problem);
    bool loaded = w->fleet != NULL && load_all(&l, problem);
    if (!loaded && (l.no_memory || problem->status == STATUS_BUSY ||
                    problem->status == STATUS_INTERNAL || !begin_anew(w, store, log_size, problem)))
        return false;
    /* In this order: tokens count as the cache has them, when bans come and when what is banned goes. */
    if (!count_subjects(w, problem) || !load_bans_of_store(w, problem))
        return false;
    fleet_show(w->fleet);
    log_info("fleet: %llu tokens, at serial %llu", (unsigned long long)w->fleet->figures.tokens,
             (unsigned long long)w->fleet->figures.place.serial);
    return true;
}

/* -- the rest ----------------------------------------------------------------------------------- */

static bool load_ban(struct fleet_visitor *visitor, const struct fleet_entry *entry)
{
    struct loading *l = (struct loading *)visitor;

    if (!entry->deleted || fleet_publish_look(l->w, entry->record.digest) == FLEET_SLOT_LOCAL)
        return true; /* of a token of this host, load_one() has seen to it */
    if (!reserve(l, 1, 0))
        return false;
    token_bans_load(l->w->token_table, entry->record.digest);
    return true;
}

bool fleet_load_bans(struct writer *w, struct problem *problem)
{
    struct loading l = { .visitor.visit = load_ban, .w = w };

    problem_set(problem, STATUS_INTERNAL, "no memory for what the fleet has dropped");
    return w->fleet == NULL || fleet_cache_each(w->fleet->cache, &l.visitor, problem);
}

void fleet_load_warn_unused(const char *store)
{
    char path[PATH_MAX];

    if (path_of(path, store, 0, 0) && access(path, F_OK) == 0)
        log_warning(
            "fleet: there is %s, but no socket in [fleet]: this host is in no fleet, and the tokens in it are "
            "not loaded",
            path);
}
