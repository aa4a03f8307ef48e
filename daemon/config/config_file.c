/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { SECTIONS_MAX = 5 + SERVICE_CONFIGS_MAX + POLICIES_MAX, SECTION_NAME_MAX = 8 + SERVICE_MAX };

/* A section that was begun: its name, a service's or policy's with one space. */
struct section {
    char name[SECTION_NAME_MAX + 1];
    unsigned line;
};

/* The state of reading a file.  What libinih would cut off, skip or report only once is found here,
 * and given to it as an empty line.  Sections and lines are followed here as well, because libinih
 * cuts off names of sections after 49 bytes and does not pass the numbers of lines; it reads each
 * line just before it calls the handler. */
struct reader {
    struct config *config;
    struct config_faults *faults;
    const char *name; /* of the file */
    FILE *file;
    unsigned line;
    uint64_t seen;   /* see config_key_set() */
    bool indented;   /* this line continues the value of the last one */
    bool refused;    /* ... which was not taken */
    size_t keys;     /* of this section */
    size_t accepted; /* ... of which so many were taken */
    bool skip;       /* this section is not known: its keys mean nothing */
    size_t sections;
    struct section section[SECTIONS_MAX];
};

static void add_fault(struct reader *r, unsigned line, const char *why)
{
    struct problem problem;

    problem_set(&problem, STATUS_BAD_VALUE, "%.100s:%u: %.120s", r->name, line, why);
    config_fault_add(r->faults, &problem);
}

/* Report this line, and return false. */
static bool refuse(struct reader *r, const char *why)
{
    add_fault(r, r->line, why);
    r->refused = true;
    return false;
}

/* -- sections -------------------------------------------------------------------------------- */

static struct slice current_service(const struct reader *r)
{
    return r->sections > 0 ? service_config_named(slice_of(r->section[r->sections - 1].name)) :
                             (struct slice){ NULL, 0 };
}

/* Refuse a [service NAME] without a line: an empty stack would leave the service to [service
 * other], which is not what its section was written for. */
static void end_section(struct reader *r)
{
    struct slice service = current_service(r);

    if (service.at == NULL || r->skip)
        return;
    if (r->keys == 0)
        add_fault(r, r->section[r->sections - 1].line,
                  "this [service] has no verifier: add sufficient = local, or remove it");
    if (r->accepted < r->keys)
        service_config_mark_faulty(&r->config->services, service);
}

/* Refuse a section that is not known, and one that was begun before. */
static bool check_section(struct reader *r, const struct section *new, struct slice service)
{
    char why[160];

    if (service.at == NULL && !policy_is_section(new->name) && !config_section_known(new->name)) {
        snprintf(why, sizeof(why), "there is no section [%.60s]", new->name);
        return refuse(r, why);
    }
    for (size_t i = 0; i < r->sections; i++)
        if (strcmp(r->section[i].name, new->name) == 0) {
            snprintf(why, sizeof(why), "[%s] is given twice: it begins in line %u", new->name,
                     r->section[i].line);
            refuse(r, why);
            break;
        }
    return true;
}

static bool begin_section(struct reader *r, struct slice name)
{
    struct section *new = &r->section[r->sections];
    struct slice service = service_config_named(name);
    struct problem problem;

    if (service.at != NULL && !service_config_check_name(service, &problem))
        return refuse(r, problem.message);
    if (r->sections == SECTIONS_MAX)
        return refuse(r, "there are too many sections");
    *new = (struct section){ .line = r->line };
    if (service.at != NULL)
        snprintf(new->name, sizeof(new->name), "service %.*s", (int)service.len, service.at);
    else
        snprintf(new->name, sizeof(new->name), "%.*s", (int)name.len, name.at);
    if (!check_section(r, new, service))
        return false;
    if (policy_is_section(new->name) &&
        !policies_begin(&r->config->policies, new->name, (int)r->line, &problem))
        return refuse(r, problem.message);
    r->sections++;
    r->skip = false;
    return true;
}

/* Return the length of what comes before one of these characters, or before a comment. */
static size_t length_to(const char *line, const char *characters)
{
    size_t at = 0;

    while (line[at] != '\0' && strchr(characters, line[at]) == NULL &&
           !(line[at] == ';' && at > 0 && isspace((unsigned char)line[at - 1])))
        at++;
    return at;
}

/* Read a line that begins with a bracket.  False: libinih must not see it. */
static bool read_section(struct reader *r, const char *line)
{
    struct slice name = { line + 1, length_to(line + 1, "]") };

    end_section(r);
    r->keys = r->accepted = 0;
    r->skip = true;
    if (r->indented)
        return refuse(r, "a [section] should begin at the start of its line");
    if (name.at[name.len] != ']')
        return refuse(r, "neither a [section] nor key = value");
    const char *rest = name.at + name.len + 1;
    rest += strspn(rest, " \t\v\f\r\n");
    if (*rest != '\0' && *rest != ';' && *rest != '#')
        return refuse(r, "after a [section] there can be only a comment");
    return begin_section(r, name);
}

