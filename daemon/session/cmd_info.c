/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_info.h"

#include "daemon/base/clock.h"
#include "daemon/session/cmd_table.h"
#include "daemon/table/digest_scheme.h"
#include "daemon/table/refusals.h"
#include "daemon/table/token_look.h"
#include "proto/reply.h"
#include "proto/token.h"

enum { REPLY_MAX = 2 * LINE_MAX_BYTES }; /* bytes: help lists all verbs */

/* Append a whole final line without fields. */
static void put_plain(struct session *s, enum status status, const char *message)
{
    struct text t;

    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return;
    reply_plain(&t, status, message);
    session_end_reply(s, &t);
}

void cmd_ping(struct run *run, const struct request *r)
{
    (void)r;
    put_plain(run->session, STATUS_OK, NULL);
}

void cmd_quit(struct run *run, const struct request *r)
{
    cmd_ping(run, r);
    run->session->ended = true;
}

/* Compute the digest of a value: by which it is known here, or else its own. */
static void find_digest(const struct session *s, struct slice value, uint8_t digest[DIGEST_SIZE])
{
    struct token_table *table = s->worker->server->token_table;
    uint8_t own[DIGEST_SIZE];

    token_digest(value, own);
    if (token_look(table, s->worker->reader, own, digest) != 0 ||
        digest_scheme_look(table, s->worker->reader, value, digest) == 0)
        memcpy(digest, own, DIGEST_SIZE);
}

void cmd_id(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    enum token_form form = token_form(r->value[KEY_TOKEN], s->worker->server->settings.prefix);
    uint8_t digest[DIGEST_SIZE];
    struct text t;

    if (form == TOKEN_ID) {
        put_plain(s, STATUS_IDENTIFIER, NULL);
        return;
    }
    if (form == TOKEN_BAD_LENGTH || form == TOKEN_BAD_CHECK) {
        put_plain(s, STATUS_MALFORMED, NULL);
        return;
    }
    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return;
    find_digest(s, r->value[KEY_TOKEN], digest);
    reply_begin(&t, STATUS_OK);
    text_adds(&t, " id=");
    text_add_hex(&t, digest, ID_SIZE);
    reply_end(&t, STATUS_OK, NULL);
    session_end_reply(s, &t);
}

void cmd_hello(struct run *run, const struct request *r)
{
    static const struct {
        const char *name;
        unsigned value;
    } limits[] = {
        { "line_max", LINE_MAX_BYTES },
        { "value_min", VALUE_MIN },
        { "value_max", VALUE_MAX },
        { "scopes_max", SCOPES_MAX },
        { "scope_max", SCOPE_WORD_MAX },
        { "subject_max", SUBJECT_MAX },
        { "description_max", DESCRIPTION_MAX },
    };
    struct session *s = run->session;
    struct text t;

    (void)r;
    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return;
    reply_begin(&t, STATUS_OK);
    line_put_u64(&t, "protocol", PROTOCOL_VERSION);
    line_puts(&t, "version", JETON_VERSION);
    line_puts(&t, "role", role_name(s->role));
    line_puts(&t, "prefix", s->worker->server->settings.prefix);
    line_puts(&t, "epoch", write_queue_epoch(s->worker->server->write_queue));
    if (s->worker->server->fleet_status != NULL)
        line_puts(&t, "fleet", "yes");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        line_put_u64(&t, limits[i].name, limits[i].value);
    reply_end(&t, STATUS_OK, NULL);
    session_end_reply(s, &t);
}

/* Append a line for each verb that the request is about and the role grants; return how many. */
static uint64_t put_verbs(struct text *t, enum role role, const struct request *r)
{
    uint64_t count = 0;

    for (enum verb v = 0; v < VERB_COUNT; v++) {
        const struct verb_row *row = verb_row(v);
        if (!request_grants(role, v) ||
            (request_has(r, KEY_VERB) && !slice_is(r->value[KEY_VERB], row->name)))
            continue;
        text_addc(t, '*');
        line_puts(t, "verb", row->name);
        line_puts(t, "usage", row->usage);
        line_puts(t, "summary", row->summary);
        text_addc(t, '\n');
        count++;
    }
    return count;
}

void cmd_help(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct text t;

    if (!session_begin_reply(s, REPLY_MAX, &t))
        return;
    uint64_t count = put_verbs(&t, s->role, r);
    if (count > 0) {
        reply_begin(&t, STATUS_OK);
        line_put_u64(&t, "count", count);
        reply_end(&t, STATUS_OK, NULL);
    } else {
        reply_plain(&t, STATUS_UNKNOWN_VERB, "this socket grants no such verb; try help");
    }
    session_end_reply(s, &t);
}

/* Read the id of a report about the table, or refuse it. */
static bool read_reported(struct session *s, const struct request *r, uint8_t id[ID_SIZE])
{
    bool allowed = cmd_table_allowed(s), ok = allowed && token_id_parse(r->value[KEY_ID], id);

    if (!allowed)
        put_plain(s, STATUS_FORBIDDEN, "only a client that may have the table may report uses");
    else if (!ok)
        put_plain(s, STATUS_BAD_VALUE, "an identifier is 20 hex digits");
    return ok;
}

void cmd_used(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    uint8_t id[ID_SIZE];

    if (!read_reported(s, r, id))
        return;
    token_look_touch(s->worker->server->token_table, s->worker->reader, id, clock_wall());
    put_plain(s, STATUS_OK, NULL);
}

/* What is reported counts only if the token is refused by its state. */
void cmd_refused(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct server *server = s->worker->server;
    int64_t now = clock_wall();
    uint8_t id[ID_SIZE];

    if (!read_reported(s, r, id))
        return;
    enum status state = token_look_state(server->token_table, s->worker->reader, id, now);
    if (state != STATUS_UNKNOWN)
        refusals_note_verdict(write_queue_refusals(server->write_queue), s->worker->reader, id,
                              state, s->peer.uid, now);
    put_plain(s, STATUS_OK, NULL);
}
