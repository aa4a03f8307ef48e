/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/ban.h"

#include "daemon/store/record.h"
#include "proto/stamp.h"

bool ban_is_over(int64_t until, int64_t now)
{
    return until != TIME_NEVER && until <= now - BAN_MARGIN;
}

void ban_key(const uint8_t digest[DIGEST_SIZE], char key[BAN_KEY_SIZE])
{
    struct text t = text_in(key, BAN_KEY_SIZE);

    text_adds(&t, BAN_KEY);
    text_add_hex(&t, digest, DIGEST_SIZE);
}

bool ban_key_parse(struct slice key, uint8_t digest[DIGEST_SIZE], bool *valid)
{
    const size_t head = sizeof(BAN_KEY) - 1;

    if (!slice_begins(key, BAN_KEY))
        return false;
    *valid = hex_parse((struct slice){ key.at + head, key.len - head }, digest, DIGEST_SIZE);
    return true;
}

void ban_write(struct text *t, const struct ban *ban)
{
    text_adds(t, "v=1");
    line_put_time(t, "banned", ban->banned);
    text_adds(t, " by=uid:");
    text_add_u64(t, ban->by);
    if (ban->until != TIME_NEVER)
        line_put_time(t, "until", ban->until);
}

/* Read one field, each of which comes once; the bits are those of the fields that were seen. */
static const char *read_field(struct ban *ban, const struct argument *a, unsigned *seen)
{
    unsigned bit;
    bool ok;

    if (slice_is(a->key, "v")) {
        if (!slice_is(a->value, "1"))
            return "a ban of a newer version";
        bit = 1;
        ok = true;
    } else if (slice_is(a->key, "banned")) {
        bit = 2;
        ok = stamp_parse(a->value, &ban->banned);
    } else if (slice_is(a->key, "by")) {
        bit = 4;
        ok = record_by_parse(a->value, &ban->by);
    } else if (slice_is(a->key, "until")) {
        bit = 8;
        ok = stamp_parse(a->value, &ban->until);
    } else {
        return "a field this version does not know";
    }
    if (!ok || (*seen & bit) != 0)
        return "a field that does not parse";
    *seen |= bit;
    return NULL;
}

const char *ban_parse(struct ban *ban, const uint8_t digest[DIGEST_SIZE], struct slice stored)
{
    const char *why = NULL;
    char bytes[BAN_LINE_MAX];
    struct line line;
    unsigned seen = 0;

    stored = record_trimmed(stored);
    if (stored.len > sizeof(bytes))
        return "longer than any ban";
    memcpy(bytes, stored.at, stored.len);
    if (line_parse(bytes, stored.len, &line, &why) != STATUS_OK)
        return why;
    *ban = (struct ban){ .until = TIME_NEVER };
    memcpy(ban->digest, digest, DIGEST_SIZE);
    for (size_t i = 0; i < line.count && why == NULL; i++)
        why = read_field(ban, &line.argument[i], &seen);
    return why == NULL && (seen & 7) != 7 ? "a field is missing" : why;
}
