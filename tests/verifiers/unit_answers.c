/* SPDX-License-Identifier: Apache-2.0 */
/* A verifier for the unit tests: it answers what its arguments ask for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/verifiers/verifier.h"

struct script {
    int outcome;
    struct jeton_answer answer;
};

static void put(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

/* Take one argument; false if there is no such argument. */
static int take(struct script *s, const char *key, const char *value)
{
    struct jeton_identity *who = &s->answer.identity;
    const struct {
        const char *key;
        char *at;
        size_t size;
    } texts[] = {
        { "id", who->id, sizeof(who->id) },
        { "subject", who->subject, sizeof(who->subject) },
        { "issuer", who->issuer, sizeof(who->issuer) },
        { "scopes", who->scopes, sizeof(who->scopes) },
        { "message", s->answer.message, sizeof(s->answer.message) },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(key, texts[i].key) == 0) {
            put(texts[i].at, texts[i].size, value);
            return 1;
        }
    if (strcmp(key, "outcome") == 0)
        s->outcome = atoi(value);
    else if (strcmp(key, "reason") == 0)
        s->answer.reason = atoi(value);
    else if (strcmp(key, "identity") == 0)
        s->answer.has_identity = atoi(value);
    else if (strcmp(key, "retry") == 0)
        s->answer.retry_after = atoll(value);
    else if (strcmp(key, "expires") == 0)
        who->expires = atoll(value);
    else
        return 0;
    return 1;
}

static int open_instance(void **instance, const struct jeton_argument *arguments, size_t count,
                         char *problem, size_t size)
{
    struct script *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return -1;
    s->answer.identity.expires = JETON_VERIFIER_NEVER;
    for (size_t i = 0; i < count; i++)
        if (!take(s, arguments[i].key, arguments[i].value)) {
            snprintf(problem, size, "there is no argument %.60s=", arguments[i].key);
            free(s);
            return -1;
        }
    *instance = s;
    return 0;
}

static int verify(void *instance, const struct jeton_question *q, struct jeton_answer *a)
{
    struct script *s = instance;
    const char *path = getenv("JETON_UNIT_NOTES");
    FILE *notes = path != NULL ? fopen(path, "ae") : NULL;

    if (notes != NULL) {
        fprintf(notes, "%.*s for %s: %s", (int)q->value_length, q->value, q->service,
                q->identity != NULL ? q->identity->subject : "nobody");
        fprintf(notes, " (%s)\n", q->identity != NULL ? q->identity->scopes : "");
        fclose(notes);
    }
    *a = s->answer;
    return s->outcome;
}

static void close_instance(void *instance)
{
    free(instance);
}

#ifndef UNIT_FLAGS
#define UNIT_FLAGS 0
#endif

const struct jeton_verifier jeton_verifier = {
    JETON_VERIFIER_ABI, UNIT_FLAGS, "unit-answers", open_instance, verify, close_instance,
};
