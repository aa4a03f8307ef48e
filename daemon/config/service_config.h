/* SPDX-License-Identifier: Apache-2.0 */
/* What the sections [service NAME] say, as text: stack.c makes sense of it. */
#ifndef JETON_DAEMON_CONFIG_SERVICE_CONFIG_H
#define JETON_DAEMON_CONFIG_SERVICE_CONFIG_H

#include "daemon/verify/result.h"
#include "proto/limits.h"
#include "proto/request.h"

enum { SERVICE_CONFIGS_MAX = 64, SERVICE_ENTRIES_MAX = 16, SERVICE_CONFIGS_TEXT_MAX = 32768 };

/* One line: "requisite = require scope=x". */
struct service_entry {
    enum control control;
    int line;      /* of the file; -1: --set */
    uint32_t text; /* in services.text: the verifier and its arguments, with a NUL */
};

struct service_config {
    char name[SERVICE_MAX + 1];
    size_t steps;
    struct service_entry step[SERVICE_ENTRIES_MAX];
};

struct service_configs {
    size_t count;
    struct service_config section[SERVICE_CONFIGS_MAX];
    size_t used;
    char text[SERVICE_CONFIGS_TEXT_MAX];
};

/* The name in "service NAME"; at == NULL if the section is none of a service. */
struct slice service_config_named(struct slice section);

/* Adds a line to a service's stack.  `line` is -1 for --set: the first of those replaces what the
 * file says of that service.  False: *problem. */
bool service_config_add(struct service_configs *s, struct slice service, const char *control,
                        struct slice text, int line, struct problem *problem);

/* Adds to the line that came last. */
bool service_config_continue(struct service_configs *s, struct slice text, struct problem *problem);

/* A step's text. */
static inline const char *service_config_text(const struct service_configs *s,
                                              const struct service_entry *step)
{
    return s->text + step->text;
}

#endif
