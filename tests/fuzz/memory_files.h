/* SPDX-License-Identifier: Apache-2.0 */
/* Keep the files below MEMORY_FILES in this process's memory: a harness that runs
 * a daemon then makes hardly any system call.  The functions here replace the C library's, for TDB
 * too.  To be included once in a harness; one thread. */
#ifndef JETON_FUZZ_MEMORY_FILES_H
#define JETON_FUZZ_MEMORY_FILES_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utime.h>

#include "tests/fuzz/fuzz.h"

#define MEMORY_FILES "/memory-files/"
#define MEMORY_MEMFD "memfd"

FUZZ_HARNESS_BEGINS

enum {
    MEMORY_FILES_MAX = 16,
    MEMORY_PAGE = 4096,
    MEMORY_PAGES = 2048,
    MEMORY_FILE_SIZE = MEMORY_PAGES * MEMORY_PAGE,
    MEMORY_FDS_MAX = 64,
    MEMORY_FD = 1000, /* the first descriptor; no real one is as high */
};

static struct memory_file {
    char name[16]; /* "": free */
    char *bytes;   /* zeros from `size` on */
    off_t size;
    int seals, mappings, fds;   /* of a memfd, which is freed with the last of them */
    bool written[MEMORY_PAGES]; /* the others are zeros */
} memory_file[MEMORY_FILES_MAX], memory_directory;

static struct memory_fd {
    bool open;
    struct memory_file *file; /* NULL: an eventfd */
    off_t at;
    uint64_t count;
} memory_fd[MEMORY_FDS_MAX];

static struct memory_fd *memory_fd_of(int fd)
{
    if (fd < MEMORY_FD || fd >= MEMORY_FD + MEMORY_FDS_MAX)
        return NULL;
    MUST(memory_fd[fd - MEMORY_FD].open);
    return &memory_fd[fd - MEMORY_FD];
}

static struct memory_file *memory_file_of(int fd)
{
    struct memory_fd *m = memory_fd_of(fd);

    return m != NULL ? m->file : NULL;
}

/* Return the file of that path; NULL: none, or it is not below MEMORY_FILES. */
static struct memory_file *memory_file_at(const char *path)
{
    size_t len = strlen(MEMORY_FILES);

    if (strncmp(path, MEMORY_FILES, len) != 0)
        return NULL;
    for (int i = 0; i < MEMORY_FILES_MAX; i++)
        if (memory_file[i].name[0] != '\0' && strcmp(memory_file[i].name, path + len) == 0)
            return &memory_file[i];
    errno = ENOENT;
    return NULL;
}

/* Clear only pages that were written: most of a new store is free space. */
static void memory_file_resize(struct memory_file *f, off_t size)
{
    size_t page = (size_t)(size + MEMORY_PAGE - 1) / MEMORY_PAGE;

    MUST(size <= MEMORY_FILE_SIZE);
    if (size < f->size && size % MEMORY_PAGE != 0)
        memset(f->bytes + size, 0, MEMORY_PAGE - (size_t)size % MEMORY_PAGE);
    for (; size < f->size && page < MEMORY_PAGES; page++) {
        if (f->written[page])
            memset(f->bytes + page * MEMORY_PAGE, 0, MEMORY_PAGE);
        f->written[page] = false;
    }
    f->size = size;
}

static struct memory_file *memory_file_create(const char *name)
{
    for (int i = 0; i < MEMORY_FILES_MAX; i++) {
        struct memory_file *f = &memory_file[i];
        if (f->name[0] != '\0')
            continue;
        MUST(strlen(name) < sizeof(f->name));
        strcpy(f->name, name);
        if (f->bytes == NULL)
            f->bytes = calloc(1, MEMORY_FILE_SIZE);
        MUST(f->bytes != NULL);
        return f;
    }
    fuzz_fail("too many files", __FILE__, __LINE__);
}

