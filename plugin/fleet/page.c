/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/page.h"

#include <stdio.h>

enum { COLUMN_SERIAL, COLUMN_NONCE, COLUMN_EVENT, COLUMN_DIGEST, COLUMN_CLAIMS, COLUMN_COUNT };

void page_ask(struct page_question *q, uint64_t serial, int many)
{
    q->query = many > 0 ? QUERY_FEED_MANY : QUERY_FEED;
    q->rows = many > 0 ? many : 1 + QUERY_LARGE_MOST;
    snprintf(q->texts[0], sizeof(q->texts[0]), "%llu", (unsigned long long)serial);
    snprintf(q->texts[1], sizeof(q->texts[1]), "%d", q->rows);
    q->parameters[0] = q->texts[0];
    q->parameters[1] = q->texts[1];
}

bool page_is_answer(const PGresult *r, int rows)
{
    return PQnfields(r) == COLUMN_COUNT && PQntuples(r) <= rows;
}

bool page_read(const PGresult *r, int row, struct page_row *read)
{
    *read = (struct page_row){ .change = { .event = value_column(r, row, COLUMN_EVENT),
                                           .digest = value_column(r, row, COLUMN_DIGEST),
                                           .claims = value_column(r, row, COLUMN_CLAIMS) } };
    return read->change.event.len > 0 &&
           value_int8(value_column(r, row, COLUMN_SERIAL), &read->place.serial) &&
           read->place.serial > 0 &&
           value_uuid(value_column(r, row, COLUMN_NONCE), read->place.nonce);
}

bool page_is_full(const PGresult *r, int rows)
{
    int large = 0;

    for (int i = 0; i < PQntuples(r); i++)
        large += PQgetlength(r, i, COLUMN_DIGEST) > QUERY_LARGE_BYTES;
    return PQntuples(r) == rows || large >= QUERY_LARGE_MOST;
}
