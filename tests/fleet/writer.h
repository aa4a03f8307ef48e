/* SPDX-License-Identifier: Apache-2.0 */
/* Who makes changes: a connection of a host that issues, one call at a time, in the event loop. */
#ifndef JETON_TESTS_FLEET_WRITER_H
#define JETON_TESTS_FLEET_WRITER_H

#include "proto/fleet.h"
#include "tests/fleet/simulation.h"

enum { WRITER_BATCH_MAX = 10000 };

struct writer;

/* What became of a call. */
struct writer_call {
    int64_t called, answered; /* nanoseconds; answered 0: not yet */
    uint64_t serial;          /* of its last change */
    bool failed;
};

/* Connect, and wait for it; ends the program if that fails. */
struct writer *writer_new(struct simulation *s);
void writer_free(struct writer *w);

/* Create or revoke tokens `first` to `first` + `count` - 1, of which there may be WRITER_BATCH_MAX, in one statement.
 * `call` is filled in when it is answered. */
void writer_create(struct writer *w, uint64_t first, unsigned count, struct writer_call *call);
void writer_revoke(struct writer *w, uint64_t first, unsigned count, struct writer_call *call);

/* Write the value of the token with this number, and return its length. */
size_t writer_value(uint64_t number, char value[64]);

#endif