/* Free a memfd that nobody has open or mapped any more. */
static void memory_file_release(struct memory_file *f)
{
    if (strcmp(f->name, MEMORY_MEMFD) != 0 || f->fds + f->mappings > 0)
        return;
    memset(f->bytes, 0, (size_t)f->size);
    f->size = 0;
    f->name[0] = '\0';
}

static int memory_fd_new(struct memory_file *file)
{
    for (int i = 0; i < MEMORY_FDS_MAX; i++)
        if (!memory_fd[i].open) {
            memory_fd[i] = (struct memory_fd){ .open = true, .file = file };
            if (file != NULL)
                file->fds++;
            return MEMORY_FD + i;
        }
    fuzz_fail("too many descriptors", __FILE__, __LINE__);
}

/* Ask only once: it is a system call. */
static uid_t memory_owner(void)
{
    static uid_t owner = (uid_t)-1;

    if (owner == (uid_t)-1)
        owner = getuid();
    return owner;
}

static void memory_file_stat(const struct memory_file *f, struct stat *st)
{
    *st = (struct stat){
        .st_dev = 1,
        .st_ino = (ino_t)(f - memory_file) + 1,
        .st_mode = S_IFREG | 0600,
        .st_nlink = 1,
        .st_uid = memory_owner(),
        .st_size = f->size,
    };
}

/* -- paths -------------------------------------------------------------------------------- */

int open(const char *path, int flags, ...)
{
    bool here = strncmp(path, MEMORY_FILES, strlen(MEMORY_FILES)) == 0;
    int other;
    struct memory_file *f = memory_file_at(path);
    va_list rest;

    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (strncmp(path, MEMORY_FILES, strlen(MEMORY_FILES) - 1) == 0 && (flags & O_DIRECTORY))
        return memory_fd_new(&memory_directory);
    if (sscanf(path, "/proc/self/fd/%d", &other) == 1 && memory_fd_of(other) != NULL)
        return memory_fd_new(memory_fd_of(other)->file);
    if (!here)
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (f == NULL && !(flags & O_CREAT))
        return -1;
    if (f == NULL)
        f = memory_file_create(path + strlen(MEMORY_FILES));
    if (flags & O_TRUNC)
        memory_file_resize(f, 0);
    return memory_fd_new(f);
}

/* What open() and pread() are when compiled with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open(path, flags);
}

int unlink(const char *path)
{
    struct memory_file *f = memory_file_at(path);

    if (f == NULL)
        return (int)syscall(SYS_unlink, path);
    memory_file_resize(f, 0);
    f->name[0] = '\0';
    return 0;
}

int rename(const char *from, const char *to)
{
    struct memory_file *f = memory_file_at(from);

    if (f == NULL)
        return (int)syscall(SYS_rename, from, to);
    if (memory_file_at(to) != NULL)
        unlink(to);
    MUST(strlen(to) - strlen(MEMORY_FILES) < sizeof(f->name));
    strcpy(f->name, to + strlen(MEMORY_FILES));
    return 0;
}

static int memory_stat(const char *path, struct stat *st, int flags)
{
    struct memory_file *f = memory_file_at(path);

    if (f == NULL)
        return (int)syscall(SYS_newfstatat, AT_FDCWD, path, st, flags);
    memory_file_stat(f, st);
    return 0;
}

int stat(const char *path, struct stat *st)
{
    return memory_stat(path, st, 0);
}

int lstat(const char *path, struct stat *st)
{
    return memory_stat(path, st, AT_SYMLINK_NOFOLLOW);
}

int utime(const char *path, const struct utimbuf *times)
{
    (void)times;
    MUST(memory_file_at(path) != NULL);
    return 0;
}

/* -- descriptors -------------------------------------------------------------------------- */

int close(int fd)
{
    struct memory_fd *m = memory_fd_of(fd);

    if (m == NULL)
        return (int)syscall(SYS_close, fd);
    m->open = false;
    if (m->file != NULL && --m->file->fds == 0)
        memory_file_release(m->file);
    return 0;
}

