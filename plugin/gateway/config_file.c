/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/config_file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>

#include "plugin/service/config_line.h"

enum { SECTION_IGNORED = -1, SECTION_NONE = -2 };

/* The state of reading a file.  Lines are looked at before libinih gets them: it numbers none, cuts
 * off what is too long, continues values in lines that begin with a space, and joins sections that are
 * given twice.  What it must not see, it gets as an empty line. */
struct reader {
    struct config *config;
    struct config_faults *faults;
    const char *name;
    FILE *file;
    unsigned line;
    int section;
    bool gateway; /* [gateway] was begun */
};

static void blame(const struct reader *r, const char *why)
{
    config_blame(r->faults, "%.100s:%u: %s", r->name, r->line, why);
}

/* Begin a section in a line that begins with a bracket. */
static void begin_section(struct reader *r, const char *line)
{
    const char *end = strchr(line, ']'), *why = "neither a [section] nor key = value";
    unsigned sites = r->config->sites;

    r->section = SECTION_IGNORED;
    if (end != NULL) {
        const char *rest = end + 1 + strspn(end + 1, " \t\r\n");
        struct slice name = { line + 1, (size_t)(end - line - 1) };
        if (*rest != '\0' && *rest != ';' && *rest != '#')
            why = "after a [section] there can be only a comment";
        else
            r->section = config_section(r->config, name, &why);
    }
    if (r->section < 0)
        blame(r, why);
    else if (r->section == 0 ? r->gateway : r->config->sites == sites)
        blame(r, "this section is given twice");
    r->gateway |= r->section == 0;
}

/* True if libinih may see this line. */
static bool check_line(struct reader *r, const char *line)
{
    /* Editors begin UTF-8 with it; libinih skips it, too. */
    static const char mark[] = "\xEF\xBB\xBF";

    if (r->line == 1 && strncmp(line, mark, sizeof(mark) - 1) == 0)
        line += sizeof(mark) - 1;
    const char *text = line + strspn(line, " \t\v\f\r\n");

    if (*text == '\0' || *text == ';' || *text == '#')
        return true;
    if (text != line) {
        blame(r, "a line should not begin with a space");
        return false;
    }
    if (*text == '[') {
        begin_section(r, text);
        return false;
    }
    if (strpbrk(text, "=:") == NULL) {
        blame(r, "neither a [section] nor key = value");
        return false;
    }
    if (r->section == SECTION_NONE)
        blame(r, "a [section] should come before the first key");
    return r->section >= 0;
}

/* Give libinih a line, as fgets() does. */
static char *read_line(char *line, int size, void *context)
{
    struct reader *r = context;
    const char *why;

    if (!config_line_read(
            r->file, line, size,
            "the line is too long: at most 198 bytes can be read; --set takes longer values", &why))
        return NULL;
    r->line++;
    if (why != NULL)
        blame(r, why);
    else if (check_line(r, line))
        return line;
    return strcpy(line, "\n");
}

static int take_key(void *context, const char *section, const char *name, const char *value)
{
    struct reader *r = context;

    (void)section;
    const char *why = config_set(r->config, r->section, slice_of(name), slice_of(value), false);
    if (why != NULL)
        config_blame(r->faults, "%.100s:%u: %.40s: %s", r->name, r->line, name, why);
    return 1;
}

static void read_file(const struct config_source *source, struct config *c,
                      struct config_faults *faults)
{
    struct reader r = { .config = c,
                        .faults = faults,
                        .name = source->file,
                        .file = config_open_file(source->file),
                        .section = SECTION_NONE };

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

bool config_load(const struct config_source *source, struct config *c, struct config_faults *faults)
{
    faults->count = 0;
    config_init(c);
    read_file(source, c, faults);
    for (unsigned i = 0; i < source->assignments; i++)
        config_assign(c, source->assignment[i], faults);
    if (faults->count == 0)
        config_check(c, source->file, faults);
    return faults->count == 0;
}
