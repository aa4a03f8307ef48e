/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier for the unit tests: its arguments choose what it does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/verifiers/verifier.h"

#ifndef UNIT_NAME
#define UNIT_NAME "unit-plain"
#endif
#ifndef UNIT_ABI
#define UNIT_ABI JETON_VERIFIER_ABI
#endif
#ifndef UNIT_FLAGS
#define UNIT_FLAGS 0
#endif

/* Note what it was opened with, and that it was closed. */
static void note(const char *what)
{
    const char *path = getenv("JETON_UNIT_NOTES");
    FILE *notes = path != NULL ? fopen(path, "ae") : NULL;

    if (notes == NULL)
        return;
    fprintf(notes, "%s\n", what);
    fclose(notes);
}

static int open_instance(void **instance, const struct jeton_argument *arguments, size_t count,
                         char *problem, size_t size)
{
    static char opened;
    char line[256];

    for (size_t i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "%.60s=%.150s", arguments[i].key, arguments[i].value);
        note(line);
        if (strcmp(arguments[i].key, "fail") != 0)
            continue;
        snprintf(problem, size, "%s", arguments[i].value);
        *instance = &opened; /* must not be used */
        return -1;
    }
    note("open");
    *instance = count > 0 && strcmp(arguments[0].key, "nothing") == 0 ? NULL : &opened;
    return 0;
}

static int verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    (void)instance;
    (void)q;
    (void)a;
    return JETON_VERIFIER_IGNORE;
}

static void close_instance(void *instance)
{
    (void)instance;
    note("close");
}

#ifdef UNIT_INCOMPLETE
#define VERIFY NULL
__attribute__((used)) static int (*const unused)(void *, const struct jeton_question *,
                                                 struct jeton_answer *) = verify;
#else
#define VERIFY verify
#endif

const struct jeton_verifier jeton_verifier = {
    UNIT_ABI, UNIT_FLAGS, UNIT_NAME, open_instance, VERIFY, close_instance,
};
