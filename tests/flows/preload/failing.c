/* SPDX-License-Identifier: Apache-2.0 */
/* Wrap functions of the C library and make one call after the other fail, as if a resource had run
 * out.  Preloaded, it reads the environment; linked in, it is set by failing_begin():
 *
 *     JETON_FAIL=CALL:N      the Nth call of that name fails, counted from 1
 *     JETON_FAIL=CALL:N+     and so do all that follow
 *     JETON_FAIL=CALL:0      none does
 *     JETON_FAIL=any:N       of all that is here but fstat(), one in N, by chance
 *
 * Preloaded, it prints to standard error when the first fails, and at a normal end how many calls
 * there were.  Memory is counted under one name: malloc, for calloc, realloc and their like too.
 *
 * Built by the test that needs it: cc -shared -fPIC failing.c -ldl */
#include "failing.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* The C library's own functions, which need no dlsym(): that allocates. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static struct {
    char call[32];
    unsigned long at; /* 0: none */
    bool any;         /* any call, one in `at` */
    bool onwards;
    bool counting;
    bool paused;
    bool aloud;
    atomic_ulong count;
    atomic_bool printed;
} fail;

static void print(const char *what, unsigned long number)
{
    char line[80];
    int len = snprintf(line, sizeof(line), "failing: %s %s %lu\n", what, fail.call, number);

    if (fail.aloud && write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}

bool failing_begin(const char *what)
{
    char plus = '\0';

    if (sscanf(what, "%31[a-z_0-9]:%lu%c", fail.call, &fail.at, &plus) < 2)
        return false;
    fail.onwards = plus == '+';
    fail.any = strcmp(fail.call, "any") == 0;
    fail.count = 0;
    fail.printed = false;
    fail.counting = true;
    return true;
}

void failing_pause(bool pauses)
{
    fail.paused = pauses;
}

unsigned long failing_end(void)
{
    fail.counting = false;
    return fail.count;
}

__attribute__((constructor)) static void begin(void)
{
    const char *asked = getenv("JETON_FAIL");

    fail.aloud = asked != NULL && failing_begin(asked);
}

__attribute__((destructor)) static void end(void)
{
    if (fail.counting)
        print("counted", failing_end());
}

/* jetond ends by this where it leaves a thread behind. */
void _exit(int status)
{
    end();
    syscall(SYS_exit_group, status);
    __builtin_unreachable();
}

/* True if this call is one to count.  Not fstat(): a client closes no descriptor that it cannot
 * recognise, as it may be somebody else's by now, so where fstat() fails some are rightly left
 * open. */
static bool is_meant(const char *call)
{
    return fail.any ? strcmp(call, "fstat") != 0 : strcmp(call, fail.call) == 0;
}

/* True if this call is to fail. */
static bool due(const char *call)
{
    if (!fail.counting || fail.paused || !is_meant(call))
        return false;
    unsigned long number = atomic_fetch_add(&fail.count, 1) + 1;
    if (fail.any ? (unsigned long)random() % fail.at != 0 :
                   fail.at == 0 || (fail.onwards ? number < fail.at : number != fail.at))
        return false;
    if (!atomic_exchange(&fail.printed, true))
        print("at", number);
    return true;
}

/* -- memory ------------------------------------------------------------------------------------ */

static atomic_long blocks;

long failing_blocks(void)
{
    return blocks;
}

static void *counted(void *memory)
{
    blocks += memory != NULL;
    return memory;
}

static void *refused(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return due("malloc") ? refused() : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return due("malloc") ? refused() : counted(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
    if (memory == NULL)
        return malloc(size);
    return due("malloc") ? refused() : __libc_realloc(memory, size);
}

void free(void *memory)
{
    blocks -= memory != NULL;
    __libc_free(memory);
}

void *reallocarray(void *memory, size_t count, size_t size)
{
    size_t all;

    return __builtin_mul_overflow(count, size, &all) ? refused() : realloc(memory, all);
}

/* -- the rest ---------------------------------------------------------------------------------- */

/* Find the next definition of a function, once. */
#define REAL(name)                       \
    static _Atomic(void *) found;        \
    if (found == NULL)                   \
        found = dlsym(RTLD_NEXT, #name); \
    __typeof__(&name) real = (__typeof__(&name))found

#define FAILS(name, error, result, type, parameters, arguments) \
    type name parameters                                        \
    {                                                           \
        REAL(name);                                             \
        if (!due(#name))                                        \
            return real arguments;                              \
        errno = error;                                          \
        return result;                                          \
    }

FAILS(socket, EMFILE, -1, int, (int domain, int kind, int protocol), (domain, kind, protocol))
FAILS(connect, ENOMEM, -1, int, (int fd, const struct sockaddr *address, socklen_t len),
      (fd, address, len))
FAILS(setsockopt, ENOMEM, -1, int, (int fd, int level, int what, const void *value, socklen_t len),
      (fd, level, what, value, len))
FAILS(getsockopt, ENOMEM, -1, int,
      (int fd, int level, int what, void *restrict value, socklen_t *restrict len),
      (fd, level, what, value, len))
FAILS(send, ENOBUFS, -1, ssize_t, (int fd, const void *bytes, size_t len, int flags),
      (fd, bytes, len, flags))
FAILS(recv, ENOMEM, -1, ssize_t, (int fd, void *bytes, size_t len, int flags),
      (fd, bytes, len, flags))
FAILS(recvmsg, ENOMEM, -1, ssize_t, (int fd, struct msghdr *message, int flags),
      (fd, message, flags))
FAILS(poll, ENOMEM, -1, int, (struct pollfd fds[], nfds_t count, int wait), (fds, count, wait))
FAILS(fstat, ENOMEM, -1, int, (int fd, struct stat *st), (fd, st))
FAILS(stat, ENOMEM, -1, int, (const char *restrict path, struct stat *restrict st), (path, st))
FAILS(lstat, ENOMEM, -1, int, (const char *restrict path, struct stat *restrict st), (path, st))
FAILS(fstatfs, ENOMEM, -1, int, (int fd, struct statfs *fs), (fd, fs))
FAILS(madvise, ENOMEM, -1, int, (void *at, size_t len, int what), (at, len, what))
FAILS(clock_gettime, EINVAL, -1, int, (clockid_t clock, struct timespec *t), (clock, t))
FAILS(time, EPERM, -1, time_t, (time_t now[]), (now))
FAILS(sched_getcpu, ENOSYS, -1, int, (void), ())
FAILS(accept4, EMFILE, -1, int,
      (int fd, struct sockaddr *restrict address, socklen_t *restrict len, int flags),
      (fd, address, len, flags))
FAILS(mmap, ENOMEM, MAP_FAILED, void *,
      (void *at, size_t len, int rights, int flags, int fd, off_t offset),
      (at, len, rights, flags, fd, offset))
FAILS(memfd_create, EMFILE, -1, int, (const char *name, unsigned int flags), (name, flags))
FAILS(eventfd, EMFILE, -1, int, (unsigned int value, int flags), (value, flags))
FAILS(epoll_ctl, ENOMEM, -1, int, (int fd, int what, int about, struct epoll_event *event),
      (fd, what, about, event))

/* Return what went wrong. */
int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict how,
                   void *(*start)(void *), void *restrict argument)
{
    REAL(pthread_create);
    return due("pthread_create") ? EAGAIN : real(thread, how, start, argument);
}

#define MODE_OF(flags, last)                                                  \
    va_list rest;                                                             \
    va_start(rest, last);                                                     \
    mode_t mode = (flags) & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest)

int open(const char *path, int flags, ...)
{
    REAL(open);
    MODE_OF(flags, flags);
    if (!due("open"))
        return real(path, flags, mode);
    errno = EMFILE;
    return -1;
}

int openat(int directory, const char *path, int flags, ...)
{
    REAL(openat);
    MODE_OF(flags, flags);
    if (!due("open"))
        return real(directory, path, flags, mode);
    errno = EMFILE;
    return -1;
}

/* The third argument is as wide as a pointer, whatever it is. */
int fcntl(int fd, int what, ...)
{
    REAL(fcntl);
    va_list rest;
    va_start(rest, what);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (!due("fcntl"))
        return real(fd, what, argument);
    errno = EMFILE;
    return -1;
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
    REAL(fopen);
    if (!due("open"))
        return real(path, mode);
    errno = EMFILE;
    return NULL;
}

/* What glibc's headers make of them where files are 64 bits. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int directory, const char *path, int flags, ...) __attribute__((alias("openat")));
void *mmap64(void *at, size_t len, int rights, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));
