/* SPDX-License-Identifier: Apache-2.0 */
/* Simulate, for one file, a disk that fails or loses power on demand, or the death of the
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
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DISK_SECTOR = 512, DISK_PAGE = 4096, DISK_PAGES = 8192, DISK_DIED = 77 }; /* 32 MB at most */

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
    ino_t inode;    /* the file on this disk; 0: every file, for dying only */
    bool armed;     /* calls are counted and may fail */
    unsigned calls; /* which calls are counted: enum disk_call */
    int count;      /* calls since it was armed */
    int fail_from;  /* the first call that fails, from 0; -1: none */
    int fail_count; /* how many fail from there on */
    int error;      /* errno of the failure; 0: half is read or written */
    int die_at;     /* the call at which the process ends; -1: none */
    int cut_at;     /* the call at which power fails; -1: none */
    off_t full_at;  /* the longest that the file may become; 0: no limit */

    bool tracked;  /* it is known what is durable */
    uint32_t seed; /* for what is left to chance */
    uint32_t tossed;
    off_t durable_size;
    bool was_cut; /* power has failed; the image is what is left */
    off_t image_size;
    bool image_named;

    bool adopts;  /* simulate the first file that is written: a new one */
    int adopted;  /* a descriptor of that file; -1: none yet */
    bool renamed; /* it was given its name */
    bool named;   /* the name is durable */
} disk;

/* What is durable; what was durable when power failed; which pages are still to be synced. */
static char disk_durable[DISK_PAGES * DISK_PAGE], disk_image[DISK_PAGES * DISK_PAGE];
static bool disk_dirty[DISK_PAGES];
static size_t disk_high; /* disk_durable is blank from this offset on */

static bool disk_is_under(int fd)
{
    struct stat st;

    if (fd <= STDERR_FILENO || fstat(fd, &st) < 0)
        return false;
    if (disk.inode != 0)
        return st.st_ino == disk.inode;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
}

static bool disk_coin(void)
{
    uint32_t x = disk.seed * UINT32_C(0x9e3779b9) + disk.tossed++ * UINT32_C(0x85ebca6b);

    x = (x ^ x >> 16) * UINT32_C(0x7feb352d);
    x = (x ^ x >> 15) * UINT32_C(0x846ca68b);
    return (x >> 16 & 1) != 0;
}

/* The file may be open for direct I/O. */
static void disk_copy(int fd, char *durable, size_t at, size_t len)
{
    fd = disk.adopts ? disk.adopted : fd;
    if (syscall(SYS_pread64, fd, durable + at, len, at) < 0)
        abort();
    if (durable == disk_durable && disk_high < at + len)
        disk_high = at + len;
}

/* Take some sectors of a page that was being written when power failed. */
static void disk_tear(int fd, char *durable, size_t page)
{
    for (size_t at = page * DISK_PAGE; at < (page + 1) * DISK_PAGE; at += DISK_SECTOR)
        if (disk_coin())
            disk_copy(fd, durable, at, DISK_SECTOR);
}

/* Make dirty pages durable: all, or by chance. */
static void disk_flush(int fd, char *durable, bool all)
{
    for (size_t page = 0; page < DISK_PAGES; page++) {
        if (!disk_dirty[page])
            continue;
        if (all || disk_coin())
            disk_copy(fd, durable, page * DISK_PAGE, DISK_PAGE);
        else if (disk_coin())
            disk_tear(fd, durable, page);
    }
}

static off_t disk_size(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_size : -1;
}

/* Let power fail: keep an image of what was synced, and by chance of what was not. */
static void disk_cut(int fd)
{
    int file = disk.adopts ? disk.adopted : fd;
    off_t size = disk_size(file);

    disk.was_cut = true;
    disk.image_named = disk.named || (disk.renamed && disk_coin());
    if (size < 0) /* there is no file yet */
        return;
    memcpy(disk_image, disk_durable, (size_t)(size > disk.durable_size ? size : disk.durable_size));
    disk_flush(file, disk_image, false);
    disk.image_size = disk_coin() || size < disk.durable_size ? size : disk.durable_size;
}

/* Count a call; true if it fails. */
static bool disk_fails_call(int fd, enum disk_call call)
{
    if (!disk.armed || !(disk.calls & call))
        return false;
    int number = disk.count++;
    if (number == disk.die_at)
        _exit(DISK_DIED);
    if (number == disk.cut_at)
        disk_cut(fd);
    return disk.fail_from >= 0 && number >= disk.fail_from &&
           number - disk.fail_from < disk.fail_count;
}

/* Make pages durable by chance before they are written again. */
static void disk_write_back(int fd, off_t at, size_t len)
{
    for (size_t page = (size_t)at / DISK_PAGE; page <= ((size_t)at + len - 1) / DISK_PAGE; page++)
        if (disk_dirty[page] && disk_coin())
            disk_copy(fd, disk_durable, page * DISK_PAGE, DISK_PAGE);
}

