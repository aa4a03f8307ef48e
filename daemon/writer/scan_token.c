/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_token.h"

enum store_found scan_token_read(struct step *s, const uint8_t id[ID_SIZE], struct record *r)
{
    enum store_found found = store_get(s->writer->store, id, r);
    uint8_t digest[DIGEST_SIZE];

    s->used = 0;
    if (found != STORE_FOUND)
        return found;
    uint32_t flags = token_table_look(s->writer->token_table, id, digest, &s->used);
    if ((flags & SLOT_REVOKED) && r->revoked == 0)
        r->revoked = s->now > 0 ? s->now : 1;
    if ((flags & SLOT_DISABLED) && r->disabled == 0 && r->revoked == 0)
        r->disabled = s->now > 0 ? s->now : 1;
    return found;
}

static void put_replaces(struct step *s, const struct record *r)
{
    if (!r->has_replaces)
        return;
    text_adds(&s->text, " replaces=");
    text_add_hex(&s->text, r->replaces, ID_SIZE);
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
    put_replaces(s, r);
    record_put_claims(&s->text, r);
    text_addc(&s->text, '\n');
}
