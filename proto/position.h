/* SPDX-License-Identifier: Apache-2.0 */
/* A position in a store's journal: the serial of an entry, mostly with the epoch, which names the
 * history that the entry belongs to.  No state; any thread.
 *
 *     position = [ epoch ":" ] serial        epoch: 16 hex digits in lower case
 */
#ifndef JETON_PROTO_POSITION_H
#define JETON_PROTO_POSITION_H

#include "proto/limits.h"
#include "proto/text.h"

struct position {
    char epoch[EPOCH_TEXT + 1]; /* empty: not named */
    uint64_t serial;
};

/* True if the text is an epoch. */
bool position_is_epoch(struct slice text);

/* Parse a position; false if it is none, and the position is then unchanged. */
bool position_parse(struct slice text, struct position *position);

#endif
