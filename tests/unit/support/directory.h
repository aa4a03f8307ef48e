/* SPDX-License-Identifier: Apache-2.0 */
/* Make and remove a directory for a test, and set a store's path in it; for cmocka's setup
 * and teardown. */
#ifndef JETON_TEST_DIRECTORY_H
#define JETON_TEST_DIRECTORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/support/temporary.h"

static char directory[64], path[80];

static int make_directory(void **state)
{
    (void)state;
    if (!make_temporary(directory, sizeof(directory)))
        return -1;
    snprintf(path, sizeof(path), "%s/t.tdb", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

#endif
