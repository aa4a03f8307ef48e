/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/ban_load.h"

#include "daemon/base/log.h"
#include "daemon/table/token_bans.h"
#include "daemon/writer/fleet_load.h"

enum { STEP_RECORDS = 1000 };

struct target {
    struct token_table *token_table;
    bool no_memory;
};

/* Put a ban into the table. */
static bool add(void *context, const struct ban *ban)
{
    struct target *to = context;

    to->no_memory = token_table_reserve(to->token_table, 1, 0) < 0;
    if (!to->no_memory)
        token_bans_load(to->token_table, ban->digest);
    return !to->no_memory;
}

/* Load a piece.  Bans that are put meanwhile are in the table already: it keeps them from the
 * beginning. */
static enum ban_state load_piece(struct ban_load *l, struct writer *w, struct problem *problem)
{
    struct target to = { .token_table = w->token_table };

    problem_set(problem, STATUS_STORE, "the store does not work");
    if (w->disk_failure.broken)
        return BANS_FAILED;
    switch (store_walk_bans(w->store, &l->place, STEP_RECORDS, add, &to, problem)) {
    case STORE_ABSENT:
        return BANS_IN;
    case STORE_FAILED:
        return BANS_FAILED;
    case STORE_FOUND:
        break;
    }
    if (!to.no_memory)
        return BANS_LOADING;
    problem_set(problem, STATUS_INTERNAL, "no memory for the bans in the table");
    return BANS_FAILED;
}

static enum ban_state step(struct ban_load *l, struct writer *w, enum ban_state state,
                           struct problem *problem)
{
    if (state == BANS_WANTED) {
        l->place = (struct store_place){ 0 };
        token_table_keep_bans(w->token_table, true);
        unsaved_reapply(&w->disk_failure.unsaved, w->token_table);
        state = !fleet_load_bans(w, problem) ? BANS_FAILED : w->bans == 0 ? BANS_IN : BANS_LOADING;
    }
    if (state == BANS_LOADING)
        state = load_piece(l, w, problem);
    if (state == BANS_FAILED)
        token_table_keep_bans(w->token_table, false);
    return state;
}

bool ban_load_step(struct ban_load *l, struct writer *w)
{
    enum ban_state state = write_queue_bans(w->queue);
    struct problem problem;

    if (state != BANS_WANTED && state != BANS_LOADING)
        return false;
    if (w->fleet != NULL && w->fleet->snapshot != 0)
        return false; /* the cache cannot be read as a whole now */
    state = step(l, w, state, &problem);
    if (state == BANS_FAILED)
        log_error("store: the bans cannot be loaded: %s", problem.message);
    write_queue_set_bans(w->queue, state);
    return true;
}

bool ban_load_all(struct writer *w, struct problem *problem)
{
    enum ban_state state = BANS_WANTED;
    struct ban_load l;

    while (state == BANS_WANTED || state == BANS_LOADING)
        state = step(&l, w, state, problem);
    write_queue_set_bans(w->queue, state);
    return state == BANS_IN;
}
