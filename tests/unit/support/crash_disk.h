/* SPDX-License-Identifier: Apache-2.0 */
/* Simulate, for all files of one directory, a disk whose calls fail or that loses power, or the death of the
 * process, at any call.  A test program includes this once: the pread(), pwrite(), rename(), unlink(),
 * posix_fallocate(), fdatasync() and fsync() here then replace the C library's.  Nothing is really synced.
 *
 * What is not synced when power fails is durable by chance: of each page all, some sectors or nothing; the
 * length of the file; and of the changes to names the first few, in their order. */
#ifndef JETON_TEST_CRASH_DISK_H
#define JETON_TEST_CRASH_DISK_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    CRASH_PAGE = 4096,
    CRASH_SECTOR = 512,
    CRASH_PAGES = 128,
    CRASH_FILES = 128,
    CRASH_NAMES = 512
};
enum { CRASH_DIED = 77 };

enum crash_call {
    CRASH_WRITE = 1,
    CRASH_SYNC = 2,
    CRASH_NAME = 4,
    CRASH_GROW = 8,
    CRASH_READ = 16
};

struct crash_file {
    ino_t inode;
    int reader; /* keeps the inode from being another's */
    bool dirty[CRASH_PAGES];
    off_t durable_size;
    char durable[CRASH_PAGES * CRASH_PAGE];
};

/* A change to a name: it leads to a file, or to none (-1). */
struct crash_name {
    char name[64];
    int file;
};

static struct {
    pthread_mutex_t mutex;
    char directory[PATH_MAX]; /* its files are on this disk */
    bool armed;               /* calls are counted and may fail */
    unsigned calls;
    int count;
    int fail_from, fail_count, error; /* error 0: half is read or written */
    int die_at, cut_at;
    uint32_t seed, tossed;
    bool was_cut;
    char image[PATH_MAX]; /* a directory, for what was durable when power failed */
    int files, names, synced;
    struct crash_name name[CRASH_NAMES]; /* those up to `synced` are durable */
    struct crash_file *file[CRASH_FILES];
} crash = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static bool crash_coin(void)
{
    uint32_t x = crash.seed * UINT32_C(0x9e3779b9) + crash.tossed++ * UINT32_C(0x85ebca6b);

    x = (x ^ x >> 16) * UINT32_C(0x7feb352d);
    x = (x ^ x >> 15) * UINT32_C(0x846ca68b);
    return (x >> 16 & 1) != 0;
}

static void crash_forget(void)
{
    for (int i = 0; i < crash.files; i++) {
        close(crash.file[i]->reader);
        free(crash.file[i]);
    }
    crash.files = crash.names = crash.synced = crash.count = 0;
    crash.armed = crash.was_cut = false;
    crash.fail_from = crash.die_at = crash.cut_at = -1;
    crash.fail_count = crash.error = 0;
    crash.calls = CRASH_WRITE | CRASH_SYNC | CRASH_NAME | CRASH_GROW;
    crash.tossed = 0;
}

static void crash_note(const char *path, int file)
{
    const char *slash = strrchr(path, '/');

    if (crash.names == CRASH_NAMES)
        abort();
    struct crash_name *n = &crash.name[crash.names++];
    snprintf(n->name, sizeof(n->name), "%s", slash != NULL ? slash + 1 : path);
    n->file = file;
}

/* Return the path of an open file on this disk; false: it is on another. */
static bool crash_path(int fd, char path[PATH_MAX])
{
    char link[40];
    size_t len = strlen(crash.directory);

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, path, PATH_MAX - 1);
    if (got <= 0 || len == 0)
        return false;
    path[got] = '\0';
    return strncmp(path, crash.directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Find a file; a new one is noted, with its name. */
static struct crash_file *crash_find(int fd)
{
    char path[PATH_MAX], link[40];
    struct stat st;

    if (!crash_path(fd, path) || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return NULL;
    for (int i = 0; i < crash.files; i++)
        if (crash.file[i]->inode == st.st_ino)
            return crash.file[i];
    struct crash_file *f = crash.files < CRASH_FILES ? calloc(1, sizeof(*f)) : NULL;
    if (f == NULL)
        abort();
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    f->reader = open(link, O_RDONLY | O_CLOEXEC);
    f->inode = st.st_ino;
    if (strstr(path, " (deleted)") == NULL)
        crash_note(path, crash.files);
    crash.file[crash.files++] = f;
    return f;
}

/* Copy what the file has now. */
static void crash_copy(const struct crash_file *f, char *to, size_t at, size_t len)
{
    if (syscall(SYS_pread64, f->reader, to + at, len, at) < 0)
        abort();
}

/* Make what is dirty durable by chance: all of a page, some sectors, or nothing. */
static void crash_flush(struct crash_file *f, size_t first, size_t last)
{
    for (size_t page = first; page <= last && page < CRASH_PAGES; page++) {
        if (!f->dirty[page])
            continue;
        bool all = crash_coin(), some = crash_coin();
        for (size_t at = page * CRASH_PAGE; at < (page + 1) * CRASH_PAGE; at += CRASH_SECTOR)
            if (all || (some && crash_coin()))
                crash_copy(f, f->durable, at, CRASH_SECTOR);
    }
}

static off_t crash_size(const struct crash_file *f)
{
    struct stat st;

    return fstat(f->reader, &st) == 0 ? st.st_size : 0;
}

static void crash_write_image(const char *name, const struct crash_file *f)
{
    char path[PATH_MAX + 80];

    snprintf(path, sizeof(path), "%s/%s", crash.image, name);
    unlinkat(AT_FDCWD, path, 0);
    if (f == NULL)
        return;
    FILE *out = fopen(path, "w");
    if (out == NULL ||
        fwrite(f->durable, 1, (size_t)f->durable_size, out) != (size_t)f->durable_size)
        abort();
    fclose(out);
}

/* Let power fail. */
static void crash_cut(void)
{
    int names = crash.synced;

    crash.was_cut = true;
    for (int i = 0; i < crash.files; i++) {
        struct crash_file *f = crash.file[i];
        crash_flush(f, 0, CRASH_PAGES - 1);
        if (crash_coin())
            f->durable_size = crash_size(f);
    }
    while (names < crash.names && crash_coin())
        names++;
    for (int i = 0; i < names; i++)
        crash_write_image(crash.name[i].name,
                          crash.name[i].file >= 0 ? crash.file[crash.name[i].file] : NULL);
}

/* Count a call; true if it fails. */
static bool crash_fails(enum crash_call call)
{
    if (!crash.armed || crash.was_cut || !(crash.calls & call))
        return false;
    int number = crash.count++;
    if (number == crash.die_at)
        _exit(CRASH_DIED);
    if (number == crash.cut_at)
        crash_cut();
    return crash.fail_from >= 0 && number >= crash.fail_from &&
           number - crash.fail_from < crash.fail_count;
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    char path[PATH_MAX];

    pthread_mutex_lock(&crash.mutex);
    bool fails = crash.armed && crash_path(fd, path) && crash_fails(CRASH_READ);
    pthread_mutex_unlock(&crash.mutex);
    if (fails && crash.error != 0) {
        errno = crash.error;
        return -1;
    }
    return syscall(SYS_pread64, fd, bytes, fails ? len / 2 : len, at);
}

ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size);

ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size)
{
    if (len > size)
        abort();
    return pread(fd, bytes, len, at);
}

