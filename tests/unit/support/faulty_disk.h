/* SPDX-License-Identifier: Apache-2.0 */
/* Simulate, for one file or two, a disk that fails or loses power on demand, or the death of the
 * process.  A test program includes this once: the pread(), pwrite(), write(), ftruncate(),
 * posix_fallocate(), rename(), fdatasync() and fsync() here then replace the C library's, for TDB
 * too.  Nothing is really synced.
 *
 * What is not synced when power fails is durable by chance: of each page all, some sectors or
 * nothing, or what it was before it was last written; the length of the file; and its name. */
#ifndef JETON_TEST_FAULTY_DISK_H
#define JETON_TEST_FAULTY_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DISK_SECTOR = 512, DISK_PAGE = 4096, DISK_PAGES = 8192, DISK_DIED = 77 }; /* 32 MB at most */
enum { DISK_FILES = 2 };

/* Threads may use the disk: each call is one step. */
static pthread_mutex_t disk_mutex = PTHREAD_MUTEX_INITIALIZER;

/* CALL_ANY: any that changes the file; CALL_TDB: calls of TDB, in a test that replaces them. */
enum disk_call {
    CALL_WRITE = 1,
    CALL_SYNC = 2,
    CALL_GROW = 4,
    CALL_ANY = 7,
    CALL_READ = 8,
    CALL_TDB = 16,
};

static struct {
    int files;      /* on this disk; 0: every file, for dying only */
    bool armed;     /* calls are counted and may fail */
    unsigned calls; /* which calls are counted: enum disk_call */
    int count;      /* calls since it was armed */
    int fail_from;  /* the first call that fails, from 0; -1: none */
    int fail_count; /* how many fail from there on */
    int error;      /* errno of the failure; 0: half is read or written */
    int die_at;     /* the call at which the process ends; -1: none */
    int cut_at;     /* the call at which power fails; -1: none */
    int bad_file;   /* all calls of this one fail, and are not counted; -1: none */
    off_t full_at;  /* the longest that the file may become; 0: no limit */

    bool tracked;  /* it is known what is durable */
    uint32_t seed; /* for what is left to chance */
    uint32_t tossed;
    bool was_cut;        /* power has failed; the images are what is left */
    const int *progress; /* what the test counts, and how much that was when power failed */
    int progress_at_cut;
    bool image_named;

    bool adopts;  /* simulate the first file that is written: a new one */
    bool renamed; /* it was given its name */
    bool named;   /* the name is durable */
} disk;

/* What of a file is durable; what was durable when power failed; which pages are still to be synced. */
static struct disk_file {
    ino_t inode;
    int reader; /* a descriptor; -1: none */
    off_t durable_size;
    off_t image_size;
    size_t high; /* `durable` is blank from this offset on */
    bool dirty[DISK_PAGES];
    char durable[DISK_PAGES * DISK_PAGE];
    char image[DISK_PAGES * DISK_PAGE];
} disk_file[DISK_FILES] = { { .reader = -1 }, { .reader = -1 } };

static struct disk_file *disk_find(int fd)
{
    struct stat st;

    if (fd <= STDERR_FILENO || fstat(fd, &st) < 0)
        return NULL;
    for (int i = 0; i < disk.files; i++)
        if (st.st_ino == disk_file[i].inode)
            return &disk_file[i];
    return NULL;
}

static bool disk_is_under(int fd)
{
    struct stat st;

    if (fd <= STDERR_FILENO || fstat(fd, &st) < 0)
        return false;
    if (disk.files > 0)
        return disk_find(fd) != NULL;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
}

static bool disk_coin(void)
{
    uint32_t x = disk.seed * UINT32_C(0x9e3779b9) + disk.tossed++ * UINT32_C(0x85ebca6b);

    x = (x ^ x >> 16) * UINT32_C(0x7feb352d);
    x = (x ^ x >> 15) * UINT32_C(0x846ca68b);
    return (x >> 16 & 1) != 0;
}

/* The file itself may be open for direct I/O. */
static void disk_copy(struct disk_file *f, char *durable, size_t at, size_t len)
{
    if (syscall(SYS_pread64, f->reader, durable + at, len, at) < 0)
        abort();
    if (durable == f->durable && f->high < at + len)
        f->high = at + len;
}

/* Take some sectors of a page that was being written when power failed. */
static void disk_tear(struct disk_file *f, char *durable, size_t page)
{
    for (size_t at = page * DISK_PAGE; at < (page + 1) * DISK_PAGE; at += DISK_SECTOR)
        if (disk_coin())
            disk_copy(f, durable, at, DISK_SECTOR);
}

/* Make dirty pages durable: all, or by chance. */
static void disk_flush(struct disk_file *f, char *durable, bool all)
{
    for (size_t page = 0; page < DISK_PAGES; page++) {
        if (!f->dirty[page])
            continue;
        if (all || disk_coin())
            disk_copy(f, durable, page * DISK_PAGE, DISK_PAGE);
        else if (disk_coin())
            disk_tear(f, durable, page);
    }
}

static off_t disk_size(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_size : -1;
}

/* Let power fail: keep an image of what was synced, and by chance of what was not. */
static void disk_cut(void)
{
    disk.was_cut = true;
    disk.progress_at_cut = disk.progress != NULL ?
                               __atomic_load_n(disk.progress, __ATOMIC_SEQ_CST) :
                               0;
    disk.image_named = disk.named || (disk.renamed && disk_coin());
    for (int i = 0; i < disk.files; i++) {
        struct disk_file *f = &disk_file[i];
        off_t size = disk_size(f->reader);
        memcpy(f->image, f->durable, (size_t)(size > f->durable_size ? size : f->durable_size));
        disk_flush(f, f->image, false);
        f->image_size = disk_coin() || size < f->durable_size ? size : f->durable_size;
    }
}

