/* SPDX-License-Identifier: Apache-2.0 */
/* Append batches to a log whose bodies follow from their serials and the number of the attempt, and
 * check what is read. */
#ifndef JETON_TEST_WAL_BATCHES_H
#define JETON_TEST_WAL_BATCHES_H

#include "daemon/store/wal.h"
#include "tests/unit/support/directory.h"

enum { NUMBERED_MAX = 9000, SERIALS_MAX = 1024 };

static struct problem problem; /* of the last call */

/* Return the number of serials in the batch that begins with one. */
static uint32_t numbered_count(uint64_t first)
{
    return 1 + (uint32_t)(first % 3);
}

/* Write a body of many or few lines. */
static struct slice numbered_body(uint64_t first, unsigned attempt)
{
    static char body[NUMBERED_MAX];
    struct text t = text_in(body, sizeof(body));
    uint64_t lines = 1 + first * 7919 % 199 * (first * 31 % 5 / 3);

    for (uint64_t i = 0; i < lines; i++)
        text_addf(&t, "serial=%llu attempt=%u line=%llu\n", (unsigned long long)first, attempt,
                  (unsigned long long)i);
    return text_slice(&t);
}

static enum wal_result append_numbered(struct wal *w, unsigned attempt)
{
    uint64_t first = wal_next(w);

    return wal_append(w, numbered_count(first), numbered_body(first, attempt), &problem);
}

/* What was read: in which attempt each batch was, by its first serial. */
struct seen {
    struct wal_visitor visitor;
    uint64_t next; /* serial; 0: nothing was read */
    unsigned attempt[SERIALS_MAX];
    bool wrong;
};

static bool see(struct wal_visitor *visitor, uint64_t first, uint32_t count, struct slice body)
{
    struct seen *s = (struct seen *)visitor;
    unsigned attempt = 0;
    char line[64] = "";

    memcpy(line, body.at, body.len < sizeof(line) - 1 ? body.len : sizeof(line) - 1);
    s->wrong = s->wrong || (s->next != 0 && first != s->next) || first >= SERIALS_MAX ||
               count != numbered_count(first) ||
               sscanf(line, "serial=%*u attempt=%u", &attempt) != 1 ||
               !slice_equal(body, numbered_body(first, attempt));
    s->next = first + count;
    s->attempt[first % SERIALS_MAX] = attempt;
    return true;
}

/* Read batches from a serial on.  False: the log refuses. */
static bool read_numbered(struct wal *w, uint64_t from, struct seen *seen)
{
    *seen = (struct seen){ .visitor.visit = see };
    bool done = wal_read(w, from, &seen->visitor, &problem);
    if (seen->next == 0)
        seen->next = wal_next(w);
    if (seen->wrong)
        fail_msg("a batch that was not appended before serial %llu",
                 (unsigned long long)seen->next);
    return done;
}

#endif
