/* SPDX-License-Identifier: Apache-2.0 */
/* The sections [service NAME]: each line's control word and text, which verify/stack parses. */
#ifndef JETON_DAEMON_CONFIG_SERVICE_CONFIG_H
#define JETON_DAEMON_CONFIG_SERVICE_CONFIG_H

#include "proto/limits.h"
#include "proto/request.h"

enum { SERVICE_CONFIGS_MAX = 64, SERVICE_ENTRIES_MAX = 16, SERVICE_CONFIGS_TEXT_MAX = 32768 };

/* PAM's control words: what a verifier's result means for the stack. */
enum control {
    CONTROL_REQUIRED,
    CONTROL_REQUISITE,
    CONTROL_SUFFICIENT,
    CONTROL_OPTIONAL,
    CONTROL_COUNT
};

/* One line, such as "requisite = require scope=x". */
struct service_entry {
    enum control control;
    bool cut;      /* a line that continues it was refused */
    int line;      /* of the file; -1: --set; 0: it is "local", whatever the text */
    uint32_t text; /* offset in service_configs.text: verifier and arguments, with a NUL */
};

struct service_config {
    char name[SERVICE_MAX + 1];
    bool faulty; /* a line was refused, so that this is not all of the stack */
    size_t steps;
    struct service_entry step[SERVICE_ENTRIES_MAX];
};

struct service_configs {
    size_t count;
    struct service_config section[SERVICE_CONFIGS_MAX];
    size_t used;
    char text[SERVICE_CONFIGS_TEXT_MAX];
};

/* Return the control of that name, or CONTROL_COUNT. */
enum control control_named(struct slice word);
const char *control_name(enum control control);

/* Return the name in "service NAME"; at == NULL: the section is not a service's. */
struct slice service_config_named(struct slice section);

/* Check a service's name.  False: *problem. */
bool service_config_check_name(struct slice name, struct problem *problem);

/* Add a line to a service's stack.  `line` is -1 for --set, whose first line for a service replaces
 * those of the file.  False: *problem. */
bool service_config_add(struct service_configs *s, struct slice service, const char *control,
                        struct slice text, int line, struct problem *problem);

/* Append text to the line that was added last.  False: *problem. */
bool service_config_continue(struct service_configs *s, struct slice text, struct problem *problem);

/* Mark the line that was added last for a service as not all of it. */
void service_config_mark_cut(struct service_configs *s, struct slice service);

/* Mark a service's section, if it has any line, as not all of the stack. */
void service_config_mark_faulty(struct service_configs *s, struct slice service);

/* Return the verifier and its arguments. */
static inline const char *service_config_text(const struct service_configs *s,
                                              const struct service_entry *step)
{
    return s->text + step->text;
}

#endif
