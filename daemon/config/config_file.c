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

enum { INIH_SECTION_MAX = 49 }; /* libinih silently cuts off what is longer */

/* The state of reading a file.  It counts lines, because libinih does not pass their numbers to its
 * handler; libinih reads each line just before it calls the handler. */
struct reader {
    struct config *config;
    struct problem *problem;
    FILE *file;
    unsigned line;
    uint32_t seen;      /* see config_key_set() */
    bool indented;      /* this line continues the value of the last one */
    bool empty_service; /* no line yet of the [service NAME] that we are in */
    bool failed;        /* with *problem */
};

static bool fail(struct reader *r, const char *message)
{
    problem_set(r->problem, STATUS_BAD_VALUE, "%s", message);
    r->failed = true;
    return false;
}

/* Refuse a [service NAME] without a line: an empty stack would leave the service to [service
 * other], which is not what its section was written for. */
static bool end_section(struct reader *r)
{
    if (!r->empty_service)
        return true;
    return fail(r, "the [service] above has no verifier: add sufficient = local, or remove it");
}

/* Return where libinih begins to read a line: after blanks and a byte order mark. */
static const char *skip_blanks(const struct reader *r, const char *line)
{
    line += r->line == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    return line + strspn(line, " \t\v\f\r");
}

static bool check_section(struct reader *r, const char *line)
{
    if (line[0] != '[')
        return true;
    if (r->indented)
        return fail(r, "a [section] should begin at the start of its line");
    if (strcspn(line, "]") > INIH_SECTION_MAX + 1)
        return fail(r, "a section's name can have at most 49 bytes here, a service's 41");
    bool ended = end_section(r);
    r->line -= !ended; /* blame the section before */
    r->empty_service = slice_begins(slice_of(line), "[service ");
    return ended;
}

/* Read a line for libinih, as fgets() does. */
static char *read_line(char *line, int size, void *context)
{
    struct reader *r = context;

    if (r->failed || fgets(line, size, r->file) == NULL)
        return NULL;
    r->line++;
    if (strchr(line, '\n') == NULL && !feof(r->file)) {
        fail(r, "the line is too long: at most 198 bytes can be read");
        return NULL;
    }
    r->indented = isspace((unsigned char)line[0]);
    return check_section(r, skip_blanks(r, line)) ? line : NULL;
}

/* Take a key from libinih; 0 on error. */
static int handle_key(void *context, const char *section, const char *name, const char *value)
{
    struct reader *r = context;
    struct config *c = r->config;
    bool in_service = service_config_named(slice_of(section)).at != NULL;

    if (r->failed)
        return 0;
    if (in_service && r->indented && !r->empty_service)
        r->failed = !service_config_continue(&c->services, slice_of(value), r->problem);
    else
        r->failed = !config_key_set(c, (int)r->line, section, name, slice_of(value), &r->seen,
                                    r->problem);
    r->empty_service = false;
    return !r->failed;
}

/* Read all lines.  False: *r has the line and the problem. */
static bool read_lines(struct reader *r)
{
    int bad_line = ini_parse_stream(read_line, r, handle_key, r);

    if (ferror(r->file))
        return fail(r, "cannot be read");
    if (r->failed)
        return false;
    if (bad_line == 0)
        return end_section(r);
    if (bad_line > 0)
        r->line = (unsigned)bad_line;
    return fail(r, "neither a [section] nor key = value");
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

bool config_file_read(struct config *c, const char *file, struct problem *problem)
{
    struct reader r = { .config = c, .problem = problem, .file = open_file(file) };
    char why[sizeof(problem->message)];

    snprintf(c->file, sizeof(c->file), "%s", file);
    if (r.file == NULL) {
        problem_set(problem, STATUS_BAD_VALUE, "%.150s: %s", file,
                    errno == ENOTSUP ? "this is not a regular file" : strerror(errno));
        return false;
    }
    bool ok = read_lines(&r);
    fclose(r.file);
    if (ok)
        return true;
    snprintf(why, sizeof(why), "%s", problem->message);
    problem_set(problem, STATUS_BAD_VALUE, "%.100s:%u: %.120s", file, r.line, why);
    return false;
}