/* Open the file once more: a copy of the descriptor would keep its lock. */
static void disk_adopt(int fd)
{
    char name[32];
    struct stat st;

    if (!disk.adopts || disk.adopted >= 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    disk.adopted = open(name, O_RDONLY | O_CLOEXEC);
    disk.inode = st.st_ino;
    disk.tracked = true;
}

static ssize_t disk_write(int fd, const void *bytes, size_t len, off_t at)
{
    size_t whole = len;

    if (disk_fails_call(fd, CALL_WRITE)) {
        errno = disk.error;
        if (disk.error != 0)
            return -1;
        len = len / 2;
    }
    if (disk.tracked && (at + (off_t)whole) / DISK_PAGE >= DISK_PAGES)
        abort();
    if (disk.tracked && len > 0)
        disk_write_back(fd, at, len);
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, len, at);
    for (off_t page = at / DISK_PAGE;
         disk.tracked && written > 0 && page <= (at + written - 1) / DISK_PAGE; page++)
        disk_dirty[page] = true;
    return written;
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    if (disk.armed && disk_is_under(fd) && disk_fails_call(fd, CALL_READ)) {
        errno = disk.error;
        if (disk.error != 0)
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
    disk_adopt(fd);
    return disk_is_under(fd) ? disk_write(fd, bytes, len, at) :
                               syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    if (disk.armed && disk_is_under(fd))
        disk_fails_call(fd, CALL_WRITE);
    return syscall(SYS_write, fd, bytes, len);
}

int ftruncate(int fd, off_t size)
{
    if (disk_is_under(fd) && disk_fails_call(fd, CALL_GROW)) {
        errno = disk.error;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, size);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    bool ours = disk_is_under(fd);

    if (ours && disk_fails_call(fd, CALL_GROW))
        return disk.error != 0 ? disk.error : ENOSPC;
    if (ours && disk.armed && disk.full_at > 0 && at + len > disk.full_at)
        return ENOSPC;
    return syscall(SYS_fallocate, fd, 0, at, len) == 0 ? 0 : errno;
}

int rename(const char *from, const char *to)
{
    if (disk.adopts)
        disk_fails_call(-1, CALL_GROW);
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
    bool fails = disk_fails_call(fd, CALL_SYNC);
    if (directory) {
        disk.named = disk.named || (disk.renamed && !fails);
    } else if (disk.tracked) {
        disk_flush(fd, disk_durable, !fails);
        memset(disk_dirty, 0, sizeof(disk_dirty));
        if (!fails)
            disk.durable_size = disk_size(fd);
    }
    errno = EIO;
    return fails ? -1 : 0;
}

int fdatasync(int fd)
{
    return disk_sync(fd);
}

int fsync(int fd)
{
    return disk_sync(fd);
}

/* -- for the test ---------------------------------------------------------------------------- */

/* Simulate a file from now on; its present contents are durable, and nothing fails yet. */
static void disk_simulate(const char *path)
{
    struct stat st;
    FILE *f = path != NULL ? fopen(path, "r") : NULL;

    if (disk.adopts && disk.adopted >= 0)
        close(disk.adopted);
    memset(&disk, 0, sizeof(disk));
    memset(disk_dirty, 0, sizeof(disk_dirty));
    disk.fail_from = disk.die_at = disk.cut_at = disk.adopted = -1;
    disk.calls = CALL_ANY;
    if (f == NULL)
        return;
    if (fstat(fileno(f), &st) < 0 || st.st_size > (off_t)sizeof(disk_durable) ||
        fread(disk_durable, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
        abort();
    fclose(f);
    if (disk_high > (size_t)st.st_size)
        memset(disk_durable + st.st_size, 0, disk_high - (size_t)st.st_size);
    disk_high = (size_t)st.st_size;
    disk.inode = st.st_ino;
    disk.durable_size = st.st_size;
    disk.tracked = true;
}

/* Simulate the next new file. */
static inline void disk_simulate_next(void)
{
    disk_simulate(NULL);
    memset(disk_durable, 0, disk_high);
    disk_high = 0;
    disk.adopts = true;
}

/* Write what is durable now, or was when power failed, to a file; write nothing if its name was not
 * durable. */
static void disk_restore(const char *path)
{
    size_t size = (size_t)(disk.was_cut ? disk.image_size : disk.durable_size);

    if (disk.was_cut && disk.adopts && !disk.image_named)
        return;
    FILE *f = fopen(path, "w");
    if (f == NULL || fwrite(disk.was_cut ? disk_image : disk_durable, 1, size, f) != size)
        abort();
    fclose(f);
}

/* Return the call to try after call i: the next, or of very many (a file that grows is written in
 * small pieces) only the first, the last, and a few in between.  `make torture` tries all. */
static inline int next_call(int i, int count, int ends)
{
    if (getenv("TORTURE_SECONDS") != NULL)
        return i + 1;
    return i < ends || i >= count - ends ? i + 1 : i + 1 + (count - 2 * ends) / 10;
}

#endif
