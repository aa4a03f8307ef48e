/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/entry.h"

bool entry_add(struct journal *j, const struct change *c, struct slice claims, int64_t now)
{
    struct text entry = journal_entry(j, now, c->kind->event);

    text_adds(&entry, " id=");
    text_add_hex(&entry, c->after->digest, ID_SIZE);
    text_adds(&entry, " by=uid:");
    text_add_u64(&entry, c->uid);
    line_put_u64(&entry, "pid", (uint64_t)c->pid);
    if (c->rotates) {
        text_adds(&entry, " replaces=");
        text_add_hex(&entry, c->found.digest, ID_SIZE);
    }
    if (c->kind->shows_claims)
        text_add(&entry, claims.at, claims.len);
    return journal_entry_end(j, &entry);
}
