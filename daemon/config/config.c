/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/config.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/stamp.h"
#include "proto/token.h"

/* One key: its section and name, how to read it, where to store it, which values are allowed. */
struct key_row {
    const char *section;
    const char *name;
    bool (*read)(void *field, struct slice value, const struct key_row *row);
    size_t offset;
    uint64_t least;
    uint64_t most;
    const char *allowed; /* in words, for messages */
    bool restart;        /* a change takes effect with the next start */
};

static bool read_number(void *field, struct slice value, const struct key_row *row)
{
    return number_parse(value, row->most, field) && *(uint64_t *)field >= row->least;
}

static bool read_duration(void *field, struct slice value, const struct key_row *row)
{
    (void)row;
    return duration_parse(value, field);
}

static bool read_size(void *field, struct slice value, const struct key_row *row)
{
    return size_parse(value, row->most, field) && *(uint64_t *)field >= row->least;
}

/* Copy text of row->least to row->most bytes. */
static bool read_text(void *field, struct slice value, const struct key_row *row)
{
    if (value.len < row->least || value.len > row->most)
        return false;
    memcpy(field, value.at, value.len);
    ((char *)field)[value.len] = '\0';
    return true;
}

static bool read_absolute_path(void *field, struct slice value, const struct key_row *row)
{
    return value.len > 0 && value.at[0] == '/' && read_text(field, value, row);
}

static bool read_prefix(void *field, struct slice value, const struct key_row *row)
{
    return token_prefix_valid(value) && read_text(field, value, row);
}

static bool read_log_level(void *field, struct slice value, const struct key_row *row)
{
    char name[16];

    if (value.len > row->most)
        return false;
    memcpy(name, value.at, value.len);
    name[value.len] = '\0';
    return log_level_named(name, field);
}

static bool read_yes_no(void *field, struct slice value, const struct key_row *row)
{
    *(bool *)field = slice_is(value, row->least == 0 ? "yes" : "auto");
    return *(bool *)field || slice_is(value, "no");
}

static bool read_mode(void *field, struct slice value, const struct key_row *row)
{
    unsigned mode = 0;

    (void)row;
    if (value.len < 3 || value.len > 4)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '7')
            return false;
        mode = mode * 8 + (unsigned)(value.at[i] - '0');
    }
    *(unsigned *)field = mode;
    return mode <= 0777;
}

/* Add a path; an empty one clears the list, so that --set can replace the paths of the file. */
static bool read_socket_path(void *field, struct slice value, const struct key_row *row)
{
    struct config_role *role = field;

    if (value.len == 0) {
        role->paths = 0;
        return true;
    }
    if (role->paths == CONFIG_PATHS_MAX)
        return false;
    return read_absolute_path(role->path[role->paths], value, row) && ++role->paths > 0;
}

#define AT(member) offsetof(struct config, member)
#define MILLION "a number from 1 to 1000000"
#define DURATION "a duration such as 30s, 15m, 12h, 90d or 3w"
/* clang-format off */
#define ROLE_ROWS(name, number)                                                               \
    { name, "path", read_socket_path, AT(role[number]), 1, CONFIG_SOCKET_PATH_MAX,            \
      "an absolute path of at most 107 bytes, at most 8 of them, or nothing", true },         \
    { name, "mode", read_mode, AT(role[number].mode), 0, 0, "an octal mode such as 0660", true }, \
    { name, "owner", read_text, AT(role[number].owner), 0, CONFIG_NAME_MAX - 1, "a user", true }, \
    { name, "group", read_text, AT(role[number].group), 0, CONFIG_NAME_MAX - 1, "a group", true }
/* clang-format on */

static const struct key_row rows[] = {
    { "daemon", "store", read_absolute_path, AT(store), 1, PATH_MAX - 16, "an absolute path",
      true },
    { "daemon", "log", read_yes_no, AT(log), 0, 0, "yes or no", true },
    { "daemon", "log_size", read_size, AT(log_size), 1048576, 536870912, "1M to 512M", true },
    { "daemon", "workers", read_number, AT(workers), 0, 64, "a number from 0 (automatic) to 64",
      true },
    { "daemon", "prefix", read_prefix, AT(prefix), 1, PREFIX_MAX,
      "1 to 15 lower-case letters and digits", true },
    { "daemon", "activation_delay", read_duration, AT(activation_delay), 0, 0, DURATION, false },
    { "daemon", "retention", read_duration, AT(retention), 0, 0, DURATION, false },
    { "daemon", "journal_entries", read_number, AT(journal_entries), 100, 100000000,
      "a number from 100 to 100000000", false },
    { "daemon", "log_level", read_log_level, AT(log_level), 0, 15, "error, warning, info or debug",
      false },
    { "daemon", "user", read_text, AT(user), 0, CONFIG_NAME_MAX - 1, "a user", true },
    { "daemon", "sandbox", read_yes_no, AT(sandbox), 1, 0, "auto or no", true },
    { "daemon", "network", read_yes_no, AT(network), 0, 0, "yes or no", true },
    { "daemon", "logins", read_yes_no, AT(logins), 0, 0, "yes or no", true },
    { "daemon", "trust_clock", read_yes_no, AT(trust_clock), 0, 0, "yes or no", false },
    { "daemon", "max_connections", read_number, AT(max_connections), 1, 1000000, MILLION, false },
    { "daemon", "max_connections_per_uid", read_number, AT(max_connections_per_uid), 1, 1000000,
      MILLION, false },
    { "daemon", "idle_timeout", read_duration, AT(idle_timeout), 0, 0, DURATION, false },
    { "daemon", "line_timeout", read_duration, AT(line_timeout), 0, 0, DURATION, false },
    { "daemon", "verifiers", read_absolute_path, AT(verifiers), 1, PATH_MAX - 64,
      "an absolute path", false },
    ROLE_ROWS("admin", ROLE_ADMIN),
    ROLE_ROWS("observe", ROLE_OBSERVE),
    ROLE_ROWS("verify", ROLE_VERIFY),
    { "verify", "table_group", read_text, AT(table_group), 0, CONFIG_NAME_MAX - 1, "a group",
      false },
    ROLE_ROWS("fleet", ROLE_FLEET),
    ROLE_ROWS("self", ROLE_SELF), /* last: what else the section has, policies_print() prints */
};

