/* SPDX-License-Identifier: Apache-2.0 */
/* What is denied becomes changes like those of a client: they make the journal's entries, and are
 * saved in batches. */
#include "daemon/offline/keep_denials.h"

#include <stdlib.h>
#include <unistd.h>

#include "daemon/store/store_bans.h"
#include "daemon/table/token_bans.h"
#include "daemon/writer/change_apply.h"
#include "daemon/writer/change_ban.h"
#include "daemon/writer/commit.h"

struct keeping {
    struct writer *writer;
    struct replaced_store *replaced;
    struct kept_denials *kept;
    struct problem *problem;
    uid_t by;
    int64_t now;
    size_t posted; /* and not answered */
    bool ok;       /* of the ban that was visited last */
    struct mailbox replies;
    struct record old, new; /* a token as the two stores have it */
};

/* -- changes --------------------------------------------------------------------------------- */

/* A token to be added may be denied as much, or banned, by the other name of one that is there. */
static bool is_failure(const struct change *c)
{
    return c->problem.status != STATUS_OK && c->problem.status != STATUS_EXISTS &&
           c->problem.status != STATUS_BANNED;
}

/* Save what was posted, and count it.  A change that changes nothing is one that was found twice. */
static bool save(struct keeping *k)
{
    bool ok = true;

    commit_collect(k->writer);
    while (commit_batch(k->writer, k->now))
        continue;
    struct mail_list answers = mailbox_take(&k->replies);
    for (struct mail *m; (m = mail_pop(&answers)) != NULL;) {
        struct change *c = (struct change *)m;
        if (change_writes(c))
            ++*(uint64_t *)c->sender;
        else if (is_failure(c) && ok)
            *k->problem = c->problem;
        ok = ok && !is_failure(c);
        change_free(c);
    }
    k->posted = 0;
    return ok;
}

/* Post a change about a token, which counts as one of these when it is saved. */
static bool post(struct keeping *k, struct change *c, const uint8_t id[ID_SIZE], uint64_t *count)
{
    struct mail_list one = { NULL, NULL };

    if (c == NULL) {
        problem_set(k->problem, STATUS_INTERNAL, "no memory");
        return false;
    }
    c->reply_to = &k->replies;
    c->sender = count;
    c->uid = k->by;
    c->pid = getpid();
    memcpy(c->id, id, ID_SIZE);
    mail_append(&one, &c->mail);
    write_queue_post(k->writer->queue, &one);
    return ++k->posted < COMMIT_BATCH_MAX || save(k);
}

static bool post_kind(struct keeping *k, const struct change_kind *kind, const uint8_t id[ID_SIZE],
                      uint64_t *count)
{
    return post(k, change_new(kind), id, count);
}

/* Import a denied token, whether or not the new store has it: a denial wins, and lasts until the later
 * end of the two. */
static bool import(struct keeping *k)
{
    struct change *c = change_new(&change_import);

    if (c != NULL) {
        c->want = k->old;
        c->given = KEY_BIT(KEY_CREATED);
    }
    return post(k, c, k->old.digest,
                k->old.revoked != 0  ? &k->kept->revoked :
                k->old.disabled != 0 ? &k->kept->disabled :
                                       &k->kept->ended);
}

static bool shorten(struct keeping *k)
{
    struct change *c;

    /* one that has ended, or would before it begins, is revoked for good */
    if (k->old.expires <= k->now || k->old.expires <= k->new.activates)
        return post_kind(k, &change_revoke, k->old.digest, &k->kept->ended);
    c = change_new(&change_update);
    if (c != NULL) {
        c->want.expires = k->old.expires;
        c->given = KEY_BIT(KEY_EXPIRES);
    }
    return post(k, c, k->old.digest, &k->kept->ended);
}

/* -- what is denied -------------------------------------------------------------------------- */

static bool get(struct keeping *k, struct store *store, const uint8_t id[ID_SIZE],
                struct record *record, bool *found)
{
    enum store_found is = store_get(store, id, record);

