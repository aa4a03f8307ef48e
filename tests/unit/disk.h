/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails, dies and loses power on demand, under one file.  A test program includes this
 * once: its pread(), pwrite(), write(), ftruncate(), posix_fallocate(), fdatasync() and fsync() then
 * stand before the C library's, for TDB too.  Nothing is really synced. */
#ifndef JETON_TEST_DISK_H
#define JETON_TEST_DISK_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DISK_PAGE = 4096, DISK_PAGES = 8192, DISK_DIED = 77 };     /* 32 MB at most */

/* CALL_ANY: any that changes something; CALL_TDB: for a test that has calls of TDB fail as well. */
enum disk_call {
    CALL_WRITE = 1, CALL_SYNC = 2, CALL_GROW = 4, CALL_ANY = 7, CALL_READ = 8, CALL_TDB = 16,
};

static struct {
    ino_t inode;                /* the file it lies under; 0: every file, for dying only */
    bool armed;                 /* calls are counted and may fail */
    unsigned calls;             /* enum disk_call: which are counted */
    int count;                  /* so many were made since it was armed */
    int fail_from;              /* from this one on (from 0; -1: none) ... */
    int fail_count;             /* ... so many fail */
    int error;                  /* with this; 0: half is read or written */
    int die_at;                 /* at this one the process ends; -1: none */
    int cut_at;                 /* at this one the power is cut: see `image` */
    off_t full_at;              /* the file cannot become longer than this; 0: there is room */

    bool tracked;               /* what is durable is known */
    unsigned seed;
    off_t durable_size;
    off_t image_size;           /* 0: the power was not cut */
} disk;

/* What is on the platter; what was on it when the power was cut; what is still to be synced. */
static char disk_durable[DISK_PAGES * DISK_PAGE], disk_image[DISK_PAGES * DISK_PAGE];
static bool disk_dirty[DISK_PAGES];
static size_t disk_high;            /* beyond this the platter was always blank */

static bool disk_lies_under(int fd)
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
    disk.seed = disk.seed * 1103515245u + 12345u;
    return (disk.seed >> 16 & 1) != 0;
}

/* Takes dirty pages to the platter: all, or by chance. */
static void disk_flush(int fd, char *platter, bool all)
{
    for (size_t page = 0; page < DISK_PAGES; page++) {
        if (!disk_dirty[page] || !(all || disk_coin()))
            continue;
        if (syscall(SYS_pread64, fd, platter + page * DISK_PAGE, DISK_PAGE, page * DISK_PAGE) < 0)
            abort();
        if (platter == disk_durable && disk_high < (page + 1) * DISK_PAGE)
            disk_high = (page + 1) * DISK_PAGE;
    }
}

static off_t disk_size(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_size : -1;
}

/* What the platter holds when the power goes now: what was synced, and by chance what was not. */
static void disk_cut(int fd)
{
    off_t size = disk_size(fd);

    memcpy(disk_image, disk_durable, (size_t)(size > disk.durable_size ? size : disk.durable_size));
    disk_flush(fd, disk_image, false);
    disk.image_size = disk_coin() || size < disk.durable_size ? size : disk.durable_size;
}

/* Counts a call; true if it fails. */
static bool disk_strikes(int fd, enum disk_call call)
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

static ssize_t disk_write(int fd, const void *bytes, size_t len, off_t at)
{
    size_t whole = len;

    if (disk_strikes(fd, CALL_WRITE)) {
        errno = disk.error;
        if (disk.error != 0)
            return -1;
        len = len / 2;
    }
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, len, at);
    if (disk.tracked && (at + (off_t)whole) / DISK_PAGE >= DISK_PAGES)
        abort();
    for (off_t page = at / DISK_PAGE; disk.tracked && written > 0 &&
         page <= (at + written - 1) / DISK_PAGE; page++)
        disk_dirty[page] = true;
    return written;
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    if (disk.armed && disk_lies_under(fd) && disk_strikes(fd, CALL_READ)) {
        errno = disk.error;
        if (disk.error != 0)
            return -1;
        len = len / 2;
    }
    return syscall(SYS_pread64, fd, bytes, len, at);
}

/* What _FORTIFY_SOURCE makes of it where the room is known only at run time. */
ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t room);

ssize_t __pread_chk(int fd, void *bytes, size_t len, off_t at, size_t room)
{
    if (len > room)
        abort();
    return pread(fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return disk_lies_under(fd) ? disk_write(fd, bytes, len, at) :
                                 syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    if (disk.armed && disk_lies_under(fd))
        disk_strikes(fd, CALL_WRITE);
    return syscall(SYS_write, fd, bytes, len);
}

int ftruncate(int fd, off_t size)
{
    if (disk_lies_under(fd) && disk_strikes(fd, CALL_GROW)) {
        errno = disk.error;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, size);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    bool ours = disk_lies_under(fd);

    if (ours && disk_strikes(fd, CALL_GROW))
        return disk.error != 0 ? disk.error : ENOSPC;
    if (ours && disk.armed && disk.full_at > 0 && at + len > disk.full_at)
        return ENOSPC;
    return syscall(SYS_fallocate, fd, 0, at, len) == 0 ? 0 : errno;
}

/* After a sync that failed the kernel takes everything for written, though only some of it is. */
static int disk_sync(int fd)
{
    if (!disk_lies_under(fd))
        return 0;
    bool fails = disk_strikes(fd, CALL_SYNC);
    if (disk.tracked) {
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

/* Lies under a file from now on, which is durable as it is; fails nothing yet. */
static void disk_insert(const char *path)
{
    struct stat st;
    FILE *f = path != NULL ? fopen(path, "r") : NULL;

    memset(&disk, 0, sizeof(disk));
    memset(disk_dirty, 0, sizeof(disk_dirty));
    disk.fail_from = disk.die_at = disk.cut_at = -1;
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

/* Makes a file out of what the platter held: when the power was cut, or holds now. */
static void disk_restore(const char *path)
{
    FILE *f = fopen(path, "w");
    bool was_cut = disk.image_size > 0;
    size_t size = (size_t)(was_cut ? disk.image_size : disk.durable_size);

    if (f == NULL || fwrite(was_cut ? disk_image : disk_durable, 1, size, f) != size)
        abort();
    fclose(f);
}

#endif
