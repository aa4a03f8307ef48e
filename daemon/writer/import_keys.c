/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/import_keys.h"

#include "daemon/store/stored_line.h"
#include "daemon/writer/change_apply.h"
#include "proto/stamp.h"

const char *import_keys_by(struct change *c, struct slice v)
{
    return stored_uid(&c->want.by, v) ? NULL : "a user is given as uid:N";
}

const char *import_keys_owner(struct change *c, struct slice v)
{
    c->want.has_owner = true;
    return stored_uid(&c->want.owner, v) ? NULL : "a user is given as uid:N";
}

const char *import_keys_used(struct change *c, struct slice v)
{
    return stamp_parse(v, &c->used) && c->used > 0 ?
               NULL :
               "this should be a time such as 2027-01-31T12:00:00Z";
}

const char *import_keys_digest_alg(struct change *c, struct slice v)
{
    if ((c->given & KEY_BIT(KEY_DIGEST)) == 0)
        return "it goes with digest=";
    return record_read_digest_alg(&c->want.digest_alg, v) ? NULL :
                                                            "the only other digest is sha256";
}

void import_keys_put_merged(const struct change *c, struct text *t)
{
    if (c->kind == &change_import && !c->is_new && c->event != NULL)
        line_puts(t, "merged", c->merge_denies ? "deny" : "update");
}
