/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier for the unit tests: it writes a byte to the file in JETON_UNIT_NOTES, and hangs as
 * long as that file exists. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/verifiers/verifier.h"

#ifndef UNIT_FLAGS
#define UNIT_FLAGS JETON_VERIFIER_MAY_BLOCK
#endif

static int open_instance(void **instance, const struct jeton_argument *arguments, size_t count,
                         char *problem, size_t size)
{
    (void)arguments;
    (void)count;
    (void)problem;
    (void)size;
    *instance = NULL;
    return 0;
}

static int verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    (void)instance;
    (void)q;
    (void)a;
    int notes = open(getenv("JETON_UNIT_NOTES"), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (notes >= 0 && write(notes, "x", 1) == 1)
        close(notes);
    while (access(getenv("JETON_UNIT_NOTES"), F_OK) == 0)
        usleep(1000);
    return JETON_VERIFIER_IGNORE;
}

static void close_instance(void *instance)
{
    (void)instance;
}

const struct jeton_verifier jeton_verifier = {
    JETON_VERIFIER_ABI, UNIT_FLAGS, "unit-hangs", open_instance, verify, close_instance,
};
