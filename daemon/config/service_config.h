/* SPDX-License-Identifier: Apache-2.0 */
/* What the sections [service NAME] say, as text: stack.c makes sense of it. */
#ifndef JETON_SERVICES_H
#define JETON_SERVICES_H

#include "daemon/verify/result.h"
#include "proto/limits.h"
#include "proto/request.h"

enum { SERVICES_MAX = 64, SERVICE_STEPS_MAX = 16, SERVICES_TEXT_MAX = 32768 };

/* One line: "requisite = require scope=x". */
struct service_step {
    enum control control;
    int line;                   /* of the file; -1: --set */
    uint32_t text;              /* in services.text: the verifier and its arguments, with a NUL */
};

struct service_section {
    char name[SERVICE_MAX + 1];
    size_t steps;
    struct service_step step[SERVICE_STEPS_MAX];
};

struct services {
    size_t count;
    struct service_section section[SERVICES_MAX];
    size_t used;
    char text[SERVICES_TEXT_MAX];
};

/* The name in "service NAME"; at == NULL if the section is none of a service. */
struct slice services_named(struct slice section);

/* Adds a line to a service's stack.  `line` is -1 for --set: the first of those replaces what the
 * file says of that service.  False: *problem. */
bool services_add(struct services *s, struct slice service, const char *control,
                  struct slice text, int line, struct problem *problem);

/* Adds to the line that came last. */
bool services_continue(struct services *s, struct slice text, struct problem *problem);

/* A step's text. */
static inline const char *services_text(const struct services *s, const struct service_step *step)
{
    return s->text + step->text;
}

#endif
