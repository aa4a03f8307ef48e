/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/change_trace.h"

#include "daemon/writer/change_apply_private.h"
#include "daemon/writer/scan.h"

/* True if the token that was found has the value that was given, or its signed part. */
static bool is_meant(const struct change *c)
{
    return c->has_twin || memcmp(c->found.digest, c->want.digest, DIGEST_SIZE) == 0;
}

static enum status apply_trace(struct change *c, struct store *store, int64_t now)
{
    enum store_found found = change_find_or_twin(c, store, is_meant);

    (void)now;
    if (found == STORE_FAILED)
        return refuse_unless(c, found);
    c->after = found == STORE_FOUND ? &c->found : &c->want;
    c->notes = true;
    return STATUS_OK;
}

void change_trace_pass(const struct change *c, struct scan *scan)
{
    struct scan_trace *trace = &scan->trace;

    memcpy(scan->id, c->after->digest, ID_SIZE);
    scan->entries.has_id = true;
    memcpy(scan->entries.id, c->after->digest, ID_SIZE);
    trace->is_token = c->after == &c->found;
    memcpy(trace->name[trace->names++], c->want.digest, DIGEST_SIZE);
    if (c->want.has_signed)
        memcpy(trace->name[trace->names++], c->want.signed_part, DIGEST_SIZE);
    if (c->has_sha256)
        memcpy(trace->name[trace->names++], c->sha256, DIGEST_SIZE);
}

const struct change_kind change_trace = { .event = "trace", .apply = apply_trace };
