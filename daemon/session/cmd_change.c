/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_change.h"

#include "daemon/session/cmd_scan.h"
#include "daemon/session/self_user.h"
#include "daemon/table/digest_scheme.h"
#include "daemon/table/token_bans.h"
#include "daemon/table/token_look.h"
#include "daemon/writer/change_request.h"
#include "daemon/writer/change_trace.h"

/* Let a trace, too, find a token by its signed part. */
static void trace_signed_part(struct change *c)
{
    c->by_signed = c->kind == &change_trace && c->want.has_signed;
}

/* Let an administrator's denial by value mean the token of the same signed part, too.  Others have to
 * show the value that is here: whoever knows what is signed can write any signature behind it. */
static void mean_signed_part(const struct session *s, struct change *c)
{
    c->by_signed = (c->given & KEY_BIT(KEY_TOKEN)) && c->want.has_signed;
    if (c->by_signed)
        token_bans_find_alias(s->worker->server->token_table, c->want.signed_part, c->id);
}

/* Let a denial by value mean the token that is known by the SHA-256 of that value.  Return its flags and
 * digest; 0: there is none. */
static uint32_t mean_sha256(const struct session *s, struct change *c, struct slice value,
                            uint8_t digest[DIGEST_SIZE])
{
    uint32_t flags = digest_scheme_look(s->worker->server->token_table, s->worker->reader, value,
                                        digest);

    if (flags == 0)
        return 0;
    memcpy(c->want.digest, digest, DIGEST_SIZE);
    memcpy(c->id, digest, ID_SIZE);
    return flags;
}

/* True for a denial of a token that does not exist, by a client that is not an administrator: such
 * a client must not cause work for the disk with it. */
static bool denies_nothing(const struct session *s, struct change *c, struct slice value)
{
    struct token_table *table = s->worker->server->token_table;
    uint8_t digest[DIGEST_SIZE];

    if (c->kind->deny == 0 || c->by_self) /* whose token it is, the writer finds out */
        return false;
    uint32_t flags = token_look(table, s->worker->reader, c->id, digest);
    if (flags == 0 && (c->given & KEY_BIT(KEY_TOKEN)))
        flags = mean_sha256(s, c, value, digest);
    if (flags == 0 && s->role == ROLE_ADMIN)
        mean_signed_part(s, c);
    if (flags == 0)
        return s->role != ROLE_ADMIN;
    c->in_force = (flags & c->kind->deny & SLOT_REVOKED) != 0; /* a disable may end meanwhile */
    /* Two values may begin with the same identifier. */
    return (c->given & KEY_BIT(KEY_TOKEN)) && memcmp(digest, c->want.digest, DIGEST_SIZE) != 0;
}

static void refuse_unknown(struct session *s, struct change *c)
{
    session_refuse(s, STATUS_UNKNOWN,
                   c->want.has_signed ?
                       "no such token here; an administrator can ban it, however it is signed" :
                       status_row(STATUS_UNKNOWN)->meaning);
    change_free(c);
}

/* Refuse, and free, a change of a token that is none of the fleet, but waits for the fleet; false: it is none. */
static bool asks_fleet_in_vain(struct session *s, struct change *c)
{
    struct token_table *table = s->worker->server->token_table;
    uint8_t digest[DIGEST_SIZE];

    if ((c->given & (KEY_BIT(KEY_CONFIRM) | KEY_BIT(KEY_WAIT))) == 0 ||
        (c->given & KEY_BIT(KEY_GROUP)))
        return false;
    uint32_t flags = token_look(table, s->worker->reader, c->id, digest);
    if (flags == 0 || (flags & SLOT_FLEET) != 0)
        return false;
    change_free(c);
    session_refuse(
        s, STATUS_SYNTAX,
        "confirm= and wait= are about the fleet, and this is a token of this host alone");
    return true;
}

/* Hand a change to the writer, with those that follow it. */
static void hand_over(struct run *run, struct change *c)
{
    struct session *s = run->session;

    c->reply_to = &s->worker->mailbox;
    c->sender = s;
    c->mail.on_delivery = s->on_change;
    c->order = s->asked++;
    s->outstanding++;
    session_class(s)->outstanding++;
    run->changes++;
    mail_append(&s->changes, &c->mail);
}

void cmd_change(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct server *server = s->worker->server;
    struct change_request_context context = {
        .uid = s->peer.uid,
        .pid = s->peer.pid,
        .login = session_login(s),
        .prefix = server->settings.prefix,
        .activation_delay = atomic_load(&server->settings.activation_delay),
    };
    struct problem problem;

    if (request_is_about_many(r->verb, r->has)) {
        cmd_scan_change(run, r, &context);
        return;
    }
    /* Whoever holds a value may revoke it, also if it is another's. */
    if (s->role == ROLE_SELF && !request_has(r, KEY_TOKEN)) {
        context.user = self_user_name(s);
        if (context.user.at == NULL)
            return;
    }
    struct change *c = change_request_read(r, &context, &problem);
    if (c == NULL) {
        session_refuse(s, problem.status, problem.message);
        return;
    }
    c->of_others = s->role != ROLE_ADMIN;
    if (asks_fleet_in_vain(s, c))
        return;
    trace_signed_part(c);
    if (denies_nothing(s, c, r->value[KEY_TOKEN])) {
        refuse_unknown(s, c);
        return;
    }
    hand_over(run, c);
}
