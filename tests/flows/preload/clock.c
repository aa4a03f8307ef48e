/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: move its time of day by the seconds that the file JETON_CLOCK holds at
 * that moment, 8 bytes in this machine's order.  Leave its monotonic clock alone.  The next 8 bytes
 * are 0 unless its clock counts as synchronised.  The third 8 bytes are the seconds for
 * which the machine seems to have been suspended: its boot time clock alone has gone on.
 *
 * Built by the test that needs it: cc -shared -fPIC clock.c -ldl */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t
    *offset; /* then whether it is synchronised, and for how long suspended */

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("JETON_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    void *map = mmap(NULL, 3 * sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
    offset = map == MAP_FAILED ? NULL : map;
    close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int error = (int)syscall(SYS_clock_gettime, clock, t);

    if (error == 0 && offset != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        t->tv_sec += *offset;
    if (error == 0 && offset != NULL && clock == CLOCK_BOOTTIME)
        t->tv_sec += offset[2];
    return error;
}

time_t time(time_t *where)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    if (where != NULL)
        *where = t.tv_sec;
    return t.tv_sec;
}

int adjtimex(struct timex *t)
{
    memset(t, 0, sizeof(*t));
    t->status = offset != NULL && offset[1] != 0 ? 0 : STA_UNSYNC;
    return t->status == 0 ? TIME_OK : TIME_ERROR;
}

int access(const char *path, int mode)
{
    if (strcmp(path, "/run/systemd/timesync/synchronized") == 0)
        return -1;
    return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    *now = (struct timeval){ t.tv_sec, t.tv_nsec / 1000 };
    return 0;
}
