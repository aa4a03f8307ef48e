/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/lease_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/log.h"

enum { LINE_LEN = 96 };

/* Read a short file as a string; the length, or -1 and errno. */
static ssize_t read_text(int fd, char *text, size_t size)
{
    ssize_t len = pread(fd, text, size - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    return len;
}

/* Take a text of 32 hex digits, with or without hyphens and a line end, as the kernel writes it.
 * False: it is none. */
static bool take_boot_id(const char *text, char id[LEASE_FILE_BOOT_ID + 1])
{
    size_t len = 0;

    for (; *text != '\0' && *text != '\n'; text++) {
        if (len == 8 || len == 13 || len == 18 || len == 23) {
            id[len++] = '-';
            text += *text == '-';
        }
        if (len == LEASE_FILE_BOOT_ID || *text == '\0' || strchr("0123456789abcdef", *text) == NULL)
            return false;
        id[len++] = *text;
    }
    id[len] = '\0';
    return len == LEASE_FILE_BOOT_ID;
}

static void read_boot_id(char id[LEASE_FILE_BOOT_ID + 1])
{
    char text[LEASE_FILE_BOOT_ID + 2];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    bool known = fd >= 0 && read_text(fd, text, sizeof(text)) > 0 && take_boot_id(text, id);
    const char *given = known ? NULL : getenv("JETOND_BOOT_ID");

    if (!known && (given == NULL || !take_boot_id(given, id)))
        strcpy(id, "0");
    if (fd >= 0)
        close(fd);
}

/* True unless the line proves that nobody believes the last daemon's table. */
static bool may_be_believed(const char *line, const char *boot_id)
{
    char boot[LEASE_FILE_BOOT_ID + 1], state[8], end;

    if (sscanf(line, "v=1 boot=%36[0-9a-f-] state=%7[a-z]%c", boot, state, &end) != 3 ||
        end != '\n')
        return true;
    if (strcmp(state, "stopped") == 0)
        return false;
    return strcmp(boot, "0") == 0 || strcmp(boot_id, "0") == 0 || strcmp(boot, boot_id) == 0;
}

/* Write the line.  Both states have the same length, so that nothing needs space but the first. */
static bool write_state(const struct lease_file *f, const char *state)
{
    char line[LINE_LEN];
    int len = snprintf(line, sizeof(line), "v=1 boot=%s state=%s\n", f->boot_id, state);

    return pwrite(f->fd, line, (size_t)len, 0) == len && ftruncate(f->fd, len) == 0;
}

/* Open the file.  False: it is there, and cannot be used. */
static bool open_file(struct lease_file *f, const char *path)
{
    struct stat st;

    f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (f->fd >= 0 && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode))
        return true;
    int error = f->fd < 0 ? errno : EINVAL;
    bool missing = f->fd < 0 && lstat(path, &st) < 0 && errno == ENOENT;
    (missing ? log_warning : log_error)("lease: cannot open %s: %s", path, strerror(error));
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    return missing;
}

enum lease_file_state lease_file_begin(struct lease_file *f, const char *store)
{
    char path[PATH_MAX + 8], line[LINE_LEN];

    snprintf(path, sizeof(path), "%s.lease", store);
    if (!open_file(f, path))
        return LEASE_FILE_FAILED;
    if (f->fd < 0)
        return LEASE_FILE_MISSING;
    read_boot_id(f->boot_id);
    ssize_t len = read_text(f->fd, line, sizeof(line));
    bool believed = len < 0 || may_be_believed(line, f->boot_id);
    /* An empty file, or none, is as good as the mark: only an old `stopped` must not stay. */
    if (!write_state(f, "running") && ftruncate(f->fd, 0) < 0 && unlink(path) < 0) {
        log_error("lease: cannot write %s: %s", path, strerror(errno));
        lease_file_end(f, false);
        return LEASE_FILE_FAILED;
    }
    return len == 0 ? LEASE_FILE_MISSING : believed ? LEASE_FILE_RUNNING : LEASE_FILE_STOPPED;
}

void lease_file_end(struct lease_file *f, bool stopped)
{
    if (f->fd >= 0 && stopped && !write_state(f, "stopped"))
        log_warning("lease: this end cannot be noted: %s; the next start answers denials late",
                    strerror(errno));
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
