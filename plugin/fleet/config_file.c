/* SPDX-License-Identifier: Apache-2.0 */
/* Read a configuration file: INI, by libinih, with the line numbers that libinih does not give. */
#include <errno.h>
#include <ini.h>
#include <libpq-fe.h>
#include <stdio.h>

#include "plugin/fleet/config.h"
#include "plugin/service/config_line.h"

/* The state of reading a file.  Lines are looked at before libinih gets them. */
struct reading {
    struct config *config;
    struct config_faults *faults;
    const char *name;
    FILE *file;
    unsigned line;
    bool more; /* the line goes on with the key before */
};

static void blame(const struct reading *r, const char *why)
{
    config_blame(r->faults, "%.100s:%u: %s", r->name, r->line, why);
}

/* Give libinih a line, as fgets() does. */
static char *read_line(char *line, int size, void *context)
{
    struct reading *r = context;
    const char *why;

    if (!config_line_read(r->file, line, size,
                          "the line is too long: at most 198 bytes can be read; `database` may go "
                          "on in lines that begin with a space",
                          &why))
        return NULL;
    r->line++;
    if (why != NULL) {
        blame(r, why);
        strcpy(line, "\n");
    }
    r->more = line[0] == ' ' || line[0] == '\t';
    const char *text = line + strspn(line, " \t\v\f\r\n");
    if (*text != '\0' && *text != ';' && *text != '#' && *text != '[' && !r->more &&
        strpbrk(text, "=:") == NULL) {
        blame(r, "neither a [section] nor key = value");
        return strcpy(line, "\n");
    }
    return line;
}

static int take_key(void *context, const char *section, const char *name, const char *value)
{
    struct reading *r = context;
    const char *why = "there is only one section, [fleet]";

    if (strcmp(section, "fleet") == 0)
        why = config_set(r->config, slice_of(name), slice_of(value), false, r->more);
    if (why != NULL)
        config_blame(r->faults, "%.100s:%u: %.40s: %s", r->name, r->line, name, why);
    return 1;
}

static void read_file(const struct config_source *source, struct config *c,
                      struct config_faults *faults)
{
    struct reading r = {
        .config = c, .faults = faults, .name = source->file, .file = config_open_file(source->file)
    };

    if (r.file == NULL) {
        if (errno != ENOENT || source->file_required)
            config_blame(faults, "%.150s: %s", source->file, strerror(errno));
        return;
    }
    int bad = ini_parse_stream(read_line, &r, take_key, &r);
    if (ferror(r.file) || bad < 0)
        blame(&r, "cannot be read");
    else if (bad > 0 && faults->count == 0)
        config_blame(faults, "%.100s:%d: neither a [section] nor key = value", r.name, bad);
    fclose(r.file);
}

/* Apply an assignment of --set: fleet.KEY=VALUE. */
static void assign(struct config *c, const char *assignment, struct config_faults *faults)
{
    const char *equals = strchr(assignment, '=');
    const char *why = "this should be fleet.KEY=VALUE";

    if (equals != NULL && strncmp(assignment, "fleet.", 6) == 0 && equals - assignment > 6)
        why = config_set(c, (struct slice){ assignment + 6, (size_t)(equals - assignment - 6) },
                         slice_of(equals + 1), true, false);
    if (why != NULL)
        config_blame(faults, "--set %.100s: %s", assignment, why);
}

/* Blame a connection string without what it has: libpq quotes parts of it, and there may be a password.  These may have
 * quotes, too: so nothing is shown from the first one to the last. */
static void blame_database(struct config_faults *faults, const char *why)
{
    const char *first = strchr(why, '"'), *last = strrchr(why, '"');
    const size_t before = first != NULL ? (size_t)(first - why) : strcspn(why, "\n");
    const char *behind = first != NULL ? last + 1 : "";

    config_blame(faults, "database: this is no connection string: %.*s%s%.*s%s", (int)before, why,
                 first != NULL ? "\"...\"" : "", (int)strcspn(behind, "\n"), behind,
                 first != NULL ? " (what is quoted is not shown, as it may be a password)" : "");
}

/* Return what is wrong with a value; NULL: nothing.  A password in a URI that has an @ or a / which is not written as %40 or %2F
 * ends there: the rest of it would be the name of a host or a database, which are logged. */
static const char *option_fault(const PQconninfoOption *o)
{
    const char *at = o->val != NULL ? o->val : "";

    if (strcmp(o->keyword, "port") == 0 && at[strspn(at, "0123456789,")] != '\0')
        return "its port is no number";
    if (strcmp(o->keyword, "dbname") == 0 && strchr(at, '@') != NULL)
        return "the name of its database has an @: write / and @ of a password as %2F and %40";
    if (strcmp(o->keyword, "host") != 0)
        return NULL;
    while ((at = strchr(at, '@')) != NULL && (at == o->val || at[-1] == ','))
        at++;
    return at != NULL ? "the name of its host has an @: write that of a password as %40" : NULL;
}

/* As libpq does, take what is neither a URI nor has an equals sign as the name of a database. */
static void check_database(const struct config *c, struct config_faults *faults)
{
    char *why = NULL;

    if (strchr(c->database, '=') == NULL && strncmp(c->database, "postgres", 8) != 0)
        return;
    PQconninfoOption *options = PQconninfoParse(c->database, &why);
    if (options == NULL)
        blame_database(faults, why != NULL ? why : "no memory");
    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        const char *fault = option_fault(o);
        if (fault != NULL)
            blame_database(faults, fault);
    }
    PQconninfoFree(options);
    PQfreemem(why);
}

bool config_load(const struct config_source *source, struct config *c, struct config_faults *faults)
{
    faults->count = 0;
    config_init(c);
    read_file(source, c, faults);
    for (unsigned i = 0; i < source->assignments; i++)
        assign(c, source->assignment[i], faults);
    check_database(c, faults);
    if (c->keep > 0 && c->keep < c->lease)
        config_blame(faults, "stale = keep is shorter than the lease: give at least as much");
    return faults->count == 0;
}
