/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens come in no order, and each has a place of its own in a table much larger than any cache.
 * Some are gathered, then all their places are asked for in one go: the processor looks for several
 * addresses at a time, but waits for one alone.  Then they are published together. */
#include "daemon/writer/load.h"

#include <stdlib.h>

enum { TOGETHER = 32, READER = 0 };     /* a number of the workers, who are not there yet */

struct loader {
    struct visitor visitor;
    struct publisher *publisher;
    struct order *order;
    const struct generation *g;     /* the current table */
    size_t gathered;
    uint64_t bytes;                 /* of their strings */
    struct record record[TOGETHER];
};

/* False: no memory. */
static bool publish_gathered(struct loader *l)
{
    if (order_reserve(l->order, l->gathered) < 0 ||
        publish_reserve(l->publisher, l->gathered, l->bytes) < 0)
        return false;
    for (size_t i = 0; i < l->gathered; i++)
        table_prefetch(publish_table(l->g), l->record[i].digest);
    for (size_t i = 0; i < l->gathered; i++)
        order_add(l->order, l->record[i].created, l->record[i].serial, l->record[i].digest);
    publish_put_all(l->publisher, l->record, l->gathered);
    l->gathered = 0;
    l->bytes = 0;
    l->g = publish_enter(l->publisher, READER);
    return true;
}

static bool gather(struct visitor *visitor)
{
    struct loader *l = (struct loader *)visitor;
    const struct record *r = &l->record[l->gathered++];

    l->bytes += (uint64_t)r->subject_len + r->scopes_len;
    bool well = l->gathered < TOGETHER || publish_gathered(l);
    l->visitor.room = &l->record[l->gathered];
    return well;
}

static bool run(struct loader *l, struct store *store, uint64_t tokens, struct problem *problem)
{
    return order_reserve(l->order, tokens) == 0 &&
           store_load_tokens(store, &l->visitor, problem) && publish_gathered(l);
}

static bool load_tokens(struct store *store, uint64_t tokens, struct publisher *publisher,
                        struct order *order, struct problem *problem)
{
    struct loader *l = publisher != NULL ? calloc(1, sizeof(*l)) : NULL;

    problem_set(problem, STATUS_INTERNAL, "no memory for %llu tokens", (unsigned long long)tokens);
    if (l == NULL)
        return false;
    l->visitor = (struct visitor){ l->record, gather };
    l->publisher = publisher;
    l->order = order;
    l->g = publish_enter(publisher, READER);
    bool loaded = run(l, store, tokens, problem);
    publish_leave(publisher, READER);
    free(l);
    return loaded && store_has_all(store, publish_figures(publisher).tokens, tokens, problem);
}

bool loader_run(struct store *store, const char *prefix, struct journal *journal,
                struct publisher **publisher, struct order *order, struct problem *problem)
{
    if (!store_load_journal(store, journal, problem))
        return false;
    uint64_t tokens = journal_tokens(journal);
    if (!store_may_have(store, tokens, problem))
        return false;
    *publisher = publish_new(prefix, tokens);
    return load_tokens(store, tokens, *publisher, order, problem);
}
