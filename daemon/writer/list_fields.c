/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/list_fields.h"

/* Every field of such a line.  A new one is added here. */
static const char *const names[] = {
    "id",
    "state",
    "created",
    "by",
    "used",
    "digest_alg",
    "owner",
    "revoked",
    "revoked_by",
    "disabled",
    "disabled_by",
    "replaces",
    "replaced_by",
    "refused",
    "last_refused",
    "refused_as",
    "refused_by",
    "reused",
    "last_reused",
    "by_name",
    "revoked_by_name",
    "disabled_by_name",
    "refused_by_name",
    "activates",
    "expires",
    "subject",
    "scopes",
    "description",
    "group",
    "origin",
    "violates",
};

enum { NAMES = sizeof(names) / sizeof(names[0]) };

static uint64_t bit_of(struct slice name)
{
    for (size_t i = 0; i < NAMES; i++)
        if (slice_is(name, names[i]))
            return UINT64_C(1) << i;
    return 0;
}

const char *list_fields_read(struct slice v, uint64_t *fields)
{
    *fields = 0;
    for (size_t at = 0; at <= v.len;) {
        struct slice name = { v.at + at, 0 };
        while (at + name.len < v.len && name.at[name.len] != ',')
            name.len++;
        uint64_t bit = bit_of(name);
        if (bit == 0 || (*fields & bit) != 0)
            return "names of fields joined by commas, each once, as list and show have them: id, "
                   "state, created, expires, subject, description, ...";
        *fields |= bit;
        at += name.len + 1;
    }
    return NULL;
}

bool list_fields_have_names(uint64_t fields)
{
    static const char ending[] = "_name";

    for (size_t i = 0; i < NAMES; i++) {
        size_t len = strlen(names[i]), tail = sizeof(ending) - 1;
        if ((fields & UINT64_C(1) << i) != 0 && len > tail &&
            strcmp(names[i] + len - tail, ending) == 0)
            return true;
    }
    return false;
}

/* Return where an argument ends that begins here: before a space that is in no quotes, or the end. */
static size_t end_of(const struct text *t, size_t at)
{
    for (bool quoted = false; at < t->len && (quoted || t->at[at] != ' '); at++) {
        if (t->at[at] == '"')
            quoted = !quoted;
        else if (quoted && t->at[at] == '\\')
            at++;
    }
    return at;
}

void list_fields_keep(struct text *t, size_t begin, uint64_t fields)
{
    size_t kept = begin + 1; /* its '*' */

    t->len -= t->len > kept && t->at[t->len - 1] == '\n';
    for (size_t at = kept, end; at < t->len; at = end) {
        struct slice key = { t->at + at + 1, 0 };
        end = end_of(t, at + 1);
        while (at + 1 + key.len < end && key.at[key.len] != '=')
            key.len++;
        if ((bit_of(key) & fields) == 0)
            continue;
        memmove(t->at + kept, t->at + at, end - at);
        kept += end - at;
    }
    t->len = kept;
    text_addc(t, '\n');
}