/* -- lines ----------------------------------------------------------------------------------- */

/* Return where libinih begins to read a line: after blanks and a byte order mark. */
static const char *skip_blanks(const struct reader *r, const char *line)
{
    line += r->line == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    return line + strspn(line, " \t\v\f\r\n");
}

/* Check what libinih would report only once, or not at all. */
static bool check_line(struct reader *r, const char *line)
{
    const char *text = skip_blanks(r, line);

    r->indented = isspace((unsigned char)line[0]) && *text != '\0';
    if (*text == '\0' || *text == ';' || *text == '#')
        return true;
    if (*text == '[')
        return read_section(r, text);
    if (r->indented && r->keys > 0)
        return true; /* of any form */
    size_t at = length_to(text, "=:");
    if (text[at] == '=' || text[at] == ':')
        return true;
    r->keys++;
    return refuse(r, "neither a [section] nor key = value");
}

/* Read a line, of which `size` - 1 bytes are kept; all of it is consumed.  False: the file has
 * ended. */
static bool get_line(struct reader *r, char *line, int size, bool *whole, bool *nul)
{
    int len = 0, c;

    *whole = true;
    *nul = false;
    while ((c = getc(r->file)) != EOF) {
        *nul = *nul || c == '\0';
        *whole = *whole && len < size - 1;
        if (*whole)
            line[len++] = (char)c;
        if (c == '\n')
            break;
    }
    line[len] = '\0';
    return len > 0 || !*whole;
}

/* Note that a line which continues the last one is refused. */
static void cut_last(struct reader *r)
{
    struct slice service = current_service(r);

    if (service.at != NULL && !r->skip && r->keys > 0 && !r->refused)
        service_config_mark_cut(&r->config->services, service);
}

/* Give libinih a line, as fgets() does; an empty one for each that it must not see. */
static char *read_line(char *line, int size, void *context)
{
    struct reader *r = context;
    bool whole, nul;

    if (!get_line(r, line, size, &whole, &nul))
        return NULL;
    r->line++;
    if (whole && !nul && check_line(r, line))
        return line;
    if (!whole || nul) {
        if (isspace((unsigned char)line[0]))
            cut_last(r);
        r->indented = false;
        r->keys++;
        refuse(r, nul ? "the line has a NUL byte: this is no text" :
                        "the line is too long: at most 198 bytes can be read");
    }
    return strcpy(line, "\n");
}

/* Take a key from libinih. */
static bool take_key(struct reader *r, const char *name, const char *value, struct problem *problem)
{
    struct config *c = r->config;
    const char *section = r->sections > 0 ? r->section[r->sections - 1].name : "";
    bool continues = r->indented && r->keys > 0;

    if (!continues) {
        r->keys++;
        return config_key_set(c, (int)r->line, section, name, slice_of(value), &r->seen, problem);
    }
    if (current_service(r).at != NULL)
        return service_config_continue(&c->services, slice_of(value), problem);
    problem_set(problem, STATUS_SYNTAX,
                "this line begins with a space, and so continues the one before, which only the "
                "lines of a [service] can");
    return false;
}

static int handle_key(void *context, const char *section, const char *name, const char *value)
{
    struct reader *r = context;
    struct problem problem;
    bool continues = r->indented && r->keys > 0;

    (void)section;
    if (r->skip || (continues && r->refused))
        return 1;
    if (take_key(r, name, value, &problem)) {
        r->accepted += !continues;
        r->refused = false;
    } else {
        if (continues)
            cut_last(r);
        refuse(r, problem.message);
        r->accepted -= continues && r->accepted > 0; /* what was continued is not whole */
    }
    return 1;
}

/* Open the file without waiting for the other end of a pipe.  NULL: errno is set; ENOTSUP: it is
 * neither a regular file nor, for those who want an empty one, /dev/null. */
static FILE *open_file(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return NULL;
    bool null = fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
    FILE *stream = null || S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
    if (stream == NULL) {
        close(fd);
        errno = ENOTSUP;
    }
    return stream;
}

bool config_file_read(struct config *c, const char *file, struct config_faults *faults)
{
    struct reader r = { .config = c, .faults = faults, .name = file, .file = open_file(file) };
    struct problem problem;
    size_t before = faults->count;

    snprintf(c->file, sizeof(c->file), "%s", file);
    if (r.file == NULL) {
        problem_set(&problem, STATUS_BAD_VALUE, "%.150s: %s", file,
                    errno == ENOTSUP ? "this is not a regular file" : strerror(errno));
        config_fault_add(faults, &problem);
        faults->unreadable = true;
        return false;
    }
    int bad_line = ini_parse_stream(read_line, &r, handle_key, &r);
    if (ferror(r.file))
        refuse(&r, "cannot be read");
    else if (bad_line < 0)
        refuse(&r, "no memory");
    else if (bad_line > 0 && faults->count == before)
        add_fault(&r, (unsigned)bad_line, "neither a [section] nor key = value");
    end_section(&r);
    fclose(r.file);
    return faults->count == before;
}
