/* SPDX-License-Identifier: Apache-2.0 */
/* What scenarios share: tokens in versions, each with fields of its own, so that a mixture of two is
 * recognised; and the tests of a scenario: as it is, and with each mutant. */
#ifndef JETON_EXPLORE_FIXTURE_H
#define JETON_EXPLORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/table/lookup.h"
#include "proto/token.h"
#include "tests/explore/explore.h"

enum { TORN = -1, ABSENT = 0, DENIED = 10 }; /* beside versions, from 1 on; a denial adds DENIED */

#define EXPIRES INT64_C(2000000000) /* of version 0 */

static struct token_table *table;

static inline const char *value_of(unsigned token)
{
    static const char *const values[] = {
        "explored-value-of-the-first-of-some-tokens",
        "explored-value-of-the-other-of-some-tokens",
    };

    return values[token];
}

static inline void digest_of(unsigned token, uint8_t digest[DIGEST_SIZE])
{
    static uint8_t digests[2][DIGEST_SIZE];
    static bool known[2];
    uint8_t home[DIGEST_SIZE];

    if (!known[token])
        token_digest(slice_of(value_of(token)), digests[token]);
    known[token] = true;
    memcpy(digest, digests[token], DIGEST_SIZE);
    if (token > 0)
        digest_of(0, home);
    memcpy(digest, home, token > 0 ? sizeof(uint32_t) : 0); /* all begin at the same slot */
}

static inline struct record record_of(unsigned token, int version)
{
    struct record r = {
        .activates = version,
        .expires = EXPIRES + version,
        .subject_len = 2,
        .scopes_len = 2,
    };

    digest_of(token, r.digest);
    snprintf(r.texts, sizeof(r.texts), "u%ds%d", version, version);
    return r;
}

static inline void put(unsigned token, int version)
{
    struct record r = record_of(token, version);

    token_table_put(table, &r);
}

static inline void deny(unsigned token)
{
    uint8_t digest[DIGEST_SIZE];

    digest_of(token, digest);
    explore_check(token_table_deny(table, digest, SLOT_REVOKED, NULL), "no token to deny");
}

/* True if the table's text is this letter and the version. */
static inline bool is_text(const struct table *t, uint32_t reference, char letter, int64_t version)
{
    struct slice s;

    return table_string(t, reference, &s) && s.len == 2 && s.at[0] == letter &&
           s.at[1] == '0' + version;
}

/* Return the version of a token in the table, plus DENIED if it is; ABSENT or TORN.  Fail if it is a
 * mixture. */
static inline int read_version(const struct table *t, unsigned token)
{
    uint8_t digest[DIGEST_SIZE];
    struct table_entry e;

    digest_of(token, digest);
    enum table_found found = table_find(t, digest, &e);
    if (found != TABLE_HIT)
        return found == TABLE_TORN ? TORN : ABSENT;
    explore_check(e.expires == EXPIRES + e.activates && is_text(t, e.subject, 'u', e.activates) &&
                      is_text(t, e.scopes, 's', e.activates),
                  "a mixture of two versions");
    return (int)e.activates + (e.flags & SLOT_REVOKED ? DENIED : 0);
}

/* -- tests ------------------------------------------------------------------------------------ */

static inline void explored_passes(const struct explore_scenario *s)
{
    struct explore_result r = explore(s, NULL);

    printf("%s: all %llu executions, %llu more cut short, the longest of %u accesses\n", s->name,
           (unsigned long long)r.executions, (unsigned long long)r.cut, r.longest);
    if (r.failed)
        fail_msg("%s: %s", s->name, r.failure);
    assert_true(r.executions > 1);
}

static inline void mutants_are_caught(const struct explore_scenario *s,
                                      const struct explore_mutant *mutants, size_t count)
{
    unsigned missed = 0;

    for (size_t i = 0; i < count; i++) {
        struct explore_result r = explore(s, &mutants[i]);
        bool caught = r.failed && r.applied > 0;
        missed += !caught;
        printf("%s: %s: %s after %llu executions%s%s\n", s->name, mutants[i].name,
               r.applied == 0 ? "NOT APPLIED" :
               caught         ? "caught" :
                                "MISSED",
               (unsigned long long)r.executions, r.failed ? ": " : "", r.failure);
    }
    assert_int_equal(missed, 0);
}

#define MUTANTS_ARE_CAUGHT(scenario, mutants) \
    mutants_are_caught(scenario, mutants, sizeof(mutants) / sizeof((mutants)[0]))

#endif
