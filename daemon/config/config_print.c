/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/config_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/config/policy_print.h"
#include "proto/stamp.h"

enum { LINE_WANTED = 80 };

static void print_duration(int64_t seconds)
{
    char buffer[32];
    struct text t = text_in(buffer, sizeof(buffer));

    duration_write(&t, seconds);
    printf("%.*s", (int)t.len, buffer);
}

static void print_log_level(enum log_level level)
{
    static const char *const names[] = { "error", "warning", "info", "debug" };
    enum log_level named;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (log_level_named(names[i], &named) && named == level)
            printf("%s", names[i]);
}

/* In the largest unit that leaves no rest. */
static void print_size(uint64_t bytes)
{
    static const char units[] = "KMG";
    size_t unit = 0;

    for (; bytes > 0 && bytes % 1024 == 0 && units[unit] != '\0'; unit++)
        bytes /= 1024;
    printf("%" PRIu64 "%.1s", bytes, unit > 0 ? &units[unit - 1] : "");
}

static void print_value(enum config_kind kind, const void *field)
{
    switch (kind) {
    case CONFIG_NUMBER:
        printf("%" PRIu64, *(const uint64_t *)field);
        break;
    case CONFIG_SIZE:
        print_size(*(const uint64_t *)field);
        break;
    case CONFIG_DURATION:
        print_duration(*(const int64_t *)field);
        break;
    case CONFIG_YES_NO:
        printf("%s", *(const bool *)field ? "yes" : "no");
        break;
    case CONFIG_AUTO_NO:
        printf("%s", *(const bool *)field ? "auto" : "no");
        break;
    case CONFIG_MODE:
        printf("%04o", *(const unsigned *)field);
        break;
    case CONFIG_LOG_LEVEL:
        print_log_level(*(const enum log_level *)field);
        break;
    default:
        printf("%s", (const char *)field);
    }
}

static void print_paths(const struct config_key *key, const struct config_role *role)
{
    if (role->paths == 0)
        printf("%s =\n", key->name);
    for (unsigned i = 0; i < role->paths; i++)
        printf("%s = %s\n", key->name, role->path[i]);
}

/* Print a verifier and its arguments, broken between these so that no line is too long to be read. */
static void print_entry(const char *control, const char *text)
{
    int column = printf("%s = ", control);
    bool quoted = false;

    for (const char *at = text; *at != '\0'; at++) {
        quoted = quoted != (*at == '"' && (at == text || at[-1] != '\\'));
        if (*at == ' ' && !quoted && column > LINE_WANTED)
            column = printf("\n   ");
        putchar(*at);
        column++;
    }
    putchar('\n');
}

static void print_service(const struct config *c, const struct service_config *section)
{
    printf("\n[service %s]\n", section->name);
    for (size_t i = 0; i < section->steps; i++)
        print_entry(control_name(section->step[i].control),
                    service_config_text(&c->services, &section->step[i]));
}

void config_print(const struct config *c)
{
    const char *section = "";
    struct config_key key;

    for (size_t i = 0; config_key_at(i, &key); i++) {
        const void *field = (const char *)c + key.offset;
        if (strcmp(section, key.section) != 0)
            printf("%s[%s]\n", i > 0 ? "\n" : "", key.section);
        section = key.section;
        if (key.kind == CONFIG_PATHS) {
            print_paths(&key, field);
            continue;
        }
        printf("%s = ", key.name);
        print_value(key.kind, field);
        printf("\n");
    }
    policies_print(&c->policies);
    for (size_t i = 0; i < c->services.count; i++)
        print_service(c, &c->services.section[i]);
}
