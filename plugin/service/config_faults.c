/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/service/config_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

void config_blame(struct config_faults *faults, const char *format, ...)
{
    va_list args;

    if (faults->count < CONFIG_FAULTS_MAX) {
        va_start(args, format);
        vsnprintf(faults->text[faults->count], CONFIG_FAULT_SIZE, format, args);
        va_end(args);
    }
    faults->count++;
}

FILE *config_open_file(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return NULL;
    FILE *stream = fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode) ? fdopen(fd, "r") : NULL;
    if (stream == NULL) {
        close(fd);
        errno = EISDIR;
    }
    return stream;
}
