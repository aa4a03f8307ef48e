/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b-256 of one message of any length, without libsodium: for a process that hashes one value
 * in its life, where loading a library takes longer than all the rest.  The digest is that of
 * proto/blake.h and proto/token.h.  No state; any thread.  The time depends on the length only. */
#ifndef JETON_PROTO_BLAKE_PLAIN_H
#define JETON_PROTO_BLAKE_PLAIN_H

#include "proto/limits.h"
#include "proto/text.h"

/* Hash a message with a personalisation of at most 16 bytes, which is padded with NULs; no key, no
 * salt.  Copies of the message are wiped. */
void blake_plain(struct slice message, const char *personal, uint8_t digest[DIGEST_SIZE]);

#endif
