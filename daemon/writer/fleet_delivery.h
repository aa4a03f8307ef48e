/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the fleet that are to be made together, as the agent brings them: in the order in which they came, in
 * little memory.  The session fills one, and gives it to the writer's thread with `fleet end`; whoever has it frees
 * it.  It holds the right to bring a batch meanwhile (fleet_status.h). */
#ifndef JETON_DAEMON_WRITER_FLEET_DELIVERY_H
#define JETON_DAEMON_WRITER_FLEET_DELIVERY_H

#include "daemon/store/record.h"
#include "daemon/writer/fleet_status.h"

enum {
    FLEET_DELIVERY_MAX = 5001, /* changes, and ... */
    FLEET_DELIVERY_BYTES = 8 * 1024 * 1024,
};

enum fleet_change_kind { FLEET_CHANGE_PUT, FLEET_CHANGE_DENY, FLEET_CHANGE_DROP };

struct fleet_change {
    uint32_t size; /* of this and what follows it, in bytes */
    uint8_t kind;  /* enum fleet_change_kind */
    bool enables;  /* of a put: it ends a disable */
    struct record
        record; /* as far as its texts go: record_copy() reads no more of it.  Of a drop, its digest */
};

struct fleet_delivery {
    struct fleet_status *status;
    uint64_t number;              /* of who brings it */
    bool follows;                 /* another one holds that by now, with what follows of it */
    struct fleet_delivery *spare; /* owned; NULL: none */
    bool snapshot;
    uint64_t most; /* of a snapshot: tokens that there may be; 0: who knows */
    bool denies;   /* some change denies or drops */
    bool has_last; /* of a snapshot, of all its parts: */
    uint8_t last[DIGEST_SIZE];
    struct fleet_place from; /* unless it is a snapshot: where it continues */
    struct problem problem;  /* STATUS_OK; or why it cannot be applied any more */
    size_t count;
    size_t bytes, capacity;
    uint8_t *changes;
};

/* Make an empty one, which holds a number from then on.  NULL, and the number is not held: no memory. */
struct fleet_delivery *fleet_delivery_new(struct fleet_status *status, uint64_t number);

/* Free it, and give the right back, unless another one has that; NULL is allowed. */
void fleet_delivery_free(struct fleet_delivery *b);

/* Make one for the next part of a snapshot, while this one is carried out: the right is the new one's.  NULL: no
 * memory, and nothing was changed. */
struct fleet_delivery *fleet_delivery_follow(struct fleet_delivery *b);

/* Return the part before it, which was carried out. */
void fleet_delivery_return(struct fleet_delivery *b, struct fleet_delivery *done);

/* True if a change denies its token, or drops it. */
bool fleet_change_denies(const struct fleet_change *c);

/* Add a change.  STATUS_TOO_LARGE: there are as many as there may be; STATUS_INTERNAL: no memory. */
enum status fleet_delivery_add(struct fleet_delivery *b, enum fleet_change_kind kind, bool enables,
                               const struct record *record);

/* Forget the changes; the number is held on. */
void fleet_delivery_clear(struct fleet_delivery *b);

/* Return the change behind this one (NULL: the first), or NULL. */
const struct fleet_change *fleet_delivery_next(const struct fleet_delivery *b,
                                               const struct fleet_change *change);

#endif