    *found = is == STORE_FOUND;
    if (is == STORE_FAILED)
        problem_set(k->problem, STATUS_STORE, "a token's record cannot be read");
    return is != STORE_FAILED;
}

/* Keep what the replaced store says of one of its tokens. */
static bool keep_token(struct keeping *k, const uint8_t id[ID_SIZE])
{
    const struct record *old = &k->old, *new = &k->new;
    bool has_old, has_new;

    if (!get(k, k->replaced->store, id, &k->old, &has_old) ||
        !get(k, k->writer->store, id, &k->new, &has_new))
        return false;
    if (!has_old)
        return true;
    if (!has_new || old->revoked != 0)
        return !record_is_denied(old) || import(k);
    if (new->revoked != 0)
        return true;
    if (old->disabled != 0 && new->disabled == 0 &&
        !post_kind(k, &change_disable, id, &k->kept->disabled))
        return false;
    return old->expires >= new->expires || shorten(k);
}

/* Revoke a token of the new store that has left the replaced one. */
static bool keep_deletion(struct keeping *k, const uint8_t id[ID_SIZE])
{
    bool has_old, has_new;

    if (!get(k, k->replaced->store, id, &k->old, &has_old) ||
        !get(k, k->writer->store, id, &k->new, &has_new))
        return false;
    if (has_old || !has_new || k->new.revoked != 0)
        return true;
    return post_kind(k, &change_revoke, id, &k->kept->deleted);
}

static bool keep_tokens(struct keeping *k)
{
    const struct creation_index *index = &k->replaced->index;

    for (size_t i = 0; i < index->count; i++)
        if (!keep_token(k, index->entry[i].id))
            return false;
    return true;
}

/* Every token that the common history had and that is not there any more was deleted. */
static bool keep_common_deletions(struct keeping *k)
{
    const struct creation_index *index = &k->writer->index;
    uint64_t newest = journal_newest(k->replaced->journal);
    size_t count = k->replaced->same_history ? index->count : 0;

    for (size_t i = 0; i < count; i++)
        if (index->entry[i].serial <= newest && !keep_deletion(k, index->entry[i].id))
            return false;
    return true;
}

static bool keep_deletions_in(struct keeping *k, struct slice block)
{
    struct slice rest = journal_entries(block, 0), entry;
    char bytes[JOURNAL_ENTRY_MAX];
    uint8_t id[ID_SIZE];
    struct line line;
    const char *why;

    while (journal_take_entry(&rest, &entry)) {
        if (entry.len > sizeof(bytes))
            continue;
        memcpy(bytes, entry.at, entry.len);
        if (line_parse(bytes, entry.len, &line, &why) != STATUS_OK)
            continue;
        struct slice event = line_get(&line, "event");
        if ((slice_is(event, change_delete.event) || slice_is(event, change_purge.event)) &&
            token_id_parse(line_get(&line, "id"), id) && !keep_deletion(k, id))
            return false;
    }
    return true;
}

/* Keep the deletions that the journal of the replaced store still tells of. */
static bool keep_journal_deletions(struct keeping *k)
{
    enum store_found found = STORE_FOUND;
    char *bytes = malloc(JOURNAL_BLOCK_MAX);
    bool ok = bytes != NULL;
    size_t len;

    for (uint32_t block = 0; ok && found == STORE_FOUND; block++) {
        found = store_get_journal(k->replaced->store, block, bytes, &len);
        if (found == STORE_FOUND)
            ok = keep_deletions_in(k, (struct slice){ bytes, len });
    }
    free(bytes);
    if (found != STORE_FAILED && bytes != NULL)
        return ok;
    problem_set(k->problem, STATUS_STORE, "the journal cannot be read");
    return false;
}

/* -- bans ------------------------------------------------------------------------------------ */

/* A ban of a token that was deleted: the new store may have the token, by any of its names.  It is
 * revoked, and leaves the ban when it goes. */
