/* SPDX-License-Identifier: Apache-2.0 */
/* A request is read key by key; `readers` has one function for each. */
#include "daemon/writer/change_request.h"

#include "daemon/base/clock.h"
#include "daemon/store/stored_line.h"
#include "daemon/verifiers/credential_id.h"
#include "daemon/writer/change_apply.h"
#include "daemon/writer/change_ban.h"
#include "daemon/writer/change_self.h"
#include "daemon/writer/change_trace.h"
#include "daemon/writer/fleet_reply.h"
#include "daemon/writer/import_keys.h"
#include "proto/reply.h"
#include "proto/stamp.h"

static const struct change_kind *const kinds[VERB_COUNT] = {
    [VERB_CREATE] = &change_create,   [VERB_IMPORT] = &change_import,
    [VERB_UPDATE] = &change_update,   [VERB_REVOKE] = &change_revoke,
    [VERB_DISABLE] = &change_disable, [VERB_ENABLE] = &change_enable,
    [VERB_ROTATE] = &change_rotate,   [VERB_DELETE] = &change_delete,
    [VERB_BAN] = &change_ban,         [VERB_TRACE] = &change_trace,
};

/* -- keys ------------------------------------------------------------------------------------ */

static const char not_a_time[] = "this should be a time such as 2027-01-31T12:00:00Z";
static const char not_a_duration[] =
    "this should be a duration such as 30s, 15m, 12h, 90d, 3w or 1y";
static const char not_an_id[] =
    "an identifier is 20 hex digits; a value is given as token=\"VALUE\"";

/* Read one key's value into the change.  Return NULL, or what is wrong with it. */
static const char *read_id(struct change *c, struct slice v)
{
    if (c->kind == &change_ban) /* it is the issuer's: see name_issued() */
        return NULL;
    return token_id_parse(v, c->id) ? NULL : not_an_id;
}

static const char *read_token(struct change *c, struct slice v)
{
    token_digest(v, c->want.digest);
    memcpy(c->id, c->want.digest, ID_SIZE);
    c->want.has_signed = token_signed_digest(v, c->want.signed_part);
    token_sha256(v, c->sha256);
    c->has_sha256 = true;
    return NULL;
}

static const char *read_digest(struct change *c, struct slice v)
{
    return hex_parse(v, c->want.digest, DIGEST_SIZE) ? NULL : "a digest is 64 hex digits";
}

static const char *read_subject(struct change *c, struct slice v)
{
    return record_set_subject(&c->want, v);
}

static const char *read_scopes(struct change *c, struct slice v)
{
    return record_set_scopes(&c->want, v);
}

static const char *read_description(struct change *c, struct slice v)
{
    return record_set_description(&c->want, v);
}

static const char *read_ttl(struct change *c, struct slice v)
{
    return duration_parse(v, &c->ttl) && c->ttl > 0 ? NULL : not_a_duration;
}

static const char *read_delay(struct change *c, struct slice v)
{
    return duration_parse(v, &c->delay) ? NULL : not_a_duration;
}

static const char *read_grace(struct change *c, struct slice v)
{
    return duration_parse(v, &c->grace) ? NULL : not_a_duration;
}

static const char *read_expires(struct change *c, struct slice v)
{
    if (slice_is(v, "never")) {
        c->want.expires = TIME_NEVER;
        return NULL;
    }
    return stamp_parse(v, &c->want.expires) ? NULL : not_a_time;
}

static const char *read_activates(struct change *c, struct slice v)
{
    return stamp_parse(v, &c->want.activates) ? NULL : not_a_time;
}

static const char *read_created(struct change *c, struct slice v)
{
    return stamp_parse(v, &c->want.created) ? NULL : not_a_time;
}

static const char *read_revoked(struct change *c, struct slice v)
{
    return stamp_parse(v, &c->want.revoked) && c->want.revoked > 0 ? NULL : not_a_time;
}

static const char *read_disabled(struct change *c, struct slice v)
{
    return stamp_parse(v, &c->want.disabled) && c->want.disabled > 0 ? NULL : not_a_time;
}

static const char *read_replaces(struct change *c, struct slice v)
{
    c->want.has_replaces = true;
    return token_id_parse(v, c->want.replaces) ? NULL : not_an_id;
}

static const char *read_end(struct slice v, int64_t *end)
{
    *end = TIME_NEVER;
    return slice_is(v, "never") || (stamp_parse(v, end) && *end > 0) ? NULL : not_a_time;
}

static const char *read_own_end(struct change *c, struct slice v)
{
    return read_end(v, &c->want.own_end);
}

static const char *read_replaced_by(struct change *c, struct slice v)
{
    c->want.has_replaced_by = true;
    return token_id_parse(v, c->want.replaced_by) ? NULL : not_an_id;
}

static const char *read_uid(struct slice v, bool *has, uid_t *uid)
{
    *has = true;
    return stored_uid(uid, v) ? NULL : "a user is given as uid:N";
}

static const char *read_revoked_by(struct change *c, struct slice v)
{
    return read_uid(v, &c->want.has_revoked_by, &c->want.revoked_by);
}

