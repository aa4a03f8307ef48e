/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b-256 of several short messages at once: one in each lane of the processor's vectors, in
 * little more time than one alone takes.  Thread-safe: no state.  Its time depends on the
 * number of messages alone, not on their bytes. */
#ifndef JETON_BLAKE_H
#define JETON_BLAKE_H

#include "limits.h"
#include "text.h"

enum {
    BLAKE_LANES = 8,
    BLAKE_BLOCK = 128,          /* a longer message cannot be hashed here */
    BLAKE_PERSONAL = 16,
};

/* Hashes `count` messages, at most BLAKE_LANES of at most BLAKE_BLOCK bytes; no key, no salt. */
void blake_hash(const struct slice *message, size_t count,
                const char personal[BLAKE_PERSONAL], uint8_t *const digest[]);

#endif
