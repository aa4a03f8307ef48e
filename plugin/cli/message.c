/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "plugin/cli/pager.h"

enum { MESSAGE_MAX = 2048, PROGRESS_DELAY = 500, PROGRESS_INTERVAL = 200 };

/* The progress line.  There is one, as there is one standard error. */
static struct {
    bool shown;
    int64_t since; /* when the work began; 0: no work is under way */
    int64_t last;
} progress;

static bool no_remarks;

int64_t cli_message_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void write_out(struct cli_buffer *b)
{
    struct slice rest = cli_buffer_slice(b);

    while (rest.len > 0) {
        ssize_t written = write(STDERR_FILENO, rest.at, rest.len);
        if (written <= 0)
            break;
        rest.at += written;
        rest.len -= (size_t)written;
    }
    cli_buffer_free(b);
}

static struct slice format_to(char *buffer, size_t size, const char *format, va_list args)
{
    int len = vsnprintf(buffer, size, format, args);

    if (len < 0)
        len = 0;
    return (struct slice){ buffer, (size_t)len < size ? (size_t)len : size - 1 };
}

static void write_message(const char *format, va_list args)
{
    struct cli_buffer b = { .at = NULL };
    char made[MESSAGE_MAX];
    struct slice text = format_to(made, sizeof(made), format, args);

    cli_message_progress_end();
    cli_pager_end(); /* it would hide the message */
    cli_buffer_adds(&b, "jeton: ");
    while (text.len > 0) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.at) : text.len;
        cli_escape_put(&b, (struct slice){ text.at, len }, SIZE_MAX);
        cli_buffer_addc(&b, '\n');
        len += end != NULL ? 1 : 0;
        text = (struct slice){ text.at + len, text.len - len };
    }
    write_out(&b);
}

void cli_message(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_message(format, args);
    va_end(args);
}

void cli_message_no_remarks(void)
{
    no_remarks = true;
}

void cli_message_remark(const char *format, ...)
{
    va_list args;

    if (no_remarks)
        return;
    va_start(args, format);
    write_message(format, args);
    va_end(args);
}

void cli_message_progress(const char *format, ...)
{
    struct cli_buffer b = { .at = NULL };
    char made[128];
    va_list args;
    int64_t now = cli_message_clock();

    if (progress.since == 0)
        progress.since = now;
    if (now - progress.since < PROGRESS_DELAY || now - progress.last < PROGRESS_INTERVAL ||
        !isatty(STDERR_FILENO))
        return;
    va_start(args, format);
    struct slice text = format_to(made, sizeof(made), format, args);
    va_end(args);
    cli_buffer_adds(&b, "\r");
    cli_escape_put(&b, text, SIZE_MAX);
    cli_buffer_adds(&b, "\033[K");
    write_out(&b);
    progress.last = now;
    progress.shown = true;
}

void cli_message_progress_end(void)
{
    struct cli_buffer b = { .at = NULL };

    if (progress.shown) {
        cli_buffer_adds(&b, "\r\033[K");
        write_out(&b);
    }
    progress.shown = false;
    progress.since = progress.last = 0;
}
