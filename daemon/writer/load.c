/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens come in random order, and the table is much larger than any cache.  So they are put in
 * batches, whose slots are all prefetched first: the processor waits for several addresses no
 * longer than for one. */
#include "daemon/writer/load.h"

#include <stdlib.h>

#include "daemon/table/digest_scheme.h"

enum { BATCH = 32, READER = 0 }; /* READER: a worker's number; there are none yet */

struct load {
    struct record_visitor visitor;
    struct token_table *token_table;
    struct creation_index *index;
    const struct generation *g; /* the current table */
    size_t count;               /* of the batch */
    size_t aliases;             /* of the batch */
    uint64_t bytes;             /* of the strings in the batch */
    bool sha256;                /* a token or a ban by SHA-256 was seen */
    struct record record[BATCH];
};

/* Give the table the layout that what was seen so far needs.  False: no memory. */
static bool ready_for_sha256(struct load *l)
{
    return (!l->sha256 && !l->visitor.sha256) || digest_scheme_use_sha256(l->token_table) == 0;
}

/* Put the batch into table and index.  False: no memory. */
static bool flush(struct load *l)
{
    if (creation_index_reserve(l->index, l->count) < 0 || !ready_for_sha256(l) ||
        token_table_reserve(l->token_table, l->count + l->aliases, l->bytes) < 0)
        return false;
    const struct table *table = token_table_table(l->g);
    for (size_t i = 0; i < l->count; i++)
        table_prefetch(table, table_home(table, l->record[i].digest));
    for (size_t i = 0; i < l->count; i++)
        creation_index_add(l->index, l->record[i].created, l->record[i].serial, l->record[i].digest,
                           l->record[i].by);
    token_table_put_all(l->token_table, l->record, l->count);
    l->count = l->aliases = 0;
    l->bytes = 0;
    l->g = token_table_enter(l->token_table, READER);
    return true;
}

static bool add_to_batch(struct record_visitor *visitor)
{
    struct load *l = (struct load *)visitor;
    const struct record *r = &l->record[l->count++];

    l->aliases += r->has_signed;
    l->sha256 = l->sha256 || r->digest_alg == DIGEST_ALG_SHA256;
    l->bytes += (uint64_t)r->subject_len + r->scopes_len;
    bool ok = l->count < BATCH || flush(l);
    l->visitor.record = &l->record[l->count];
    return ok;
}

static bool run(struct load *l, struct store *store, uint64_t tokens, struct problem *problem)
{
    return creation_index_reserve(l->index, tokens) == 0 &&
           store_load_tokens(store, &l->visitor, problem) && flush(l);
}

static bool load_tokens(struct store *store, uint64_t tokens, struct token_table *token_table,
                        struct creation_index *index, uint64_t *bans, struct problem *problem)
{
    struct load *l = token_table != NULL ? calloc(1, sizeof(*l)) : NULL;

    problem_set(problem, STATUS_INTERNAL, "no memory for %llu tokens", (unsigned long long)tokens);
    if (l == NULL)
        return false;
    l->visitor = (struct record_visitor){ .record = l->record, .visit = add_to_batch };
    l->token_table = token_table;
    l->index = index;
    l->g = token_table_enter(token_table, READER);
    bool loaded = run(l, store, tokens, problem);
    token_table_leave(token_table, READER);
    *bans = l->visitor.bans;
    free(l);
    return loaded && store_has_all(store, token_table_figures(token_table).tokens, tokens, problem);
}

bool load_store(struct store *store, const char *prefix, struct journal *journal,
                struct token_table **token_table, struct creation_index *index, uint64_t *bans,
                struct problem *problem)
{
    if (!store_load_journal(store, journal, problem))
        return false;
    uint64_t tokens = journal_tokens(journal);
    if (!store_can_hold(store, tokens, problem))
        return false;
    *token_table = token_table_new(prefix, tokens);
    return load_tokens(store, tokens, *token_table, index, bans, problem);
}
