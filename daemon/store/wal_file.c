/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/wal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/store_lock.h"
#include "daemon/store/tdb_file.h"

enum { ZEROS = 256 * 1024 };

static bool fail(const struct wal_file *f, const char *what, struct problem *problem)
{
    problem_set(problem, STATUS_STORE, "log %.150s cannot be %s: %s", f->path, what,
                errno != 0 ? strerror(errno) : "only a part was");
    return false;
}

bool wal_file_init(struct wal_file *f, const char *store, bool write)
{
    *f = (struct wal_file){ .fd = -1, .write = write };
    snprintf(f->path, sizeof(f->path), "%.*s" WAL_SUFFIX, PATH_MAX - 1, store);
    return (size_t)snprintf(f->store, sizeof(f->store), "%s", store) < sizeof(f->store) - 16;
}

static uint64_t size_of(const struct wal_shape *shape)
{
    return WAL_BLOCK + (uint64_t)shape->segments * shape->size;
}

/* Check what was opened.  A block that cannot be read is another fault than one that is no head. */
static bool check_file(struct wal_file *f, struct problem *problem)
{
    char block[WAL_BLOCK];
    struct stat st;

    errno = 0;
    if (fstat(f->fd, &st) < 0 || pread(f->fd, block, sizeof(block), 0) < 0)
        return fail(f, "read", problem);
    f->device = st.st_dev;
    f->inode = st.st_ino;
    if (S_ISREG(st.st_mode) && st.st_size >= WAL_BLOCK && wal_shape_read(block, &f->shape) &&
        (uint64_t)st.st_size >= size_of(&f->shape))
        return true;
    problem_set(problem, STATUS_STORE,
                "%.120s is not a log of jeton, or is damaged or not whole; "
                "put back the whole one, or see jetond(8)",
                f->path);
    return false;
}

bool wal_file_open(struct wal_file *f, struct problem *problem)
{
    int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (f->write ? O_RDWR : O_RDONLY);

    f->fd = open(f->path, flags);
    if (f->fd < 0)
        return errno == ENOENT || fail(f, "opened", problem);
    if (check_file(f, problem) &&
        (!f->write || store_lock_file(f->fd, f->store, WAL_SUFFIX, problem)))
        return true;
    wal_file_close(f);
    return false;
}

void wal_file_close(struct wal_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    f->direct = false;
}

/* -- creation --------------------------------------------------------------------------------- */

/* On btrfs let writes go to the space that there is; others do so anyway, or do not know it. */
static void write_in_place(int fd)
{
    int flags = 0;

    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
        return;
    flags |= FS_NOCOW_FL;
    (void)!ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static bool write_all(int fd, const char *bytes, size_t len, uint64_t at)
{
    ssize_t written = pwrite(fd, bytes, len, (off_t)at);

    if (written >= 0 && (size_t)written != len)
        errno = 0;
    return written == (ssize_t)len;
}

/* Allocate all before a byte is written: where there is no space nothing is used up. */
static bool fill(int fd, const struct wal_shape *shape)
{
    uint64_t size = size_of(shape), at = 0;
    char *zeros = calloc(1, ZEROS);

    errno = zeros == NULL ? ENOMEM : posix_fallocate(fd, 0, (off_t)size);
    bool done = errno == 0 || errno == EOPNOTSUPP || errno == EINVAL;
    for (size_t len; done && at < size; at += len) {
        len = size - at < ZEROS ? (size_t)(size - at) : ZEROS;
        done = write_all(fd, zeros, len, at);
    }
    if (done) {
        wal_shape_write(zeros, shape);
        done = write_all(fd, zeros, WAL_BLOCK, 0) && fsync(fd) == 0;
    }
    int error = errno;
    free(zeros);
    errno = error;
    return done;
}

/* Make a file of another name, and lock it.  Return its descriptor; -1 and errno. */
static int make(const char *name, const struct wal_shape *shape)
{
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -1;
    write_in_place(fd);
    if (fill(fd, shape))
        return fd;
    int error = errno;
    close(fd);
    unlink(name);
    errno = error;
    return -1;
}

bool wal_file_create(struct wal_file *f, const struct wal_shape *shape, struct problem *problem)
{
    char name[sizeof(f->path) + 8];
    struct wal_file created = *f;

    snprintf(name, sizeof(name), "%s.new", f->path);
    unlink(name); /* left by a creation that was interrupted */
    created.direct = false;
    created.fd = make(name, shape);
    if (created.fd < 0)
        return fail(f, "created", problem);
    bool done = check_file(&created, problem) &&
                store_lock_file(created.fd, f->store, WAL_SUFFIX, problem);
    if (done && rename(name, f->path) < 0)
        done = fail(f, "created", problem);
    if (!done) {
        close(created.fd);
        unlink(name);
        return false;
    }
    wal_file_close(f);
    *f = created;
    return tdb_file_sync_directory(f->path) || fail(f, "created", problem);
}

bool wal_file_remove(const char *store, struct problem *problem)
{
    struct wal_file f;

    if (wal_file_init(&f, store, true) &&
        ((unlink(f.path) == 0 && tdb_file_sync_directory(f.path)) || errno == ENOENT))
        return true;
    return fail(&f, "removed", problem);
}

/* -- reading and writing ---------------------------------------------------------------------- */

bool wal_file_in_place(const struct wal_file *f, struct problem *problem)
{
    struct stat st;

    if (lstat(f->path, &st) == 0 && st.st_dev == f->device && st.st_ino == f->inode)
        return true;
    problem_set(problem, STATUS_STORE, "log %.150s was moved away or replaced", f->path);
    return false;
}

static uint64_t place(const struct wal_file *f, uint64_t sequence, size_t offset)
{
    return WAL_BLOCK + sequence % f->shape.segments * f->shape.size + offset;
}

bool wal_file_read(const struct wal_file *f, uint64_t sequence, size_t offset, char *bytes,
                   size_t len, struct problem *problem)
{
    ssize_t got = pread(f->fd, bytes, len, (off_t)place(f, sequence, offset));

    if (got >= 0 && (size_t)got != len)
        errno = 0;
    return got == (ssize_t)len || fail(f, "read", problem);
}

void wal_file_set_direct(struct wal_file *f, bool direct)
{
    int flags = fcntl(f->fd, F_GETFL);

    if (f->direct == direct || flags < 0)
        return;
    flags = direct ? flags | O_DIRECT : flags & ~O_DIRECT;
    f->direct = fcntl(f->fd, F_SETFL, flags) == 0 ? direct : f->direct;
}

/* What O_DIRECT needs beyond whole blocks is known when it is refused. */
bool wal_file_write(struct wal_file *f, uint64_t sequence, size_t offset, const char *bytes,
                    size_t len, struct problem *problem)
{
    const uint64_t at = place(f, sequence, offset);
    bool done = write_all(f->fd, bytes, len, at);

    if (!done && errno == EINVAL && f->direct) {
        wal_file_set_direct(f, false);
        done = write_all(f->fd, bytes, len, at);
    }
    return done || fail(f, "written", problem);
}

bool wal_file_sync(const struct wal_file *f, struct problem *problem)
{
    return fdatasync(f->fd) == 0 || fail(f, "synced", problem);
}
