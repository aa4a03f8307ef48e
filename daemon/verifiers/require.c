/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/verifiers/require.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/name_lookup.h"
#include "daemon/verifiers/arguments.h"
#include "proto/limits.h"
#include "proto/scopes.h"

enum { IDS_MAX = 16 };

struct ids {
    size_t count;
    uint32_t id[IDS_MAX];
    const char *failed; /* a name that could not be looked up, in the arguments; NULL: none */
    int error;          /* why */
};

struct names {
    size_t count;
    char *name[ARGUMENT_LIST_MAX];
};

struct requirement {
    char scopes[SCOPES_TEXT_MAX + 1];
    struct names subjects;
    struct names issuers;
    struct ids users;
    struct ids groups;
    int64_t min_remaining;
};

/* -- arguments ------------------------------------------------------------------------------- */

static bool read_scopes(void *field, struct slice value)
{
    struct text set = text_in(field, SCOPES_TEXT_MAX);

    if (value.len == 0 || scopes_normalise(value, &set) != NULL)
        return false;
    set.at[set.len] = '\0';
    return true;
}

static bool read_name(void *field, struct slice value)
{
    struct names *names = field;

    if (value.len == 0 || value.len > SUBJECT_MAX || names->count == ARGUMENT_LIST_MAX)
        return false;
    names->name[names->count] = strndup(value.at, value.len);
    return names->name[names->count] != NULL && ++names->count > 0;
}

static bool add_id(struct ids *ids, uint64_t id)
{
    if (ids->count == IDS_MAX)
        return false;
    ids->id[ids->count++] = (uint32_t)id;
    return true;
}

/* Read a name or a number. */
static bool read_id(struct ids *ids, struct slice value, bool (*find)(const char *name, id_t *id))
{
    uint64_t number;
    id_t id;

    if (number_parse(value, UINT32_MAX - 1, &number))
        return add_id(ids, number);
    if (find(value.at, &id))
        return add_id(ids, id);
    ids->error = errno;
    ids->failed = ids->error != 0 ? value.at : NULL;
    return false;
}

static bool read_user(void *field, struct slice value)
{
    return read_id(field, value, name_lookup_user);
}

static bool read_group(void *field, struct slice value)
{
    return read_id(field, value, name_lookup_group);
}

#define AT(member) offsetof(struct requirement, member)

static const struct argument_row rows[] = {
    { "scope", read_scopes, AT(scopes), "scopes joined by commas", false, false },
    { "subject", read_name, AT(subjects), "1 to 256 bytes, at most 16 times", true, false },
    { "issuer", read_name, AT(issuers), "1 to 256 bytes, at most 16 times", true, false },
    { "min_remaining", argument_duration, AT(min_remaining), "a duration such as 30s or 15m", false,
      false },
    { "peer_uid", read_user, AT(users), "a user of this machine, at most 16 times", true, false },
    { "peer_gid", read_group, AT(groups), "a group of this machine, at most 16 times", true,
      false },
};

static void require_close(void *instance)
{
    struct requirement *r = instance;

    for (size_t i = 0; i < r->subjects.count; i++)
        free(r->subjects.name[i]);
    for (size_t i = 0; i < r->issuers.count; i++)
        free(r->issuers.name[i]);
    free(r);
}

/* Say so if a name service did not answer: what it was asked for may exist. */
static bool blame_name_service(const struct ids *ids, const char *key, const char *kind,
                               char *problem, size_t size)
{
    if (ids->failed == NULL)
        return false;
    snprintf(problem, size, "%s=: the %s %.40s cannot be looked up: %s", key, kind, ids->failed,
             strerror(ids->error));
    return true;
}

static int require_open(void **instance, const struct jeton_argument *arguments, size_t count,
                        char *problem, size_t size)
{
    struct requirement *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        snprintf(problem, size, "no memory");
        return -1;
    }
    if (count == 0)
        snprintf(problem, size,
                 "say what is required: scope=, subject=, issuer=, min_remaining=, "
                 "peer_uid= or peer_gid=");
    if (count > 0 &&
        arguments_read(rows, sizeof(rows) / sizeof(rows[0]), r, arguments, count, problem, size)) {
        *instance = r;
        return 0;
    }
    bool unknown = blame_name_service(&r->users, "peer_uid", "user", problem, size) ||
                   blame_name_service(&r->groups, "peer_gid", "group", problem, size);
    require_close(r);
    return unknown ? REQUIRE_LOOKUP_FAILED : -1;
}

bool require_needs_identity(const void *instance)
{
    const struct requirement *r = instance;

    return r->scopes[0] != '\0' || r->subjects.count > 0 || r->issuers.count > 0 ||
           r->min_remaining > 0;
}

bool require_needs_groups(const void *instance)
{
    const struct requirement *r = instance;

    return r->groups.count > 0;
}

struct slice require_scopes_only(const void *instance)
{
    const struct requirement *r = instance;
    bool only = r->scopes[0] != '\0' && r->subjects.count == 0 && r->issuers.count == 0 &&
                r->min_remaining == 0 && r->users.count == 0 && r->groups.count == 0;

    return only ? slice_of(r->scopes) : (struct slice){ NULL, 0 };
}

/* -- verifying ------------------------------------------------------------------------------- */

static bool has_id(const struct ids *ids, uint32_t id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->id[i] == id)
            return true;
    return false;
}

static bool has_name(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

static bool in_a_group(const struct ids *groups, const struct jeton_question *q)
{
    if (has_id(groups, q->peer_gid))
        return true;
    for (size_t i = 0; i < q->peer_group_count; i++)
        if (has_id(groups, q->peer_groups[i]))
            return true;
    return false;
}

static int fail(struct jeton_answer *a, enum jeton_reason reason, const char *message)
{
    a->reason = reason;
    snprintf(a->message, sizeof(a->message), "%s", message);
    return JETON_VERIFIER_FAIL;
}

static int judge_identity(const struct requirement *r, const struct jeton_question *q,
                          struct jeton_answer *a)
{
    const struct jeton_identity *who = q->identity;

    if (who == NULL)
        return require_needs_identity(r) ? fail(a, JETON_REASON_UNKNOWN, "") : JETON_VERIFIER_PASS;
    if (r->subjects.count > 0 && !has_name(&r->subjects, who->subject))
        return fail(a, JETON_REASON_SUBJECT, "");
    if (!scopes_include(slice_of(who->scopes), slice_of(r->scopes)))
        return fail(a, JETON_REASON_SCOPE, "");
    if (r->issuers.count > 0 && !has_name(&r->issuers, who->issuer))
        return fail(a, JETON_REASON_DENIED, "this service does not take tokens of that issuer");
    if (r->min_remaining > 0 && who->expires != JETON_VERIFIER_NEVER &&
        who->expires - q->now < r->min_remaining)
        return fail(a, JETON_REASON_DENIED, "the token ends too soon for this service");
    return JETON_VERIFIER_PASS;
}

static int require_verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    const struct requirement *r = instance;

    if (r->users.count > 0 && !has_id(&r->users, q->peer_uid))
        return fail(a, JETON_REASON_DENIED, "this service is not for the user that asks");
    if (r->groups.count > 0 && !in_a_group(&r->groups, q))
        return fail(a, JETON_REASON_DENIED, "this service is not for the groups of who asks");
    return judge_identity(r, q, a);
}

const struct jeton_verifier require_verifier = {
    .abi = JETON_VERIFIER_ABI,
    .name = "require",
    .open = require_open,
    .verify = require_verify,
    .close = require_close,
};
