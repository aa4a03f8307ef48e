/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's half of the table: makes it, changes it, hands it out.
 *
 * Threads.  Changes are made one at a time under a mutex that is never held across I/O, so that a
 * denial takes effect even while the disk hangs.  Verifying threads take no lock: each enters with
 * its reader number, uses the table it got, and leaves; a table that was replaced is unmapped only
 * when no reader is inside it.
 *
 * Denials are sticky: publishing a record adds REVOKED and DISABLED to a slot but never takes them
 * away; only publish_allow() ends a disable.  So what was denied in memory stays denied, whatever
 * the disk says. */
#ifndef JETON_PUBLISH_H
#define JETON_PUBLISH_H

#include "daemon/table/pending_deny.h"
#include "daemon/store/record.h"
#include "proto/verdict.h"

enum { PUBLISH_READERS_MAX = 65 };

struct publisher;

struct publish_figures {
    uint64_t tokens;
    uint64_t slots;
    uint64_t bytes;
    uint64_t generation;
};

/* An empty table for at least `tokens` tokens.  NULL and errno on failure. */
struct publisher *publish_new(const char *prefix, uint64_t tokens);
void publish_free(struct publisher *p);

/* Whether `tokens` more tokens whose strings take `bytes` fit. */
bool publish_has_room(struct publisher *p, uint64_t tokens, uint64_t bytes);

/* Makes room for `tokens` more tokens whose strings take `bytes`: what follows cannot then fail.
 * 0 or -errno. */
int publish_reserve(struct publisher *p, uint64_t tokens, uint64_t bytes);

/* Replaces the table by one that says the same, so that all who have it ask for it again.  Room that
 * was reserved stays.  0 or -errno. */
int publish_recall(struct publisher *p);

/* Adds the token, or changes what the table says of it.  Room must have been reserved. */
void publish_put(struct publisher *p, const struct record *record);

/* The same for some at once. */
void publish_put_all(struct publisher *p, const struct record *records, size_t count);

void publish_remove(struct publisher *p, const uint8_t id[ID_SIZE]);

/* Sets SLOT_REVOKED or SLOT_DISABLED at once; false if there is no such token.  With an intent that
 * stands until publish_denied(), whatever is allowed in between: what allows was asked for before,
 * as one writer answers in the order in which it was asked. */
bool publish_deny(struct publisher *p, const uint8_t id[ID_SIZE], uint32_t flag,
                  struct intent *intent);
void publish_denied(struct publisher *p, struct intent *intent);

/* Ends a disable, unless another is intended. */
void publish_allow(struct publisher *p, const uint8_t id[ID_SIZE]);

/* The slot's flags (0: no such token), its whole digest and the time of its last use (0: none). */
uint32_t publish_look(struct publisher *p, const uint8_t id[ID_SIZE],
                      uint8_t digest[DIGEST_SIZE], int64_t *used);

enum { PUBLISH_LEASE_SECONDS = 5 };

/* Renews the lease; called every second by a thread that never touches the disk. */
void publish_renew(struct publisher *p);

/* Moves some more of the table into huge pages, so that looking tokens up takes less; false: it is
 * done with that.  Of one thread only, which may wait for some milliseconds. */
bool publish_condense(struct publisher *p);

/* From now on clients do not trust the table. */
void publish_close(struct publisher *p);

/* A new read-only descriptor of the current table, to be sent and closed; -errno. */
int publish_descriptor(struct publisher *p, uint64_t *size, uint64_t *generation);

struct publish_figures publish_figures(struct publisher *p);

/* Between these two a reader may use the table it was given.  `reader` < PUBLISH_READERS_MAX is
 * that thread's own number. */
const struct generation *publish_enter(struct publisher *p, unsigned reader);
void publish_leave(struct publisher *p, unsigned reader);

/* The table of the generation entered. */
const struct table *publish_table(const struct generation *g);

/* Notes that the token in a slot was used; coarse: about a minute. */
void publish_touch(const struct generation *g, uint32_t slot, int64_t now);

/* The same by id, for a token that is active; does nothing for any other. */
void publish_touch_id(struct publisher *p, const uint8_t id[ID_SIZE], int64_t now);

/* The current table as it is: no change is made until it is released. */
const struct generation *publish_hold(struct publisher *p);
void publish_release(struct publisher *p);

/* Waits until the change that is being made is made: then nothing reads torn for now. */
void publish_settle(struct publisher *p);

#endif
