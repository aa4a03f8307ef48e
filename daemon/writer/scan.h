/* SPDX-License-Identifier: Apache-2.0 */
/* A request that reads many records: list, show, export, journal, watch; or changes many (bulk.h).
 *
 * It travels between its session, which owns it until the reader has taken a chunk, and the
 * writer's thread, which fills the next one (scan_run.h).  So it goes at the reader's pace, its
 * memory is one chunk, and changes and other scans get their turn between two chunks.
 *
 * A list is no snapshot: what is created while it runs appears at its end, what is deleted
 * before the list gets there does not appear; everything else appears exactly once. */
#ifndef JETON_DAEMON_WRITER_SCAN_H
#define JETON_DAEMON_WRITER_SCAN_H

#include <stdatomic.h>

#include "daemon/base/mailbox.h"
#include "daemon/store/store_bans.h"
#include "daemon/writer/list_filter.h"
#include "daemon/writer/list_order.h"
#include "daemon/writer/list_walk.h"
#include "proto/position.h"
#include "proto/request.h"

enum { SCAN_CHUNK = 4 * LINE_MAX_BYTES };

struct bulk;
struct change_request_context;

struct scan {
    struct mail mail; /* first: mail is the scan */
    struct mailbox *reply_to;
    void *sender; /* for the thread of `reply_to` */
    enum verb verb;
    atomic_bool stop; /* set by the sender at any time: end with what was sent so far */

    /* the question */
    uint64_t given;      /* KEY_BITs */
    uint8_t id[ID_SIZE]; /* of show, or after= of list */
    uint64_t limit;
    uint64_t fields; /* list_fields.h; 0: all */
    enum list_sort sort;
    bool back;         /* order=desc */
    bool has_position; /* behind which list goes on: after= that is no identifier */
    struct list_key position;
    struct list_filter filter;
    struct bulk *bulk; /* the change of many tokens that is asked for; NULL: none */

    /* how far it is */
    bool begun;
    bool waits; /* its answer is held back */
    struct list_walk walk;
    struct list_order *order; /* of a list that is not in the order of creation; NULL: not yet */
    bool arranged;            /* what is in there is being sent */
    struct position entry; /* of journal and watch: the last entry sent, of the epoch asked for */
    bool at_bans;          /* export: all tokens are sent */
    struct store_place place; /* then the next ban */
    uint64_t count;           /* lines sent */
    uint8_t last[ID_SIZE];    /* the last token sent */

    /* the chunk */
    bool finished; /* its last line is the final one */
    size_t len;
    char bytes[SCAN_CHUNK];
};

/* Read a request; NULL: *problem says what is wrong with it. */
struct scan *scan_new(const struct request *r, struct problem *problem);

/* Read a change of many tokens: its filter, and what is to be done.  NULL, likewise. */
struct scan *scan_new_of_change(const struct request *r,
                                const struct change_request_context *context,
                                struct problem *problem);
void scan_free(struct scan *s);

#endif
