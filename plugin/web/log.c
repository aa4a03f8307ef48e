/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

void log_write(const char *format, ...)
{
    struct pollfd writable = { .fd = STDERR_FILENO, .events = POLLOUT };
    char line[LINE_SIZE] = "jeton-web: ";
    const size_t prefix = sizeof("jeton-web: ") - 1;
    va_list args;

    va_start(args, format);
    int more = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, args);
    va_end(args);
    size_t len = prefix + (more > 0 ? (size_t)more : 0);
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';
    /* A line is shorter than what poll(2) promises a pipe has space for, so write() does not wait. */
    if (poll(&writable, 1, 0) == 1 && write(STDERR_FILENO, line, len) < 0)
        return;
}
