/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_export.h"

void scan_export_put(struct step *s, const struct record *r)
{
    int64_t used = last_used_get(s->last_used, r->digest, s->used);

    text_adds(&s->text, "* import digest=");
    text_add_hex(&s->text, r->digest, DIGEST_SIZE);
    line_put_time(&s->text, "created", r->created);
    text_adds(&s->text, " by=uid:");
    text_add_u64(&s->text, r->by);
    record_put_owner(&s->text, r);
    if (used > 0)
        line_put_time(&s->text, "used", used);
    record_put_history(&s->text, r);
    record_put_claims(&s->text, r);
    text_addc(&s->text, '\n');
}

void scan_export_begin(struct scan *scan)
{
    scan->filter.but_fleet = (scan->filter.given & (KEY_BIT(KEY_GROUP) | KEY_BIT(KEY_ORIGIN))) == 0;
    crypto_generichash_init(&scan->checksum, NULL, 0, SCAN_CHECKSUM);
}

void scan_export_sum(struct step *s)
{
    crypto_generichash_update(&s->scan->checksum, (const uint8_t *)s->text.at, s->text.len);
}

void scan_export_finish(struct step *s)
{
    uint8_t sum[SCAN_CHECKSUM];

    scan_export_sum(s);
    crypto_generichash_final(&s->scan->checksum, sum, sizeof(sum));
    step_begin_count(s);
    step_put_epoch(s);
    line_put_key(&s->text, "checksum");
    text_add_hex(&s->text, sum, sizeof(sum));
    step_end_count(s);
}