/* The longest name of a section is "service " and a service's name. */
enum { ROWS = sizeof(rows) / sizeof(rows[0]), CONFIG_SECTION_MAX = 8 + SERVICE_MAX };

_Static_assert((int)ROWS <= (int)CONFIG_KEYS_MAX, "config.line has a place for each key");

void config_fault_add(struct config_faults *faults, const struct problem *problem)
{
    if (faults->count < CONFIG_FAULTS_MAX)
        faults->fault[faults->count] = *problem;
    faults->count++;
}

/* -- one key --------------------------------------------------------------------------------- */

/* Return the index of a key's row, or -1. */
static int find_row(const char *section, const char *name, bool *section_known)
{
    *section_known = false;
    for (int i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].section, section) != 0)
            continue;
        *section_known = true;
        if (strcmp(rows[i].name, name) == 0)
            return i;
    }
    return -1;
}

bool config_section_known(const char *name)
{
    bool known;

    find_row(name, "", &known);
    return known;
}

bool config_key_refused(const struct config *c, const char *section, const char *name)
{
    bool section_known;
    int at = find_row(section, name, &section_known);

    return at >= 0 && (c->refused & UINT64_C(1) << at) != 0;
}

static bool set_row(struct config *c, int at, struct slice value, uint64_t *seen,
                    struct problem *problem)
{
    const struct key_row *row = &rows[at];
    void *field = (char *)c + row->offset;
    bool again = (*seen & UINT64_C(1) << at) != 0, repeatable = row->read == read_socket_path;

    if (again && !repeatable) {
        problem_set(problem, STATUS_DUPLICATE_KEY, "[%s] %s is given twice", row->section,
                    row->name);
        return false;
    }
    /* The first path of a source replaces those of the source before. */
    if (repeatable && !again)
        ((struct config_role *)field)->paths = 0;
    *seen |= UINT64_C(1) << at;
    c->refused &= ~(UINT64_C(1) << at);
    if (row->read(field, value, row))
        return true;
    c->refused |= UINT64_C(1) << at;
    problem_set(problem, STATUS_BAD_VALUE, "[%s] %s: this should be %s", row->section, row->name,
                row->allowed);
    return false;
}

bool config_key_set(struct config *c, int line, const char *section, const char *name,
                    struct slice value, uint64_t *seen, struct problem *problem)
{
    struct slice service = service_config_named(slice_of(section));
    bool section_known;
    int at = find_row(section, name, &section_known);

    if (service.at != NULL)
        return service_config_add(&c->services, service, name, value, line, problem);
    if (policy_is_section(section))
        return policies_set(&c->policies, section, name, value, line, problem);
    if (at < 0 && strcmp(section, "self") == 0)
        return policy_set(&c->policies.self, section, name, value, line, problem);
    if (at < 0) {
        if (section[0] == '\0')
            problem_set(problem, STATUS_UNKNOWN_KEY, "%.60s: a key must stand below its [section]",
                        name);
        else
            problem_set(problem, STATUS_UNKNOWN_KEY,
                        section_known ? "[%.40s] has no key %.60s" :
                                        "there is no section [%.40s] (for key %.60s)",
                        section, name);
        return false;
    }
    if (!set_row(c, at, value, seen, problem))
        return false;
    c->line[at] = line;
    return true;
}

/* Split "section.key=value" into three texts; a section may have dots in it. */
static bool split(const char *assignment, char section[CONFIG_SECTION_MAX + 1], char name[64],
                  const char **value)
{
    const char *equals = strchr(assignment, '=');
    const char *dot = equals != NULL ? memrchr(assignment, '.', (size_t)(equals - assignment)) :
                                       NULL;

    if (dot == NULL || dot - assignment > CONFIG_SECTION_MAX || equals - dot > 64)
        return false;
    snprintf(section, CONFIG_SECTION_MAX + 1, "%.*s", (int)(dot - assignment), assignment);
    snprintf(name, 64, "%.*s", (int)(equals - dot - 1), dot + 1);
    *value = equals + 1;
    return true;
}

