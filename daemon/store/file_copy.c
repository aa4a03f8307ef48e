/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/file_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, SPARE = 8 * 1024 * 1024 };

#define SUFFIX ".unfinished-backup"

const struct file_copy file_copy_none = { .from = -1, .to = -1, .passed = -1 };

static bool fail(const struct file_copy *c, const char *what, struct problem *problem)
{
    const int error = errno;

    problem_set(problem, STATUS_STORE, "cannot %s a copy of %.120s: %s%s", what, c->path,
                strerror(error),
                error == ENOSPC || error == EDQUOT ?
                    "; make space for it beside the store, or use export" :
                    "");
    return false;
}

/* -- the files -------------------------------------------------------------------------------- */

static bool name_copy(const char *path, char name[PATH_MAX])
{
    return snprintf(name, PATH_MAX, "%s%s", path, SUFFIX) < PATH_MAX;
}

void file_copy_clean(const char *path)
{
    char name[PATH_MAX];
    struct stat st;

    if (name_copy(path, name) && lstat(name, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
        unlink(name);
}

/* Open the copy twice, and remove its name before anything is in it: what is killed leaves nothing. */
static bool open_copy(struct file_copy *c)
{
    char name[PATH_MAX];
    struct stat made, opened;

    if (!name_copy(c->path, name)) {
        errno = ENAMETOOLONG;
        return false;
    }
    file_copy_clean(c->path);
    c->to = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (c->to < 0)
        return false;
    c->passed = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int error = errno;
    unlink(name);
    errno = error;
    if (c->passed < 0 || fstat(c->to, &made) < 0 || fstat(c->passed, &opened) < 0)
        return false;
    errno = ESTALE;
    return made.st_dev == opened.st_dev && made.st_ino == opened.st_ino;
}

/* Take no more than what leaves the store space to grow. */
static bool has_space(const struct file_copy *c)
{
    struct statvfs fs;
    struct stat st;

    if (fstat(c->from, &st) < 0 || fstatvfs(c->to, &fs) < 0)
        return false;
    const uint64_t size = (uint64_t)st.st_size, need = size + size / 8 + SPARE;
    errno = ENOSPC;
    return (uint64_t)fs.f_bavail * fs.f_frsize >= need;
}

bool file_copy_begin(struct file_copy *c, const char *path, struct problem *problem)
{
    c->buffer = malloc(2 * PIECE);
    snprintf(c->path, sizeof(c->path), "%s", path);
    errno = ENOMEM;
    if (c->buffer != NULL)
        c->from = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (c->from < 0 || !open_copy(c))
        return fail(c, "begin", problem);
    c->clones = ioctl(c->to, FICLONE, c->from) == 0;
    if (c->clones || has_space(c))
        return true;
    return fail(c, "begin", problem);
}

void file_copy_leave(struct file_copy *c)
{
    if (c->from >= 0)
        close(c->from);
    c->from = -1;
    free(c->buffer);
    c->buffer = NULL;
}

void file_copy_end(struct file_copy *c)
{
    if (c->passed >= 0)
        close(c->passed);
    if (c->to >= 0)
        close(c->to);
    c->passed = c->to = -1;
}

/* -- the bytes -------------------------------------------------------------------------------- */

/* Read up to a piece; less: the file ends there. */
static ssize_t read_piece(int fd, char *bytes, off_t at)
{
    size_t len = 0;

    while (len < PIECE) {
        ssize_t got = pread(fd, bytes + len, PIECE - len, at + (off_t)len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static bool write_piece(int fd, const char *bytes, size_t len, off_t at)
{
    while (len > 0) {
        ssize_t put = pwrite(fd, bytes, len, at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return false;
        }
        bytes += put;
        len -= (size_t)put;
        at += put;
    }
    return true;
}

/* Copy one piece, or only what differs of it; return its length, or -1 and errno. */
static ssize_t copy_piece(struct file_copy *c, off_t at, bool compare)
{
    char *new = c->buffer, *old = c->buffer + PIECE;

    errno = ECANCELED;
    if (atomic_load(&c->stop))
        return -1;
    ssize_t len = read_piece(c->from, new, at);
    if (len <= 0)
        return len;
    if (compare && read_piece(c->to, old, at) >= len && memcmp(new, old, (size_t)len) == 0)
        return len;
    return write_piece(c->to, new, (size_t)len, at) ? len : -1;
}

static bool copy_all(struct file_copy *c, bool compare, struct problem *problem)
{
    off_t at = 0;
    ssize_t len;

    while ((len = copy_piece(c, at, compare)) > 0)
        at += len;
    if (len == 0 && ftruncate(c->to, at) == 0) {
        c->size = (uint64_t)at;
        return true;
    }
    return fail(c, "write", problem);
}

bool file_copy_ahead(struct file_copy *c, struct problem *problem)
{
    return c->clones || copy_all(c, false, problem);
}

static bool clone(struct file_copy *c)
{
    struct stat st;

    if (fstat(c->from, &st) < 0 || ftruncate(c->to, st.st_size) < 0 ||
        ioctl(c->to, FICLONE, c->from) < 0)
        return false;
    c->size = (uint64_t)st.st_size;
    return true;
}

bool file_copy_finish(struct file_copy *c, struct problem *problem)
{
    return (c->clones && clone(c)) || copy_all(c, true, problem);
}
