/* SPDX-License-Identifier: Apache-2.0 */
/* Where tests that write much have their files: in TMPDIR, which pytest has in memory, as a busy disk takes
 * seconds for each sync. */
#ifndef JETON_TEST_TEMPORARY_H
#define JETON_TEST_TEMPORARY_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Make a directory, and set its path. */
static bool make_temporary(char *into, size_t size)
{
    const char *where = getenv("TMPDIR");
    int len = snprintf(into, size, "%s/XXXXXX", where != NULL ? where : "/tmp");

    return len > 0 && (size_t)len < size && mkdtemp(into) != NULL;
}

#endif