bool config_set(struct config *c, const char *assignment, struct problem *problem)
{
    char section[CONFIG_SECTION_MAX + 1], name[64], why[sizeof(problem->message)];
    const char *value;
    uint64_t seen = 0;

    if (!split(assignment, section, name, &value)) {
        problem_set(problem, STATUS_SYNTAX, "--set %.100s: this should be section.key=value",
                    assignment);
        return false;
    }
    if (config_key_set(c, CONFIG_LINE_SET, section, name, slice_of(value), &seen, problem))
        return true;
    snprintf(why, sizeof(why), "%s", problem->message);
    problem_set(problem, problem->status, "--set %.100s: %.130s", assignment, why);
    return false;
}

/* -- keys for others -------------------------------------------------------------------------- */

static enum config_kind kind_of(const struct key_row *row)
{
    return row->read == read_number      ? CONFIG_NUMBER :
           row->read == read_size        ? CONFIG_SIZE :
           row->read == read_duration    ? CONFIG_DURATION :
           row->read == read_yes_no      ? (row->least == 0 ? CONFIG_YES_NO : CONFIG_AUTO_NO) :
           row->read == read_mode        ? CONFIG_MODE :
           row->read == read_log_level   ? CONFIG_LOG_LEVEL :
           row->read == read_socket_path ? CONFIG_PATHS :
                                           CONFIG_TEXT;
}

bool config_key_at(size_t at, struct config_key *key)
{
    if (at >= ROWS)
        return false;
    *key = (struct config_key){ rows[at].section, rows[at].name, kind_of(&rows[at]),
                                rows[at].offset };
    return true;
}

static bool paths_differ(const struct config_role *a, const struct config_role *b)
{
    bool differ = a->paths != b->paths;

    for (unsigned i = 0; i < a->paths && !differ; i++)
        differ = strcmp(a->path[i], b->path[i]) != 0;
    return differ;
}

static bool key_differs(const struct key_row *row, const struct config *a, const struct config *b)
{
    static const size_t size[] = {
        [CONFIG_NUMBER] = sizeof(uint64_t),
        [CONFIG_SIZE] = sizeof(uint64_t),
        [CONFIG_DURATION] = sizeof(int64_t),
        [CONFIG_YES_NO] = sizeof(bool),
        [CONFIG_AUTO_NO] = sizeof(bool),
        [CONFIG_MODE] = sizeof(unsigned),
        [CONFIG_LOG_LEVEL] = sizeof(enum log_level),
    };
    const void *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
    enum config_kind kind = kind_of(row);

    return kind == CONFIG_PATHS ? paths_differ(x, y) :
           kind == CONFIG_TEXT  ? strcmp(x, y) != 0 :
                                  memcmp(x, y, size[kind]) != 0;
}

void config_restart_keys(const struct config *a, const struct config *b, struct text *names)
{
    for (int i = 0; i < ROWS; i++)
        if (rows[i].restart && key_differs(&rows[i], a, b))
            text_addf(names, "%s[%s] %s", names->len > 0 ? ", " : "", rows[i].section,
                      rows[i].name);
}

void config_given_keys(const struct config *c, unsigned roles, struct text *names)
{
    for (int i = 0; i < ROWS; i++) {
        bool chosen = false;
        for (int role = 0; role < ROLES; role++)
            chosen = chosen ||
                     ((roles & 1u << role) != 0 && strcmp(rows[i].section, role_name(role)) == 0);
        if (chosen && rows[i].restart && c->line[i] != 0)
            text_addf(names, "%s[%s] %s", names->len > 0 ? ", " : "", rows[i].section,
                      rows[i].name);
    }
}

/* -- problems with a value that was read ------------------------------------------------------ */

void config_blame_step(const struct config *c, const struct service_config *section,
                       const struct service_entry *step, struct problem *problem,
                       const char *format, ...)
{
    char why[sizeof(problem->message)];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    if (step->line > 0)
        problem_set(problem, STATUS_BAD_VALUE, "%.80s:%d: %s", c->file, step->line, why);
    else
        problem_set(problem, STATUS_BAD_VALUE, "--set: [service %s]: %s", section->name, why);
}

void config_blame(const struct config *c, const char *section, const char *name,
                  struct problem *problem, const char *format, ...)
{
    bool section_known;
    int at = find_row(section, name, &section_known);
    char buffer[sizeof(problem->message)], why[160];
    struct text where = text_in(buffer, sizeof(buffer) - 1);
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    if (at >= 0 && c->line[at] > 0)
        text_addf(&where, "%.80s:%d: ", c->file, c->line[at]);
    else if (at >= 0 && c->line[at] == CONFIG_LINE_SET)
        text_adds(&where, "--set: ");
    text_addf(&where, "[%s] %s%s: ", section, name,
              at >= 0 && c->line[at] == 0 ? " (default)" : "");
    buffer[where.len] = '\0';
    problem_set(problem, STATUS_BAD_VALUE, "%.120s%s", buffer, why);
}
