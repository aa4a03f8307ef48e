/* SPDX-License-Identifier: Apache-2.0 */
/* A minimal verifier: a lower bound for verification over a socket.  It takes whole lines `verify
 * VALUE`, hashes all values of one read together, looks them up in a table as large as jetond's,
 * and replies what jetond would reply; it checks nothing else and counts nothing. */
#ifndef JETON_BENCH_MINIMAL_VERIFIER_H
#define JETON_BENCH_MINIMAL_VERIFIER_H

#include <stdbool.h>
#include <stdint.h>

/* Fill the table with the first `keys` values; false: out of memory. */
bool minimal_verifier_init(uint64_t keys);

/* Answer the requests that can be read; false: the client has gone, or sent something else. */
bool minimal_verifier_answer(int fd);

#endif