static bool keep_banned_token(void *keeping, const struct ban *ban)
{
    struct keeping *k = keeping;
    uint8_t id[ID_SIZE];
    bool found;

    k->ok = get(k, k->writer->store, ban->digest, &k->new, &found);
    found = found && memcmp(k->new.digest, ban->digest, DIGEST_SIZE) == 0;
    if (!k->ok || (!found && !token_bans_find_alias(k->writer->token_table, ban->digest, id)))
        return k->ok;
    struct change *c = change_new(&change_ban);
    if (c != NULL) {
        memcpy(c->want.digest, ban->digest, DIGEST_SIZE);
        memcpy(c->name[c->names++], ban->digest, DIGEST_SIZE);
        c->want.expires = ban->until;
        c->want.digest_alg = ban->digest_alg;
    }
    k->ok = post(k, c, ban->digest, &k->kept->deleted);
    return k->ok;
}

/* Put a ban into the new store, unless it has one that is as long, and of that digest. */
static bool put_ban(void *keeping, const struct ban *ban)
{
    struct keeping *k = keeping;
    struct ban has;

    enum store_found found = store_get_ban(k->writer->store, ban->digest, &has);
    k->ok = found != STORE_FAILED;
    if (!k->ok)
        return false;
    bool longer = found == STORE_ABSENT || has.until < ban->until;
    bool of_scheme = found == STORE_FOUND && has.digest_alg != ban->digest_alg;
    if (!longer && (!of_scheme || has.digest_alg != DIGEST_ALG_OWN))
        return true;
    struct ban new = longer ? *ban : has;
    if (of_scheme) /* what says more of the digest stays */
        new.digest_alg = has.digest_alg != DIGEST_ALG_OWN ? has.digest_alg : ban->digest_alg;
    k->kept->bans++;
    k->ok = store_put_ban(k->writer->store, &new);
    return k->ok;
}

static bool visit_bans(struct keeping *k, struct store_place *place, enum store_found *found,
                       bool (*visit)(void *keeping, const struct ban *ban))
{
    k->ok = true;
    *found = store_walk_bans(k->replaced->store, place, COMMIT_BATCH_MAX, visit, k, k->problem);
    return k->ok && *found != STORE_FAILED;
}

static bool keep_banned_tokens(struct keeping *k)
{
    struct store_place place = { 0 };
    enum store_found found = STORE_FOUND;

    while (found == STORE_FOUND)
        if (!visit_bans(k, &place, &found, keep_banned_token))
            return false;
    return true;
}

static bool keep_bans(struct keeping *k)
{
    struct store *store = k->writer->store;
    struct store_place place = { 0 };
    enum store_found found = STORE_FOUND;

    while (found == STORE_FOUND) {
        bool put = store_begin(store);
        if (!put || !visit_bans(k, &place, &found, put_ban) || !store_commit(store)) {
            store_abandon(store);
            if (k->ok && found != STORE_FAILED)
                problem_set(k->problem, STATUS_STORE, "the bans cannot be written");
            return false;
        }
    }
    return true;
}

bool keep_denials(struct writer *w, struct replaced_store *replaced, uid_t by, int64_t now,
                  struct kept_denials *kept, struct problem *problem)
{
    struct keeping *k = calloc(1, sizeof(*k));

    if (k == NULL || mailbox_init(&k->replies) < 0) {
        problem_set(problem, STATUS_INTERNAL, "no memory or descriptor");
        free(k);
        return false;
    }
    k->writer = w;
    k->replaced = replaced;
    k->kept = kept;
    k->problem = problem;
    k->by = by;
    k->now = now;
    bool ok = keep_tokens(k) && keep_banned_tokens(k) && keep_common_deletions(k) &&
              keep_journal_deletions(k);
    ok = save(k) && ok; /* in any case: nothing that was posted is left */
    ok = ok && keep_bans(k);
    mailbox_destroy(&k->replies);
    free(k);
    return ok;
}
