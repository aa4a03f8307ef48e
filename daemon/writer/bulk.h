/* SPDX-License-Identifier: Apache-2.0 */
/* A change of every token that a filter selects.
 *
 * The worker makes it of a request, and it travels as a scan, whose steps collect the identifiers
 * (bulk_run.h).  What is collected is of different moments; so the writer notes meanwhile which tokens
 * are changed (touched.h), judges all of these again at the end, by their records, and makes one
 * transaction of those that are meant then, if they are as many as count= says. */
#ifndef JETON_DAEMON_WRITER_BULK_H
#define JETON_DAEMON_WRITER_BULK_H

#include "daemon/writer/change.h"

enum {
    BULK_MAX = 10000, /* tokens of one request, each of which has a struct change meanwhile */
    BULK_TOUCHED_MAX = 4 * BULK_MAX, /* ... and those that are changed while they are collected */
};

struct bulk {
    struct change *want; /* what is to be done to each token; its id is not set */
    bool has_count;
    uint64_t count;
    int64_t now; /* when it was asked: what expires meanwhile makes no difference */

    /* how far it is */
    bool begun;
    bool done;        /* but for the answer, which may be held back */
    uint64_t matched; /* tokens that were meant when they were looked at */
    size_t touched;   /* of the writer's list, where it began */

    /* changes of the fleet's tokens among them (fleet_up.h) */
    struct mail_list fleet;
    bool fleet_asked;
    size_t waiting; /* that are not settled */
    struct change_fleet_outcome fleet_outcome;

    /* the outcome */
    bool confirmed;   /* they are as many as `count` */
    bool narrows;     /* a token passes in fewer cases */
    bool has_refused; /* it failed because of this token */
    uint64_t changed; /* of those that matched; the others were so already */
    uint8_t refused[ID_SIZE];
    struct problem problem; /* STATUS_OK: none but that it may not be confirmed */
    uint16_t refusal_len;
    char refusal[CHANGE_REFUSAL_MAX]; /* fields of the reply: why that token's change is refused */

    size_t ids;
    uint8_t id[BULK_TOUCHED_MAX][ID_SIZE];
};

/* Make one of a change without an identifier, which it then owns.  NULL: no memory. */
struct bulk *bulk_new(struct change *want, int64_t now);
void bulk_free(struct bulk *b);

/* Make the change of one of its tokens.  NULL: no memory. */
struct change *bulk_change(const struct bulk *b, const uint8_t id[ID_SIZE]);

#endif