/* Count a call; true if it fails. */
static bool disk_fails_call(enum disk_call call)
{
    if (!disk.armed || !(disk.calls & call))
        return false;
    int number = disk.count++;
    if (number == disk.die_at)
        _exit(DISK_DIED);
    if (number == disk.cut_at)
        disk_cut();
    return disk.fail_from >= 0 && number >= disk.fail_from &&
           number - disk.fail_from < disk.fail_count;
}

/* Likewise, a call that is about this file. */
static bool disk_fails_call_of(int fd, enum disk_call call)
{
    if (disk.armed && disk.bad_file >= 0 && (disk.calls & call) != 0 &&
        disk_find(fd) == &disk_file[disk.bad_file])
        return true;
    return disk_fails_call(call);
}

/* Make pages durable by chance before they are written again. */
static void disk_write_back(struct disk_file *f, off_t at, size_t len)
{
    for (size_t page = (size_t)at / DISK_PAGE; page <= ((size_t)at + len - 1) / DISK_PAGE; page++)
        if (f->dirty[page] && disk_coin())
            disk_copy(f, f->durable, page * DISK_PAGE, DISK_PAGE);
}

/* Open the file once more: a copy of the descriptor would keep its lock. */
static void disk_adopt(int fd)
{
    char name[32];
    struct stat st;

    if (!disk.adopts || disk.files > 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    disk_file[0].reader = open(name, O_RDONLY | O_CLOEXEC);
    disk_file[0].inode = st.st_ino;
    disk.files = 1;
    disk.tracked = true;
}

static ssize_t disk_write(int fd, const void *bytes, size_t len, off_t at)
{
    struct disk_file *f = disk.tracked ? disk_find(fd) : NULL;
    size_t whole = len;

    if (disk_fails_call_of(fd, CALL_WRITE)) {
        errno = disk.error;
        if (disk.error != 0)
            return -1;
        len = len / 2;
    }
    if (f != NULL && (at + (off_t)whole) / DISK_PAGE >= DISK_PAGES)
        abort();
    if (f != NULL && len > 0)
        disk_write_back(f, at, len);
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, len, at);
    for (off_t page = at / DISK_PAGE;
         f != NULL && written > 0 && page <= (at + written - 1) / DISK_PAGE; page++)
        f->dirty[page] = true;
    return written;
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    pthread_mutex_lock(&disk_mutex);
    bool fails = disk.armed && disk_is_under(fd) && disk_fails_call_of(fd, CALL_READ);
    int error = disk.error;
    pthread_mutex_unlock(&disk_mutex);
    if (fails) {
        errno = error;
        if (error != 0)
            return -1;
        len = len / 2;
    }
    return syscall(SYS_pread64, fd, bytes, len, at);
}

/* The functions that _FORTIFY_SOURCE calls instead where the size is known only at run time. */
ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size);

ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t size)
{
    if (len > size)
        abort();
    return pread(fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    pthread_mutex_lock(&disk_mutex);
    disk_adopt(fd);
    ssize_t written = disk_is_under(fd) ? disk_write(fd, bytes, len, at) :
                                          syscall(SYS_pwrite64, fd, bytes, len, at);
    pthread_mutex_unlock(&disk_mutex);
    return written;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    if (disk.armed && disk_is_under(fd))
        disk_fails_call(CALL_WRITE);
    return syscall(SYS_write, fd, bytes, len);
}

int ftruncate(int fd, off_t size)
{
    pthread_mutex_lock(&disk_mutex);
    bool fails = disk_is_under(fd) && disk_fails_call_of(fd, CALL_GROW);
    int error = disk.error;
    pthread_mutex_unlock(&disk_mutex);
    if (fails) {
        errno = error;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, size);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    bool ours = disk_is_under(fd);

    if (ours && disk_fails_call_of(fd, CALL_GROW))
        return disk.error != 0 ? disk.error : ENOSPC;
    if (ours && disk.armed && disk.full_at > 0 && at + len > disk.full_at)
        return ENOSPC;
    return syscall(SYS_fallocate, fd, 0, at, len) == 0 ? 0 : errno;
}

int rename(const char *from, const char *to)
{
    if (disk.adopts)
        disk_fails_call(CALL_GROW);
    disk.renamed = disk.adopts;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static bool disk_is_directory(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Clear all dirty pages even if the sync fails, as the kernel does, though only some are durable
 * then. */
static int disk_sync(int fd)
{
    bool directory = disk.adopts && disk_is_directory(fd);

    if (!directory && !disk_is_under(fd))
        return 0;
    bool fails = disk_fails_call_of(fd, CALL_SYNC);
    struct disk_file *f = disk.tracked ? disk_find(fd) : NULL;
    if (directory) {
        disk.named = disk.named || (disk.renamed && !fails);
    } else if (f != NULL) {
        disk_flush(f, f->durable, !fails);
        memset(f->dirty, 0, sizeof(f->dirty));
        if (!fails)
            f->durable_size = disk_size(fd);
    }
    errno = EIO;
    return fails ? -1 : 0;
}

int fsync(int fd)
{
    pthread_mutex_lock(&disk_mutex);
    int result = disk_sync(fd);
    pthread_mutex_unlock(&disk_mutex);
    return result;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

#include "tests/unit/support/disk_control.h"

#endif
