/* SPDX-License-Identifier: Apache-2.0 */
/* Keep memfds and eventfds in memory too: every mapping of a memfd is its bytes.  So the daemon's
 * table and a client's view of it cost no system call; fuzz_table.c has real ones.  To be included
 * once in a harness. */
#ifndef JETON_FUZZ_MEMORY_MEMFD_H
#define JETON_FUZZ_MEMORY_MEMFD_H

#include <linux/magic.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "tests/fuzz/memory_files.h"

FUZZ_HARNESS_BEGINS

int memfd_create(const char *name, unsigned flags)
{
    struct memory_file *f = memory_file_create(MEMORY_MEMFD);

    (void)name, (void)flags;
    f->seals = f->mappings = f->fds = 0;
    return memory_fd_new(f);
}

int fchmod(int fd, mode_t mode)
{
    return memory_file_of(fd) != NULL ? 0 : (int)syscall(SYS_fchmod, fd, mode);
}

int fstatfs(int fd, struct statfs *st)
{
    if (memory_file_of(fd) == NULL)
        return (int)syscall(SYS_fstatfs, fd, st);
    *st = (struct statfs){ .f_type = TMPFS_MAGIC };
    return 0;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    struct memory_file *f = memory_file_of(fd);

    if (f == NULL)
        return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
    MUST(offset == 0 && (off_t)size <= f->size);
    f->mappings++;
    return f->bytes;
}

int munmap(void *at, size_t size)
{
    for (int i = 0; i < MEMORY_FILES_MAX; i++)
        if (memory_file[i].bytes == at && at != NULL) {
            memory_file[i].mappings--;
            memory_file_release(&memory_file[i]);
            return 0;
        }
    return (int)syscall(SYS_munmap, at, size);
}

int madvise(void *at, size_t size, int advice)
{
    (void)at, (void)size, (void)advice;
    return 0;
}

int eventfd(unsigned count, int flags)
{
    int fd = memory_fd_new(NULL);

    MUST(flags & EFD_NONBLOCK);
    memory_fd_of(fd)->count = count;
    return fd;
}

/* Nobody else will do anything while this thread waits. */
int poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
    (void)fds, (void)count, (void)milliseconds;
    return 0;
}

/* -- the names by which libraries call these that were compiled for large files ---------------- */

#define MEMORY_ALSO_64(name)                                       \
    extern __typeof__(name) memory_##name##_64 __asm__(#name "64") \
        __attribute__((alias(#name), nothrow, leaf));

MEMORY_ALSO_64(open)
MEMORY_ALSO_64(stat)
MEMORY_ALSO_64(lstat)
MEMORY_ALSO_64(fstat)
MEMORY_ALSO_64(fstatfs)
MEMORY_ALSO_64(pread)
MEMORY_ALSO_64(pwrite)
MEMORY_ALSO_64(lseek)
MEMORY_ALSO_64(ftruncate)
MEMORY_ALSO_64(posix_fallocate)
MEMORY_ALSO_64(fcntl)
MEMORY_ALSO_64(mmap)

FUZZ_HARNESS_ENDS

#endif