static ssize_t crash_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    struct crash_file *f = crash_find(fd);

    if (f != NULL && crash_fails(CRASH_WRITE)) {
        errno = crash.error;
        if (crash.error != 0)
            return -1;
        len = len / 2;
    }
    const size_t first = (size_t)at / CRASH_PAGE, last = ((size_t)at + len - 1) / CRASH_PAGE;
    if (f != NULL && last >= CRASH_PAGES)
        abort();
    if (f != NULL && len > 0 && !crash.was_cut)
        crash_flush(f, first, last);
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, len, at);
    for (size_t page = first; f != NULL && written > 0 && page <= last; page++)
        f->dirty[page] = true;
    return written;
}

/* Nothing goes to the real disk, not even past the page cache. */
static void crash_buffer(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && (flags & O_DIRECT) != 0)
        fcntl(fd, F_SETFL, flags & ~O_DIRECT);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    crash_buffer(fd);
    pthread_mutex_lock(&crash.mutex);
    ssize_t written = crash_pwrite(fd, bytes, len, at);
    pthread_mutex_unlock(&crash.mutex);
    return written;
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    pthread_mutex_lock(&crash.mutex);
    bool fails = crash_find(fd) != NULL && crash_fails(CRASH_GROW);
    pthread_mutex_unlock(&crash.mutex);
    if (fails)
        return crash.error != 0 ? crash.error : ENOSPC;
    return syscall(SYS_fallocate, fd, 0, at, len) == 0 ? 0 : errno;
}

int posix_fadvise(int fd, off_t at, off_t len, int advice)
{
    (void)fd, (void)at, (void)len, (void)advice;
    return 0;
}

static bool crash_is_here(const char *path)
{
    size_t len = strlen(crash.directory);

    return len > 0 && strncmp(path, crash.directory, len) == 0 && path[len] == '/';
}

/* Return which file a path leads to; -1: none that is known. */
static int crash_file_at(const char *path)
{
    struct stat st;

    for (int i = 0; lstat(path, &st) == 0 && i < crash.files; i++)
        if (crash.file[i]->inode == st.st_ino)
            return i;
    return -1;
}

/* A rename changes both names at once. */
int rename(const char *from, const char *to)
{
    pthread_mutex_lock(&crash.mutex);
    bool here = crash_is_here(from), fails = here && crash_fails(CRASH_NAME);
    int file = here ? crash_file_at(from) : -1;
    int result = fails ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (here && result == 0)
        crash_note(to, file);
    pthread_mutex_unlock(&crash.mutex);
    if (fails)
        errno = crash.error != 0 ? crash.error : EIO;
    return result;
}

static int crash_sync(int fd)
{
    char path[PATH_MAX];
    struct stat st;

    if (!crash_path(fd, path))
        return 0;
    bool directory = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode), fails = crash_fails(CRASH_SYNC);
    struct crash_file *f = directory ? NULL : crash_find(fd);
    if (directory && !fails && !crash.was_cut)
        crash.synced = crash.names;
    if (f != NULL && !crash.was_cut) {
        if (fails)
            crash_flush(f, 0, CRASH_PAGES - 1);
        else
            crash_copy(f, f->durable, 0, sizeof(f->durable));
        memset(f->dirty, 0, sizeof(f->dirty));
        if (!fails)
            f->durable_size = crash_size(f);
    }
    errno = EIO;
    return fails ? -1 : 0;
}

int fsync(int fd)
{
    pthread_mutex_lock(&crash.mutex);
    int result = crash_sync(fd);
    pthread_mutex_unlock(&crash.mutex);
    return result;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

/* Simulate a directory from now on, in which nothing is yet; nothing fails yet. */
static inline void crash_simulate(const char *directory, const char *image)
{
    crash_forget();
    if (realpath(directory, crash.directory) == NULL)
        abort();
    snprintf(crash.image, sizeof(crash.image), "%s", image);
}

#endif