static const char *read_disabled_by(struct change *c, struct slice v)
{
    return read_uid(v, &c->want.has_disabled_by, &c->want.disabled_by);
}

static const char *read_rotated_end(struct change *c, struct slice v)
{
    return read_end(v, &c->want.rotated_end);
}

static const char *read_rotated(struct change *c, struct slice v)
{
    return stamp_parse(v, &c->want.rotated) && c->want.rotated > 0 ? NULL : not_a_time;
}

static const char *read_signed(struct change *c, struct slice v)
{
    if (c->given & KEY_BIT(KEY_TOKEN))
        return "the value shows it; it goes with digest=";
    c->want.has_signed = true;
    return hex_parse(v, c->want.signed_part, DIGEST_SIZE) ? NULL : "a digest is 64 hex digits";
}

/* Note the state; apply_import() sets the date of the same name unless the request has it. */
static const char *read_state(struct change *c, struct slice v)
{
    c->revoke = slice_is(v, "revoked");
    c->disable = slice_is(v, "disabled");
    return c->revoke || c->disable || slice_is(v, "active") ?
               NULL :
               "a state to import is active, revoked or disabled";
}

static const char *read_group(struct change *c, struct slice v)
{
    return record_set_group(&c->want, v);
}

static const char *read_confirm(struct change *c, struct slice v)
{
    (void)c;
    return slice_is(v, "all") ? NULL : "all is what can be waited for";
}

static const char *read_wait(struct change *c, struct slice v)
{
    return duration_parse(v, &c->wait) && c->wait > 0 && c->wait <= CHANGE_WAIT_MAX ?
               NULL :
               "this should be a duration of 1s to 60s";
}

static const char *(*const readers[KEY_COUNT])(struct change *c, struct slice v) = {
    [KEY_ID] = read_id,
    [KEY_TOKEN] = read_token,
    [KEY_DIGEST] = read_digest,
    [KEY_SUBJECT] = read_subject,
    [KEY_SCOPES] = read_scopes,
    [KEY_DESCRIPTION] = read_description,
    [KEY_TTL] = read_ttl,
    [KEY_DELAY] = read_delay,
    [KEY_GRACE] = read_grace,
    [KEY_EXPIRES] = read_expires,
    [KEY_ACTIVATES] = read_activates,
    [KEY_CREATED] = read_created,
    [KEY_REVOKED] = read_revoked,
    [KEY_DISABLED] = read_disabled,
    [KEY_REPLACES] = read_replaces,
    [KEY_STATE] = read_state,
    [KEY_OWN_END] = read_own_end,
    [KEY_ROTATED] = read_rotated,
    [KEY_SIGNED] = read_signed,
    [KEY_REVOKED_BY] = read_revoked_by,
    [KEY_DISABLED_BY] = read_disabled_by,
    [KEY_REPLACED_BY] = read_replaced_by,
    [KEY_ROTATED_END] = read_rotated_end,
    [KEY_BY] = import_keys_by,
    [KEY_OWNER] = import_keys_owner,
    [KEY_USED] = import_keys_used,
    [KEY_DIGEST_ALG] = import_keys_digest_alg,
    [KEY_GROUP] = read_group,
    [KEY_CONFIRM] = read_confirm,
    [KEY_WAIT] = read_wait,
};

static enum status read_keys(struct change *c, const struct request *r, struct problem *problem)
{
    for (enum key key = 0; key < KEY_COUNT; key++) {
        if (!request_has(r, key) || readers[key] == NULL)
            continue;
        const char *fault = readers[key](c, r->value[key]);
        if (fault != NULL)
            return problem_set(problem, STATUS_BAD_VALUE, "%s=: %s", key_name(key), fault);
        c->given |= KEY_BIT(key);
    }
    return STATUS_OK;
}

/* -- verbs ----------------------------------------------------------------------------------- */

/* Refuse to import or ban a value that `verify` would not look up.  Others may pass a short one. */
static enum status check_imported(const struct request *r, const char *prefix,
                                  struct problem *problem)
{
    struct slice value = r->value[KEY_TOKEN];

    if (!request_has(r, KEY_TOKEN))
        return STATUS_OK;
    if (value.len < (r->verb == VERB_IMPORT ? VALUE_MIN : 1))
        return problem_set(problem, STATUS_TOO_SHORT, "%s", status_row(STATUS_TOO_SHORT)->meaning);
    if (value.len > VALUE_MAX || !token_printable(value))
        return problem_set(problem, STATUS_BAD_VALUE,
                           "token=: a value is 32 to %d printable ASCII characters", VALUE_MAX);
    if (token_form(value, prefix) == TOKEN_BAD_CHECK)
        return problem_set(problem, STATUS_BAD_VALUE,
                           "token=: begins with %s_, but its length or "
                           "checksum is wrong: mistyped or cut off",
                           prefix);
    return STATUS_OK;
}

/* Add a name, unless it is there: the two spellings of an issuer's name may be one. */
static void add_name(struct change *c, const uint8_t digest[DIGEST_SIZE])
{
    if (c->names == 0 || memcmp(c->name[0], digest, DIGEST_SIZE) != 0)
        memcpy(c->name[c->names++], digest, DIGEST_SIZE);
}

