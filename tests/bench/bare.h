/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier without a product around it: the least that an answer over a socket costs.  It takes
 * `verify VALUE` in whole lines, hashes those of one read together, looks them up in a table as
 * large as jetond's, and says what jetond would say; it checks nothing else and counts nothing. */
#ifndef JETON_BENCH_BARE_H
#define JETON_BENCH_BARE_H

#include <stdbool.h>
#include <stdint.h>

/* Makes the table of the first `keys` values.  False: no memory. */
bool bare_fill(uint64_t keys);

/* Answers what can be read.  False: nobody is there any more, or it is no client of ours. */
bool bare_answer(int fd);

#endif