int fstat(int fd, struct stat *st)
{
    struct memory_file *f = memory_file_of(fd);

    if (f == NULL)
        return (int)syscall(SYS_fstat, fd, st);
    memory_file_stat(f, st);
    return 0;
}

ssize_t pread(int fd, void *to, size_t len, off_t at)
{
    struct memory_file *f = memory_file_of(fd);

    if (f == NULL)
        return syscall(SYS_pread64, fd, to, len, at);
    if (at >= f->size)
        return 0;
    if ((off_t)len > f->size - at)
        len = (size_t)(f->size - at);
    memcpy(to, f->bytes + at, len);
    return (ssize_t)len;
}

ssize_t __pread_chk(int fd, void *to, size_t len, off_t at, size_t size);
ssize_t __pread_chk(int fd, void *to, size_t len, off_t at, size_t size)
{
    MUST(len <= size);
    return pread(fd, to, len, at);
}

ssize_t pwrite(int fd, const void *from, size_t len, off_t at)
{
    struct memory_file *f = memory_file_of(fd);

    if (f == NULL)
        return syscall(SYS_pwrite64, fd, from, len, at);
    if (at + (off_t)len > f->size)
        memory_file_resize(f, at + (off_t)len);
    for (off_t page = at / MEMORY_PAGE; page * MEMORY_PAGE < at + (off_t)len; page++)
        f->written[page] = true;
    memcpy(f->bytes + at, from, len);
    return (ssize_t)len;
}

ssize_t read(int fd, void *to, size_t len)
{
    struct memory_fd *m = memory_fd_of(fd);

    if (m == NULL)
        return syscall(SYS_read, fd, to, len);
    if (m->file == NULL) {
        if (m->count == 0) {
            errno = EAGAIN;
            return -1;
        }
        memcpy(to, &m->count, sizeof(m->count));
        m->count = 0;
        return sizeof(m->count);
    }
    ssize_t done = pread(fd, to, len, m->at);
    m->at += done;
    return done;
}

ssize_t write(int fd, const void *from, size_t len)
{
    struct memory_fd *m = memory_fd_of(fd);
    uint64_t add;

    if (m == NULL)
        return syscall(SYS_write, fd, from, len);
    if (m->file == NULL) {
        memcpy(&add, from, sizeof(add));
        m->count += add;
        return sizeof(add);
    }
    ssize_t done = pwrite(fd, from, len, m->at);
    m->at += done;
    return done;
}

off_t lseek(int fd, off_t at, int whence)
{
    struct memory_fd *m = memory_fd_of(fd);

    if (m == NULL)
        return syscall(SYS_lseek, fd, at, whence);
    MUST(whence == SEEK_SET);
    return m->at = at;
}

int ftruncate(int fd, off_t size)
{
    struct memory_file *f = memory_file_of(fd);

    if (f == NULL)
        return (int)syscall(SYS_ftruncate, fd, size);
    memory_file_resize(f, size);
    return 0;
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    struct memory_file *f = memory_file_of(fd);

    MUST(f != NULL);
    if (at + len > f->size)
        memory_file_resize(f, at + len);
    return 0;
}

int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

/* Nobody else opens these files, so every lock is free. */
int flock(int fd, int what)
{
    return memory_fd_of(fd) != NULL ? 0 : (int)syscall(SYS_flock, fd, what);
}

int fcntl(int fd, int what, ...)
{
    struct memory_fd *m = memory_fd_of(fd);

    va_list rest;

    va_start(rest, what);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (m == NULL)
        return (int)syscall(SYS_fcntl, fd, what, argument);
    if (what == F_ADD_SEALS)
        m->file->seals |= (int)(intptr_t)argument;
    return what == F_GET_SEALS ? m->file->seals : 0;
}

FUZZ_HARNESS_ENDS

#endif
