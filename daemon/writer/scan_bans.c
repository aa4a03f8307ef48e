/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/scan_bans.h"

enum { STEP_RECORDS = 1000, LINE_SPACE = LINE_MAX_BYTES + 1024 };

struct step {
    struct scan *scan;
    struct text *lines;
};

static bool put_ban(void *step, const struct ban *ban)
{
    struct step *s = step;

    if (s->lines->cap - s->lines->len < LINE_SPACE)
        return false;
    text_adds(s->lines, "* ban digest=");
    text_add_hex(s->lines, ban->digest, DIGEST_SIZE);
    record_put_digest_alg(s->lines, ban->digest_alg);
    line_put_time(s->lines, "created", ban->banned);
    if (ban->until != TIME_NEVER)
        line_put_time(s->lines, "expires", ban->until);
    text_addc(s->lines, '\n');
    s->scan->count++;
    return true;
}

enum store_found scan_bans_put(struct scan *scan, struct store *store, struct text *lines,
                               struct problem *problem)
{
    struct step step = { scan, lines };

    return store_walk_bans(store, &scan->place, STEP_RECORDS, put_ban, &step, problem);
}
