/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/query.h"

static const struct query_row rows[QUERY_COUNT] = {
    [QUERY_POLL] = { "poll",
                     "select schema_version, newest, beat_age_ms, beat, known "
                     "from jeton.poll($1::bigint, $2::uuid)",
                     2 },
    [QUERY_CONFIRM] = { "confirm", "select jeton.confirm($1::bigint)", 1 },
    /* Of the first row, which the host has, it needs the place alone. */
    [QUERY_FEED] = { "feed",
                     "select serial, nonce, event, case when serial > $1::bigint then digest end, "
                     "case when serial > $1::bigint then claims end from jeton.feed "
                     "where serial >= $1::bigint order by serial limit $2::int",
                     2, true },
    /* It ends with its 16th large row.  Serials have no gaps, so no others than these can be in it, unless its place is not
     * in this history: then there are none. */
    [QUERY_FEED_MANY] = { "feed_many",
                          "select serial, nonce, event, "
                          "case when serial > $1::bigint then digest end, "
                          "case when serial > $1::bigint then claims end from jeton.feed "
                          "where serial >= $1::bigint "
                          "and exists (select from jeton.feed where serial = $1::bigint) "
                          "order by serial limit coalesce((select serial - $1::bigint + 1 "
                          "from jeton.large where serial > $1::bigint "
                          "and serial < least($1::bigint, 9000000000000000000) + $2::int "
                          "order by serial offset 15 limit 1), $2::int)",
                          2, true },
    [QUERY_NEWEST] = { "newest", "select serial, nonce from jeton.place()", 0 },
    [QUERY_PLACE] = { "place", "select serial, nonce from jeton.place($1::bigint)", 1 },
    [QUERY_HORIZON] = { "horizon", "select jeton.horizon()", 0 },
    [QUERY_SEEN] = { "seen",
                     "select jeton.seen($1::bigint, $2::uuid, $3::text, $4::bigint, $5::bigint, "
                     "$6::text)",
                     6 },
    [QUERY_PUT] = { "put",
                    "select serial, nonce from jeton.put($1::text, decode($2, 'hex'), $3::text, "
                    "$4::text, $5::bigint, $6::bigint, $7::bigint, $8::text, $9::text, "
                    "$10::text, decode($11, 'hex'), $12::bigint)",
                    12 },
    [QUERY_DENY] = { "deny",
                     "select serial, nonce from jeton.deny($1::text, array(select decode(d, 'hex') "
                     "from unnest($2::text[]) d), $3::text, $4::bigint)",
                     4 },
    [QUERY_CONFIRMED] = { "confirmed",
                          "select seen, hosts from jeton.confirmed($1::bigint, $2::text)", 2 },
    [QUERY_GROUPS] = { "groups",
                       "select array_to_string(array(select g from unnest(groups) g order by g "
                       "collate \"C\"), ',') from jeton.hosts where host = session_user",
                       0 },
    [QUERY_TOUCH] = { "touch",
                      "select jeton.touch(array(select decode(d, 'hex') from unnest($1::text[]) "
                      "d), $2::bigint[])",
                      2 },
};

const char query_snapshot[] =
    "begin isolation level repeatable read read only; "
    /* A scan and a sort, which are faster here than the index that the planner prefers. */
    "set local enable_indexscan = off; set local work_mem = '64MB'; "
    "select serial, nonce, (select reltuples::bigint from pg_class where oid = "
    "'jeton.token'::regclass) from jeton.place(); "
    "copy (select digest, claims from jeton.snapshot order by digest) to stdout (format binary); "
    "commit";

const struct query_row *query_row(enum query query)
{
    return &rows[query];
}
