/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/change_ban.h"

enum status change_ban_name(struct change *c, struct store *store,
                            const uint8_t digest[DIGEST_SIZE], uint8_t digest_alg, int64_t until,
                            int64_t now)
{
    int64_t banned = c->given & KEY_BIT(KEY_CREATED) ? c->want.created : now;
    struct ban *ban = &c->ban[c->bans];
    enum store_found found;

    if (c->may_lapse && ban_is_over(until, now))
        return STATUS_OK;
    found = store_get_ban(store, digest, ban);
    if (found == STORE_FAILED)
        return problem_set(&c->problem, STATUS_STORE, "%s", status_row(STATUS_STORE)->meaning);
    if (found == STORE_FOUND && ban->digest_alg != DIGEST_ALG_OWN)
        digest_alg = ban->digest_alg;
    if (found == STORE_FOUND && ban->until >= until) {
        if (ban->digest_alg == digest_alg) {
            c->bans += c->removes; /* the table has the token in its place until now */
            return STATUS_OK;
        }
        until = ban->until;
    }
    *ban = (struct ban){ .banned = banned, .until = until, .by = c->uid, .digest_alg = digest_alg };
    memcpy(ban->digest, digest, DIGEST_SIZE);
    c->new_bans += found == STORE_ABSENT;
    c->bans++;
    return STATUS_OK;
}

enum status change_ban_signed(struct change *c, struct store *store, const struct record *r,
                              int64_t now)
{
    if (!r->has_signed)
        return STATUS_OK;
    return change_ban_name(c, store, r->signed_part, DIGEST_ALG_OWN, record_own_end(r), now);
}

enum status change_ban_token(struct change *c, struct store *store, const struct record *r,
                             int64_t now)
{
    enum status status = change_ban_name(c, store, r->digest, r->digest_alg, record_own_end(r),
                                         now);

    return status == STATUS_OK ? change_ban_signed(c, store, r, now) : status;
}

/* Look for a ban of this name.  One that is over does not count, and is to be removed: left there, a
 * restart would deny by it what is imported now. */
static enum status find_name(struct change *c, struct store *store,
                             const uint8_t digest[DIGEST_SIZE], int64_t now)
{
    struct ban ban;

    switch (store_get_ban(store, digest, &ban)) {
    case STORE_FOUND:
        break;
    case STORE_ABSENT:
        return STATUS_OK;
    case STORE_FAILED:
        return STATUS_STORE;
    }
    if (!c->may_lapse || !ban_is_over(ban.until, now))
        return STATUS_BANNED;
    memcpy(c->lapsed[c->lapses++], digest, DIGEST_SIZE);
    return STATUS_OK;
}

enum status change_ban_find(struct change *c, struct store *store, int64_t now)
{
    enum status status = find_name(c, store, c->want.digest, now);

    if (status == STATUS_OK && c->want.has_signed)
        status = find_name(c, store, c->want.signed_part, now);
    if (status == STATUS_OK && c->has_sha256)
        status = find_name(c, store, c->sha256, now);
    return status;
}

bool change_ban_put(const struct change *c, struct store *store)
{
    bool ok = true;

    for (size_t i = 0; i < c->lapses && ok; i++)
        ok = store_remove_ban(store, c->lapsed[i]);
    for (size_t i = 0; i < c->bans && ok; i++)
        ok = store_put_ban(store, &c->ban[i]);
    return ok;
}

/* -- ban ------------------------------------------------------------------------------------- */

/* True if the token that was found is the one that is banned: by its value, or by its signed part,
 * which may have been given as a digest. */
static bool is_banned(const struct change *c)
{
    const struct record *r = &c->found;
    bool is = memcmp(r->digest, c->want.digest, DIGEST_SIZE) == 0;

    for (size_t i = 0; i < c->names && r->has_signed; i++)
        is = is || memcmp(r->signed_part, c->name[i], DIGEST_SIZE) == 0;
    return is;
}

/* Ban the names of the credential but that of its record, which is revoked and leaves a ban. */
static enum status ban_names(struct change *c, struct store *store, bool found, int64_t until,
                             int64_t now)
{
    const struct record *r = &c->found;
    enum status status = STATUS_OK;
    bool has_signed = false;

    for (size_t i = 0; i < c->names && status == STATUS_OK; i++) {
        if (found && memcmp(c->name[i], r->digest, DIGEST_SIZE) == 0)
            continue;
        has_signed = has_signed || (found && r->has_signed &&
                                    memcmp(c->name[i], r->signed_part, DIGEST_SIZE) == 0);
        status = change_ban_name(c, store, c->name[i], c->want.digest_alg, until, now);
    }
    if (found && !has_signed && status == STATUS_OK)
        status = change_ban_signed(c, store, r, now);
    return status;
}

bool change_ban_learn_scheme(struct record *r, const struct record *want)
{
    if (want->digest_alg == DIGEST_ALG_OWN || r->digest_alg == want->digest_alg ||
        memcmp(r->digest, want->digest, DIGEST_SIZE) != 0)
        return false;
    r->digest_alg = want->digest_alg;
    return true;
}

/* Revoke the token that is banned; it is then listed until its retention ends. */
static void revoke_token(struct change *c, int64_t until, int64_t now)
{
    c->after = &c->found;
    c->event = "revoke";
    if (c->found.revoked == 0) {
        c->found.revoked = now > 0 ? now : 1;
        record_set_revoked_by(&c->found, c->uid);
        c->puts = true;
    }
    if (until > record_own_end(&c->found)) {
        c->found.own_end = until;
        c->puts = true;
    }
    if (change_ban_learn_scheme(&c->found, &c->want))
        c->puts = true;
}

static enum status apply_ban(struct change *c, struct store *store, int64_t now)
{
    int64_t until = c->want.expires;
    enum store_found is = change_find_or_twin(c, store, is_banned);
    bool found = is == STORE_FOUND;

    c->after = &c->want;
    if (is == STORE_FAILED)
        return problem_set(&c->problem, STATUS_STORE, "%s", status_row(STATUS_STORE)->meaning);
    if (found) {
        revoke_token(c, until, now);
        until = record_own_end(&c->found); /* the same for its other names */
    }
    return ban_names(c, store, found, until, now);
}

static enum status apply_lapse(struct change *c, struct store *store, int64_t now)
{
    struct ban ban;
    enum store_found found = store_get_ban(store, c->want.digest, &ban);

    c->after = &c->want;
    c->lapses = found == STORE_FOUND && ban_is_over(ban.until, now);
    memcpy(c->lapsed[0], c->want.digest, DIGEST_SIZE);
    return found == STORE_FAILED ? STATUS_STORE : STATUS_OK;
}

const struct change_kind change_ban = { .event = "ban", .apply = apply_ban, .denies = true };
const struct change_kind change_lapse = { .event = "purge", .apply = apply_lapse };
