/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/ban.h"

#include "daemon/store/record.h"
#include "daemon/store/stored_line.h"

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
    record_put_digest_alg(t, ban->digest_alg);
}

static const struct stored_field fields[] = {
    { SLICE("v"), stored_version, 0 },
    { SLICE("banned"), stored_time, offsetof(struct ban, banned) },
    { SLICE("by"), stored_uid, offsetof(struct ban, by) }, /* those up to here are required */
    { SLICE("until"), stored_time, offsetof(struct ban, until) },
    { SLICE("digest_alg"), record_read_digest_alg, offsetof(struct ban, digest_alg) },
};

const char *ban_parse(struct ban *ban, const uint8_t digest[DIGEST_SIZE], struct slice stored)
{
    static const struct stored_fields known = { fields, sizeof(fields) / sizeof(fields[0]), 3,
                                                "a ban of a newer version" };

    *ban = (struct ban){ .until = TIME_NEVER };
    memcpy(ban->digest, digest, DIGEST_SIZE);
    return stored_line_read(&known, stored, ban);
}
