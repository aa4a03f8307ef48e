/* SPDX-License-Identifier: Apache-2.0 */
/* For programs that failing.c is linked into. */
#ifndef JETON_FAILING_H
#define JETON_FAILING_H

#include <stdbool.h>

/* Let fail what this text in JETON_FAIL would, from now on; false: it is none. */
bool failing_begin(const char *what);

/* No call fails any more.  How many of the name, or of all, there were. */
unsigned long failing_end(void);

/* Fails nothing and counts nothing until the end of the pause. */
void failing_pause(bool pauses);

/* How many blocks of memory are allocated. */
long failing_blocks(void);

#endif
