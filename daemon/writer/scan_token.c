/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_token.h"

#include "daemon/writer/scan_policy.h"

/* A list has none: it would wait for the name service. */
static bool shows_names(const struct step *s)
{
    return s->scan->verb == VERB_SHOW || s->scan->verb == VERB_TRACE;
}

/* Name who made and who denied the token. */
static void put_names(struct step *s, const struct record *r)
{
    step_put_name(s, "by_name", r->by);
    if (r->revoked != 0 && r->has_revoked_by)
        step_put_name(s, "revoked_by_name", r->revoked_by);
    if (r->disabled != 0 && r->has_disabled_by)
        step_put_name(s, "disabled_by_name", r->disabled_by);
}

/* Add who still presents the token, and is refused. */
static void put_refusals(struct step *s, const struct record *r)
{
    struct refused_token t;

    if (s->writer->refused == NULL)
        return;
    refused_get(s->writer->refused, r->digest, &t);
    if (t.refusal.last == 0)
        return;
    line_put_u64(&s->text, "refused", t.refusal.count);
    line_put_time(&s->text, "last_refused", t.refusal.last);
    line_puts(&s->text, "refused_as", status_row(t.refusal.reason)->word);
    text_adds(&s->text, " refused_by=uid:");
    text_add_u64(&s->text, t.refusal.by);
    if (shows_names(s))
        step_put_name(s, "refused_by_name", t.refusal.by);
    if (t.reused == 0)
        return;
    line_put_u64(&s->text, "reused", t.reused);
    line_put_time(&s->text, "last_reused", t.last_reused);
}

void scan_token_put(struct step *s, const char *head, const struct record *r)
{
    int64_t used = last_used_get(s->last_used, r->digest, s->used);

    text_adds(&s->text, head);
    text_adds(&s->text, " id=");
    text_add_hex(&s->text, r->digest, ID_SIZE);
    record_put_state(&s->text, r, s->now);
    line_put_time(&s->text, "created", r->created);
    text_adds(&s->text, " by=uid:");
    text_add_u64(&s->text, r->by);
    if (used != 0)
        line_put_time(&s->text, "used", used);
    record_put_digest_alg(&s->text, r->digest_alg);
    record_put_owner(&s->text, r);
    record_put_denials(&s->text, r);
    if (shows_names(s))
        put_names(s, r);
    put_refusals(s, r);
    record_put_claims(&s->text, r);
    scan_policy_put_rules(s->scan, &s->writer->policy, r, s->now, &s->text);
    text_addc(&s->text, '\n');
}