/* Name what is to be banned, by what its issuer calls it, in both spellings that verifiers give it. */
static enum status name_issued(struct change *c, const struct request *r, struct problem *problem)
{
    struct slice issuer = r->value[KEY_ISSUER], id = r->value[KEY_ID];

    if (!request_has(r, KEY_ID) || id.len == 0)
        return problem_set(problem, STATUS_MISSING, "usage: %s", verb_row(VERB_BAN)->usage);
    if (memchr(id.at, '\0', id.len) != NULL ||
        (issuer.len > 0 && memchr(issuer.at, '\0', issuer.len) != NULL))
        return problem_set(problem, STATUS_BAD_VALUE, "issuer=, id=: NUL is not allowed");
    for (int secret = 0; secret <= 1; secret++) {
        char written[sizeof(((struct jeton_identity *)NULL)->id)];
        uint8_t digest[DIGEST_SIZE];
        credential_id_write(id, secret != 0, written);
        token_issued_digest(issuer, slice_of(written), digest);
        if (secret == 0)
            memcpy(c->want.digest, digest, DIGEST_SIZE);
        add_name(c, digest);
    }
    return STATUS_OK;
}

/* Name what is to be banned; `want.digest` is the first of the names.  Its end is known from now on:
 * it may be tried again for long. */
static enum status name_banned(struct change *c, const struct request *r, struct problem *problem)
{
    if (c->given & KEY_BIT(KEY_TTL))
        c->want.expires = clock_wall() + c->ttl;
    if (request_has(r, KEY_ISSUER))
        return name_issued(c, r, problem);
    if (request_has(r, KEY_ID))
        return problem_set(problem, STATUS_SYNTAX, "id= goes with issuer=; usage: %s",
                           verb_row(VERB_BAN)->usage);
    add_name(c, c->want.digest);
    if (c->want.has_signed)
        add_name(c, c->want.signed_part);
    return STATUS_OK;
}

struct change *change_request_read(const struct request *r,
                                   const struct change_request_context *context,
                                   struct problem *problem)
{
    struct change *c = change_new(kinds[r->verb]);

    if (c == NULL) {
        problem_set(problem, STATUS_INTERNAL, "no memory");
        return NULL;
    }
    c->uid = context->uid;
    c->pid = context->pid;
    c->login = context->login;
    c->want.expires = TIME_NEVER;
    enum status status = STATUS_OK;
    if (r->verb == VERB_IMPORT || r->verb == VERB_BAN)
        status = check_imported(r, context->prefix, problem);
    if (status == STATUS_OK)
        status = read_keys(c, r, problem);
    if (status == STATUS_OK && r->verb == VERB_BAN)
        status = name_banned(c, r, problem);
    if (status == STATUS_OK && context->user.at != NULL)
        status = change_self_begin(c, context->user, problem);
    if (status != STATUS_OK) {
        change_free(c);
        return NULL;
    }
    if (r->verb == VERB_CREATE || r->verb == VERB_ROTATE) {
        c->needs_value = true;
        if (!(c->given & (KEY_BIT(KEY_DELAY) | KEY_BIT(KEY_ACTIVATES)))) {
            c->delay = context->activation_delay;
            c->given |= KEY_BIT(KEY_DELAY);
        }
    }
    return c;
}

static void put_banned(const struct change *c, struct text *t)
{
    int64_t until = c->bans > 0 ? c->ban[0].until : c->want.expires;

    line_puts(t, "state", "banned");
    if (until != TIME_NEVER)
        line_put_time(t, "expires", until);
    reply_end(t, STATUS_OK, NULL);
}

void change_request_reply(const struct change *c, enum role role, int64_t now, struct text *t)
{
    if (c->problem.status != STATUS_OK) {
        reply_begin(t, c->problem.status);
        text_add(t, c->refusal, c->refusal_len);
        reply_end(t, c->problem.status, c->problem.message);
        return;
    }
    if (c->fleet_stage != CHANGE_LOCAL) {
        fleet_reply_put(c, role, now, t);
        return;
    }
    reply_begin(t, STATUS_OK);
    text_adds(t, " id=");
    text_add_hex(t, c->after->digest, ID_SIZE);
    if (c->after == &c->want && !c->is_new) { /* no token: it is banned */
        put_banned(c, t);
        return;
    }
    if (c->value_len > 0)
        line_put(t, "token", (struct slice){ c->value, c->value_len });
    if (role == ROLE_ADMIN || c->by_self)
        line_put_time(t, "created", c->after->created);
    if (c->removes)
        line_puts(t, "state", "deleted");
    else
        record_put_state(t, c->after, now);
    if (c->rotates) {
        text_adds(t, " replaces=");
        text_add_hex(t, c->found.digest, ID_SIZE);
    }
    import_keys_put_merged(c, t);
    if (role == ROLE_ADMIN || c->by_self)
        record_put_claims(t, c->after);
    reply_end(t, STATUS_OK, NULL);
}
