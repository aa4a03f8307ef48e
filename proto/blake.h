/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b-256 of short messages, faster than libsodium: of several at once, each in one lane of the
 * processor's vectors, in little more time than one takes; and of one, without the buffering that
 * long messages need.  No state; any thread.  The time depends on the number of messages and their
 * lengths only, not on their bytes. */
#ifndef JETON_PROTO_BLAKE_H
#define JETON_PROTO_BLAKE_H

#include "proto/limits.h"
#include "proto/text.h"

enum {
    BLAKE_LANES = 8,
    BLAKE_BLOCK = 128, /* a longer message cannot be hashed here */
    BLAKE_PERSONAL = 16,
};

/* True if this is faster than libsodium on this processor. */
bool blake_quick(void);

/* Hash `count` messages, at most BLAKE_LANES of at most BLAKE_BLOCK bytes; no key, no salt.  May be
 * called only if blake_quick(). */
void blake_hash(const struct slice *message, size_t count, const char personal[BLAKE_PERSONAL],
                uint8_t *const digest[]);

#endif
