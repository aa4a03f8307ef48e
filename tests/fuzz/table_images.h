/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as the daemon makes them, for fuzz_table.c to change. */
#ifndef JETON_FUZZ_TABLE_IMAGES_H
#define JETON_FUZZ_TABLE_IMAGES_H

#include "daemon/table/generation.h"
#include "proto/token.h"
#include "tests/fuzz/fuzz.h"

FUZZ_HARNESS_BEGINS

enum { TOKENS = 12, QUESTIONS = TOKENS + 2, ARENA = 512, MORE = 4096 };

#define NOW INT64_C(1800000000)
#define UPTIME INT64_C(1000000000000)

/* Three tables: the slots of one are a power of two; the third is of a fleet's layout, and some of its tokens are the
 * fleet's. */
enum { POWER = 1 << TABLE_BITS_MIN, ODD = POWER + 3 };
enum { IMAGE_MAX = TABLE_HEADER_SIZE + sizeof(struct table_slot) * ODD + ARENA };

static struct {
    _Alignas(64) char bytes[IMAGE_MAX];
    size_t size;
} good_image[3];

static void value_numbered(unsigned number, char value[40])
{
    snprintf(value, 40, "fuzzed-value-%020u", number);
}

/* Add a token; every state occurs.  Values from TOKENS on are in no table. */
static void add(struct generation *g, unsigned number)
{
    struct record r = { .serial = number + 1, .created = 1, .expires = TIME_NEVER };
    char value[40];

    value_numbered(number, value);
    token_digest(slice_of(value), r.digest);
    r.revoked = number % 6 == 1 ? 5 : 0;
    r.disabled = number % 6 == 2 ? 5 : 0;
    r.activates = number % 6 == 3 ? NOW + 60 : TIME_ALWAYS;
    r.expires = number % 6 == 4 ? NOW - 1 : number % 6 == 5 ? NOW + 1 : TIME_NEVER;
    record_set_subject(&r, slice_of(number % 2 == 0 ? "alice" : "bob"));
    record_set_scopes(&r, slice_of(number % 3 == 0 ? "read,write" : "read"));
    record_set_group(&r, slice_of(g->table.has_fleet && number % 4 != 0 ? "web" : ""));
    MUST(generation_can_add(g, 1, r.subject_len + r.scopes_len));
    generation_put(g, &r);
}

/* Make a table as the daemon does, but with a shorter arena. */
static void make_good_image(unsigned i, uint32_t slots, bool fleet)
{
    struct generation *g = generation_new("jtn", 1, slots, ARENA);

    MUST(g != NULL && string_table_reserve(&g->strings, &g->table, 2 * TOKENS));
    if (fleet) {
        g->header->layout = TABLE_LAYOUT_FLEET;
        g->header->seed[0] = UINT64_C(0x9e3779b97f4a7c15);
        g->header->seed[1] = UINT64_C(0xd1b54a32d192ed03);
        table_set_layout(&g->table, TABLE_LAYOUT_FLEET);
        g->header->monotonic.until = UPTIME + INT64_C(60000000000);
        g->header->monotonic.keep = UPTIME + INT64_C(3600000000000);
    }
    for (unsigned number = 0; number < TOKENS; number++)
        add(g, number);
    g->header->lease = UPTIME + INT64_C(5000000000);
    MUST(g->table.total_size <= IMAGE_MAX);
    good_image[i].size = g->table.total_size;
    memcpy(good_image[i].bytes, g->header, good_image[i].size);
    generation_free(g);
}

FUZZ_HARNESS_ENDS

#endif
