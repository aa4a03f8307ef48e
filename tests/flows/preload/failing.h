/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of failing.c to the program that it is linked into. */
#ifndef JETON_FAILING_H
#define JETON_FAILING_H

#include <stdbool.h>

/* Let calls fail from now on as this text in JETON_FAIL would; false: it is not valid. */
bool failing_begin(const char *what);

/* Let no call fail any more.  Return how many calls of the name, or of all names, there were. */
unsigned long failing_end(void);

/* Fail nothing and count nothing until the end of the pause. */
void failing_pause(bool pauses);

/* Return how many blocks of memory are allocated. */
long failing_blocks(void);

#endif
