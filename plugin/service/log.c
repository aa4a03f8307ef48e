/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/service/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
    { "error", LOG_ERROR },
    { "warning", LOG_WARNING },
    { "info", LOG_INFO },
    { "debug", LOG_DEBUG },
};

static _Atomic int most = LOG_INFO;
static _Atomic uint64_t dropped;
static bool journal;
static const char *program = "jeton";

void log_open(const char *name)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    program = name;
    journal = stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
              fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_set_level(enum log_level level)
{
    atomic_store(&most, (int)level);
}

bool log_wants(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&most, memory_order_relaxed);
}

bool log_level_named(struct slice name, enum log_level *level)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (slice_is(name, levels[i].name)) {
            *level = levels[i].level;
            return true;
        }
    return false;
}

uint64_t log_dropped(void)
{
    return atomic_load(&dropped);
}

/* A line is shorter than what poll(2) promises a pipe has space for, so write() does not wait. */
static void put(const char *line, size_t len)
{
    struct pollfd writable = { .fd = STDERR_FILENO, .events = POLLOUT };

    if (poll(&writable, 1, 0) != 1 || write(STDERR_FILENO, line, len) != (ssize_t)len)
        atomic_fetch_add(&dropped, 1);
}

static const char *name_of(enum log_level level)
{
    size_t i = 0;

    while (levels[i].level != level)
        i++;
    return levels[i].name;
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    if (!log_wants(level))
        return;
    int prefix = journal ? snprintf(line, sizeof(line), "<%d>", (int)level) :
                           snprintf(line, sizeof(line), "%s: %s: ", program, name_of(level));
    va_start(args, format);
    int more = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix - 1, format, args);
    va_end(args);
    size_t len = (size_t)prefix + (more > 0 ? (size_t)more : 0);
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[len] = '\n';
    put(line, len + 1);
}
