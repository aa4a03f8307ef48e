/* SPDX-License-Identifier: Apache-2.0 */
/* A page of the feed: first the change that the host has, of which there is only the place, then those behind it.
 *
 * A change is 32 KiB at most, so a page of a few is bounded by their number.  Who finds one of them full is behind, and
 * asks for many: these end with the 16th large one, which costs the database more to find out.  No state; any thread. */
#ifndef JETON_PLUGIN_FLEET_PAGE_H
#define JETON_PLUGIN_FLEET_PAGE_H

#include "plugin/fleet/change.h"
#include "plugin/fleet/query.h"
#include "plugin/fleet/value.h"
#include "proto/fleet.h"

enum { PAGE_PAUSE_MOST_MS = 500 };

struct page_row {
    struct fleet_place place;
    struct change_row change; /* slices of the answer */
};

/* What is asked for; the texts live as long as this. */
struct page_question {
    enum query query;
    int rows;
    char texts[2][24];
    const char *parameters[2];
};

/* Ask for what is behind the change with this serial: a few changes, or `many` rows at most; 0: a few. */
void page_ask(struct page_question *q, uint64_t serial, int many);

/* True if the answer may be one: of this form, and no longer than was asked for. */
bool page_is_answer(const PGresult *r, int rows);

/* Read a row; false: it has no place, or no event. */
bool page_read(const PGresult *r, int row, struct page_row *read);

/* True if there may be more than this page has. */
bool page_is_full(const PGresult *r, int rows);

/* Return how long a host that got a page waits before it says so: four times as long as the page took, as others wait for
 * theirs meanwhile. */
static inline int64_t page_pause_ms(int64_t took_ns)
{
    const int64_t pause = 4 * took_ns / 1000000;

    return pause < PAGE_PAUSE_MOST_MS ? pause : PAGE_PAUSE_MOST_MS;
}

#endif
