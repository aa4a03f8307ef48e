/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/list_walk.h"

/* One block: entries of the index, and what becomes of each. */
struct look {
    const struct list_filter *filter;
    const struct list_sources *from;
    int64_t now;
    size_t entries;
    const struct creation_entry *entry[TOKEN_PEEK_MAX];
    struct creation_entry own[TOKEN_PEEK_MAX]; /* what these are where only a subject's are taken */
    const uint8_t *id[TOKEN_PEEK_MAX];
    struct list_block *block;
};

static struct list_found *add(struct look *l, const struct creation_entry *e)
{
    struct list_found *found = &l->block->found[l->block->count++];

    found->created = e->created;
    found->serial = e->serial;
    memcpy(found->id, e->id, ID_SIZE);
    found->in_table = false;
    found->expires = found->used = 0;
    found->subject_len = 0;
    return found;
}

static void visit(void *context, size_t at, const struct token_peek *token)
{
    struct look *l = context;
    const struct creation_entry *e = l->entry[at];
    const struct list_facts facts = {
        .created = e->created,
        .by = e->by,
        .flags = token->flags,
        .activates = token->activates,
        .expires = token->expires,
        .used = token->used,
        .subject = token->subject,
        .scopes = token->scopes,
    };

    if (token->flags != 0 && list_filter_excludes(l->filter, &facts, false, l->now))
        return;
    struct list_found *found = add(l, e);
    found->in_table = token->flags != 0;
    found->expires = token->expires;
    found->used = token->used;
    if (!l->from->wants_keys || token->subject.len == 0)
        return;
    found->subject_len = (uint16_t)token->subject.len;
    memcpy(found->subject, token->subject.at, token->subject.len);
}

/* Find out when those were used that were not used since the start, and drop what that excludes. */
static void look_at_uses(struct look *l)
{
    struct list_block *b = l->block;
    size_t kept = 0;

    if (l->from->last_used == NULL || (!list_filter_asks_use(l->filter) && !l->from->wants_use))
        return;
    for (size_t i = 0; i < b->count; i++) {
        struct list_found *found = &b->found[i];
        found->used = last_used_get(l->from->last_used, found->id, found->used);
        if (found->in_table && list_filter_use_excludes(l->filter, found->used, l->now))
            continue;
        if (kept != i)
            b->found[kept] = *found;
        kept++;
    }
    b->count = kept;
}

/* Take the next entries of a subject; false: there are none. */
static bool take_own(struct list_walk *w, const struct list_filter *f, struct look *l)
{
    struct creation_entry *e = l->own;

    for (l->entries = 0; l->entries < TOKEN_PEEK_MAX; l->entry[l->entries++] = e++) {
        if (!subject_index_next(l->from->subjects, l->from->subject, w->created, w->serial, e) ||
            list_filter_ends_at(f, e->created))
            break;
        list_walk_behind(w, e->created, e->serial);
    }
    return l->entries > 0;
}

/* Take the next entries of the index; false: there are none. */
static bool take_entries(struct list_walk *w, const struct list_filter *f, struct look *l)
{
    struct creation_index *index = l->from->index;
    size_t at = w->back ? creation_index_before(index, w->created, w->serial) :
                          creation_index_after(index, w->created, w->serial);
    const struct creation_entry *e = NULL;

    for (l->entries = 0; l->entries < TOKEN_PEEK_MAX;
         w->created = e->created, w->serial = e->serial) {
        if (w->back ? at == 0 : at == index->count)
            break;
        e = &index->entry[w->back ? --at : at++];
        if (w->back ? list_filter_begins_behind(f, e->created) : list_filter_ends_at(f, e->created))
            break;
        if (!e->removed)
            l->entry[l->entries++] = e;
    }
    return l->entries > 0;
}

void list_walk_behind(struct list_walk *w, int64_t created, uint64_t serial)
{
    w->begun = true;
    w->created = created;
    w->serial = serial;
}

static void begin(struct list_walk *w, const struct list_filter *f)
{
    if (w->begun)
        return;
    list_walk_behind(w, w->back ? INT64_MAX : INT64_MIN, w->back ? UINT64_MAX : 0);
    if (!w->back && (f->given & KEY_BIT(KEY_CREATED_AFTER)))
        list_walk_behind(w, f->created_after - 1, UINT64_MAX);
    if (w->back && (f->given & KEY_BIT(KEY_CREATED_BEFORE)))
        list_walk_behind(w, f->created_before, 0);
}

bool list_walk_next(struct list_walk *w, const struct list_filter *f,
                    const struct list_sources *from, int64_t now, struct list_block *block)
{
    struct look l = { .filter = f, .from = from, .now = now, .block = block };

    block->count = 0;
    begin(w, f);
    if (from->subjects != NULL ? !take_own(w, f, &l) : !take_entries(w, f, &l))
        return false;
    if (from->token_table == NULL || (f->given == 0 && !from->wants_keys)) {
        for (size_t i = 0; i < l.entries; i++)
            add(&l, l.entry[i]);
        return true;
    }
    for (size_t i = 0; i < l.entries; i++)
        l.id[i] = l.entry[i]->id;
    token_peek_each(from->token_table, l.id, l.entries, visit, &l);
    look_at_uses(&l);
    return true;
}

/* Serials are unique, so that a place next to a token's is no other's of the same time. */
void list_walk_back_to(struct list_walk *w, const struct list_found *found)
{
    if (w->back)
        list_walk_behind(w, found->created, found->serial + 1);
    else if (found->serial > 0)
        list_walk_behind(w, found->created, found->serial - 1);
    else
        list_walk_behind(w, found->created - 1, UINT64_MAX);
}
