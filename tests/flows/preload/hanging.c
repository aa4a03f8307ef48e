/* SPDX-License-Identifier: Apache-2.0 */
/* Make a disk hang: fdatasync() and fsync() do not return while the first byte of the file that JETON_HANG
 * names is not 0.  It is mapped, so that a confined program need not open it.
 *
 * Built by the test that needs it: cc -shared -fPIC hanging.c */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile char *hangs = "";

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("JETON_HANG");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd >= 0 ? mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (map != MAP_FAILED)
        hangs = map;
}

static void wait(void)
{
    const struct timespec pause = { .tv_nsec = 2 * 1000000 };

    while (*hangs != 0)
        nanosleep(&pause, NULL);
}

int fdatasync(int fd)
{
    wait();
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    wait();
    return (int)syscall(SYS_fsync, fd);
}
