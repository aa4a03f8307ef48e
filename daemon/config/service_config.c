/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/service_config.h"

#include <stdio.h>

#include "proto/scopes.h"

static const char *const control_names[CONTROL_COUNT] = {
    [CONTROL_REQUIRED] = "required",
    [CONTROL_REQUISITE] = "requisite",
    [CONTROL_SUFFICIENT] = "sufficient",
    [CONTROL_OPTIONAL] = "optional",
};

enum control control_named(struct slice word)
{
    enum control c = 0;

    while (c < CONTROL_COUNT && !slice_is(word, control_names[c]))
        c++;
    return c;
}

const char *control_name(enum control control)
{
    return control_names[control];
}

struct slice service_config_named(struct slice section)
{
    static const struct slice prefix = SLICE("service ");

    if (!slice_begins(section, prefix.at))
        return (struct slice){ NULL, 0 };
    struct slice name = { section.at + prefix.len, section.len - prefix.len };
    while (name.len > 0 && *name.at == ' ')
        name = (struct slice){ name.at + 1, name.len - 1 };
    return name;
}

bool service_config_check_name(struct slice name, struct problem *problem)
{
    if (name.len > 0 && name.len <= SERVICE_MAX && memchr(name.at, ',', name.len) == NULL &&
        scopes_fault(name) == NULL)
        return true;
    problem_set(problem, STATUS_BAD_VALUE,
                "[service NAME]: NAME should be 1 to %d bytes out of A-Z a-z 0-9 . _ : / * and -",
                SERVICE_MAX);
    return false;
}

static struct service_config *find_section(struct service_configs *s, struct slice name)
{
    for (size_t i = 0; i < s->count; i++)
        if (slice_is(name, s->section[i].name))
            return &s->section[i];
    return NULL;
}

void service_config_mark_cut(struct service_configs *s, struct slice service)
{
    struct service_config *section = find_section(s, service);

    if (section != NULL && section->steps > 0)
        section->step[section->steps - 1].cut = true;
}

void service_config_mark_faulty(struct service_configs *s, struct slice service)
{
    struct service_config *section = find_section(s, service);

    if (section != NULL)
        section->faulty = true;
}

/* Find or add a service's section.  NULL: *problem. */
static struct service_config *get_section(struct service_configs *s, struct slice name,
                                          struct problem *problem)
{
    struct service_config *found = find_section(s, name);

    if (found != NULL)
        return found;
    if (s->count == SERVICE_CONFIGS_MAX) {
        problem_set(problem, STATUS_BAD_VALUE, "there can be at most %d services",
                    SERVICE_CONFIGS_MAX);
        return NULL;
    }
    struct service_config *section = &s->section[s->count++];
    *section = (struct service_config){ .steps = 0 };
    memcpy(section->name, name.at, name.len);
    return section;
}

static bool add_text(struct service_configs *s, struct slice text, struct problem *problem)
{
    if (text.len >= sizeof(s->text) - s->used) {
        problem_set(problem, STATUS_BAD_VALUE, "all stacks together have at most %d bytes",
                    SERVICE_CONFIGS_TEXT_MAX);
        return false;
    }
    memcpy(s->text + s->used, text.at, text.len);
    s->used += text.len;
    s->text[s->used++] = '\0';
    return true;
}

/* Add an entry, whose text will be added next. */
static bool add_entry(struct service_configs *s, struct service_config *section,
                      enum control control, int line, struct problem *problem)
{
    if (line < 0 && section->steps > 0 && section->step[0].line >= 0)
        section->steps = 0;
    if (section->steps == SERVICE_ENTRIES_MAX) {
        problem_set(problem, STATUS_BAD_VALUE, "[service %.64s]: a stack has at most %d verifiers",
                    section->name, SERVICE_ENTRIES_MAX);
        return false;
    }
    section->step[section->steps++] =
        (struct service_entry){ .control = control, .line = line, .text = (uint32_t)s->used };
    return true;
}

bool service_config_add(struct service_configs *s, struct slice service, const char *control,
                        struct slice text, int line, struct problem *problem)
{
    enum control word = control_named(slice_of(control));

    if (!service_config_check_name(service, problem))
        return false;
    if (word == CONTROL_COUNT) {
        problem_set(problem, STATUS_UNKNOWN_KEY,
                    "[service %.64s] %.40s: this should be required, "
                    "requisite, sufficient or optional",
                    service.at, control);
        return false;
    }
    struct service_config *section = get_section(s, service, problem);
    return section != NULL && add_entry(s, section, word, line, problem) &&
           add_text(s, text, problem);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Remove a comment: libinih does so only for lines that do not continue another. */
static struct slice strip_comment(struct slice text)
{
    size_t len = 0;

    while (len < text.len && !(text.at[len] == ';' && len > 0 && is_blank(text.at[len - 1])))
        len++;
    while (len > 0 && is_blank(text.at[len - 1]))
        len--;
    return (struct slice){ text.at, len };
}

bool service_config_continue(struct service_configs *s, struct slice text, struct problem *problem)
{
    s->text[s->used - 1] = ' ';
    return add_text(s, strip_comment(text), problem);
}
