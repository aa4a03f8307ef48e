/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/uncertain.h"

#include "daemon/table/token_bans.h"

static struct uncertain uncertain_about(const struct record *r, bool allow)
{
    struct uncertain u = { .created = r->created, .serial = r->serial, .allow = allow };

    memcpy(u.digest, r->digest, DIGEST_SIZE);
    return u;
}

static struct uncertain uncertain_ban(const uint8_t digest[DIGEST_SIZE], bool lapses)
{
    struct uncertain u = { .is_ban = true, .lapses = lapses };

    memcpy(u.digest, digest, DIGEST_SIZE);
    return u;
}

size_t uncertain_of(const struct change *c, struct uncertain list[UNCERTAIN_MAX])
{
    size_t count = 0;

    if (change_has_token(c))
        list[count++] = uncertain_about(c->after, c->kind->allow);
    if (c->rotates)
        list[count++] = uncertain_about(&c->found, false);
    for (size_t i = 0; i < c->bans; i++)
        list[count++] = uncertain_ban(c->ban[i].digest, false);
    for (size_t i = 0; i < c->lapses; i++)
        list[count++] = uncertain_ban(c->lapsed[i], true);
    return count;
}

bool uncertain_contains(const struct uncertain *list, size_t count, const uint8_t id[ID_SIZE])
{
    for (size_t i = 0; i < count; i++)
        if (!list[i].is_ban && memcmp(list[i].digest, id, ID_SIZE) == 0)
            return true;
    return false;
}

/* A ban that is not in the store stays in the table all the same: it is in force before it is
 * saved. */
static bool resolve_ban(const struct uncertain *u, struct store *store,
                        struct token_table *token_table)
{
    struct ban ban;
    enum store_found found = store_get_ban(store, u->digest, &ban);

    if (found == STORE_FAILED || token_table_reserve(token_table, 1, 0) < 0)
        return false;
    if (found == STORE_FOUND && !u->lapses)
        token_bans_put(token_table, u->digest);
    else if (found == STORE_ABSENT && u->lapses)
        token_bans_remove(token_table, u->digest);
    return true;
}

static bool reserve(const struct record *r, struct token_table *token_table,
                    struct creation_index *index, struct subject_index *subjects)
{
    return creation_index_reserve(index, 1) == 0 && subject_index_reserve(subjects, 1) &&
           token_table_reserve(token_table, 2, (uint64_t)r->subject_len + r->scopes_len) == 0;
}

bool uncertain_resolve(const struct uncertain *u, struct store *store,
                       struct token_table *token_table, struct creation_index *index,
                       struct subject_index *subjects)
{
    static struct record r; /* static: large, and of one thread only */

    if (u->is_ban)
        return resolve_ban(u, store, token_table);
    enum store_found found = store_get(store, u->digest, &r);
    if (found == STORE_FAILED ||
        (found == STORE_FOUND && !reserve(&r, token_table, index, subjects)))
        return false;
    creation_index_remove(index, u->created, u->serial);
    /* By the subject that it has in the table, before that changes. */
    subject_index_remove(subjects, token_table, u->digest, u->created, u->serial);
    if (found == STORE_FOUND && r.serial != u->serial)
        subject_index_remove(subjects, token_table, r.digest, r.created, r.serial);
    /* A slot keeps its denials, but not when it is another token with the same id. */
    if (found == STORE_ABSENT || r.serial > u->serial)
        token_table_remove(token_table, u->digest);
    if (found == STORE_FOUND) {
        if (u->allow && r.disabled == 0)
            token_table_allow(token_table, u->digest);
        token_table_put(token_table, &r);
        creation_index_remove(index, r.created, r.serial);
        creation_index_add(index, r.created, r.serial, r.digest, r.by);
        subject_index_add(subjects, record_subject(&r), r.created, r.serial, r.digest);
    }
    return true;
}

static void put_problem(struct change *c, const char *head, const char *id, const char *tail)
{
    problem_set(&c->problem, STATUS_STORE, "%s%s%s", head, id, tail);
}

void uncertain_explain(struct change *c, enum outcome outcome, bool in_force)
{
    char id[ID_TEXT + 1] = "";
    struct text t = text_in(id, ID_TEXT);

    if (outcome == OUTCOME_DONE && !change_writes(c))
        return;
    text_add_hex(&t, c->after->digest, ID_SIZE);
    if (in_force)
        put_problem(c,
                    "in force now, but not saved: the store cannot be written; it is tried "
                    "again, and lost if jetond stops before that succeeds",
                    "", "");
    else if (outcome == OUTCOME_NOTHING || !change_writes(c))
        put_problem(c,
                    "not done: the store cannot be written (see jetond's log; is the disk "
                    "full?)",
                    "", "");
    else if (outcome == OUTCOME_UNCERTAIN)
        put_problem(c,
                    "uncertain: the store failed while this was saved (see jetond's log); look "
                    "with 'show ",
                    id, "' once it works");
    else if (c->value_len > 0)
        put_problem(c,
                    "the store reported an error, but the token is there, and its value is "
                    "lost: delete ",
                    id, " (see jetond's log)");
    else
        put_problem(c, "done, although the store reported an error (see jetond's log)", "", "");
}
