/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/log_writer.h"

static _Atomic int threshold = LOG_LEVEL_INFO;
static bool journal; /* set before there are threads */

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
    { "error", LOG_LEVEL_ERROR },
    { "warning", LOG_LEVEL_WARNING },
    { "info", LOG_LEVEL_INFO },
    { "debug", LOG_LEVEL_DEBUG },
};

enum { LEVELS = sizeof(levels) / sizeof(levels[0]) };

/* JOURNAL_STREAM is "DEVICE:INODE" of the stream that systemd made for us, see systemd.exec(5).
 * Compare it with standard error: the variable stays when standard error is redirected. */
void log_open(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    journal = stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
              fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

bool log_is_journal(void)
{
    return journal;
}

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

bool log_level_named(const char *name, enum log_level *level)
{
    for (int i = 0; i < LEVELS; i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *level = levels[i].level;
            return true;
        }
    }
    return false;
}

static const char *level_name(enum log_level level)
{
    int i = 0;

    while (i < LEVELS - 1 && levels[i].level != level)
        i++;
    return levels[i].name;
}

/* Write the beginning of a line; return its length. */
static size_t put_head(char line[LOG_LINE_MAX], enum log_level level)
{
    return (size_t)(journal ? snprintf(line, LOG_LINE_MAX, "<%d>", (int)level) :
                              snprintf(line, LOG_LINE_MAX, "jetond: %s: ", level_name(level)));
}

static void log_line(enum log_level level, const char *format, va_list args)
{
    char line[LOG_LINE_MAX];

    if ((int)level > atomic_load(&threshold))
        return;
    size_t head = put_head(line, level);
    int len = vsnprintf(line + head, sizeof(line) - head - 1, format, args);
    if (len < 0)
        return;
    for (char *at = line + head; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    size_t all = strlen(line);
    line[all++] = '\n';
    log_writer_put(line, all);
}

/* -- the thread that writes ------------------------------------------------------------------ */

static size_t put_notice(char *line, uint64_t dropped)
{
    size_t head = put_head(line, LOG_LEVEL_WARNING);

    return head + (size_t)snprintf(line + head, LOG_LINE_MAX - head,
                                   "log: %llu lines were dropped here, because standard error did "
                                   "not take them\n",
                                   (unsigned long long)dropped);
}

void log_start(void)
{
    int error = log_writer_start(put_notice);

    if (error < 0)
        log_warning("log: no thread for it (%s): whoever reads it can hold up the daemon",
                    strerror(-error));
}

void log_flush(void)
{
    log_writer_flush();
}

void log_stop(void)
{
    log_writer_stop();
}

uint64_t log_dropped(void)
{
    return log_writer_dropped();
}

/* -- levels ---------------------------------------------------------------------------------- */

#define LOG_FUNCTION(function, level)      \
    void function(const char *format, ...) \
    {                                      \
        va_list args;                      \
        va_start(args, format);            \
        log_line(level, format, args);     \
        va_end(args);                      \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
