/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: makes one call in turn fail, as if what it asks for had run out.
 *
 *     JETON_FAIL=CALL:N      the Nth call of that name fails, counted from 1
 *     JETON_FAIL=CALL:N+     and so do all that follow
 *     JETON_FAIL=CALL:0      none does
 *
 * Says on standard error when the first fails, and at an orderly end how many calls there were.
 * Memory is counted under one name: malloc, for malloc, calloc, realloc and their like.
 *
 * Built by the test that needs it: cc -shared -fPIC failing.c -ldl */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* The C library's own, which need no dlsym(): that allocates. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static struct {
    char call[32];
    unsigned long at;           /* 0: none */
    bool onwards;
    bool counting;
    atomic_ulong count;
    atomic_bool said;
} fail;

static void say(const char *what, unsigned long number)
{
    char line[80];
    int len = snprintf(line, sizeof(line), "failing: %s %s %lu\n", what, fail.call, number);

    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}

__attribute__((constructor)) static void begin(void)
{
    const char *asked = getenv("JETON_FAIL");
    char plus = '\0';

    if (asked == NULL || sscanf(asked, "%31[a-z_0-9]:%lu%c", fail.call, &fail.at, &plus) < 2)
        return;
    fail.onwards = plus == '+';
    fail.counting = true;
}

__attribute__((destructor)) static void end(void)
{
    if (fail.counting)
        say("counted", fail.count);
    fail.counting = false;
}

/* True if this call is to fail. */
static bool due(const char *call)
{
    if (!fail.counting || strcmp(call, fail.call) != 0)
        return false;
    unsigned long number = atomic_fetch_add(&fail.count, 1) + 1;
    if (fail.at == 0 || (fail.onwards ? number < fail.at : number != fail.at))
        return false;
    if (!atomic_exchange(&fail.said, true))
        say("at", number);
    return true;
}

void *malloc(size_t size)
{
    if (!due("malloc"))
        return __libc_malloc(size);
    errno = ENOMEM;
    return NULL;
}

void *calloc(size_t count, size_t size)
{
    if (!due("malloc"))
        return __libc_calloc(count, size);
    errno = ENOMEM;
    return NULL;
}

void *realloc(void *memory, size_t size)
{
    if (!due("malloc"))
        return __libc_realloc(memory, size);
    errno = ENOMEM;
    return NULL;
}

void *reallocarray(void *memory, size_t count, size_t size)
{
    size_t all;

    if (!__builtin_mul_overflow(count, size, &all))
        return realloc(memory, all);
    errno = ENOMEM;
    return NULL;
}

/* The next definition of a function, looked up once. */
#define REAL(name) \
    static _Atomic(void *) found; \
    if (found == NULL) \
        found = dlsym(RTLD_NEXT, #name); \
    __typeof__(&name) real = (__typeof__(&name))found

#define FAILS(name, error, result, type, parameters, arguments) \
    type name parameters \
    { \
        REAL(name); \
        if (!due(#name)) \
            return real arguments; \
        errno = error; \
        return result; \
    }

FAILS(socket, EMFILE, -1, int, (int domain, int kind, int protocol), (domain, kind, protocol))
FAILS(accept4, EMFILE, -1, int, (int fd, struct sockaddr *restrict address, socklen_t *restrict len, int flags),
      (fd, address, len, flags))
FAILS(mmap, ENOMEM, MAP_FAILED, void *,
      (void *at, size_t len, int rights, int flags, int fd, off_t offset),
      (at, len, rights, flags, fd, offset))
FAILS(memfd_create, EMFILE, -1, int, (const char *name, unsigned int flags), (name, flags))
FAILS(eventfd, EMFILE, -1, int, (unsigned int value, int flags), (value, flags))
FAILS(epoll_ctl, ENOMEM, -1, int, (int fd, int what, int about, struct epoll_event *event),
      (fd, what, about, event))

/* Says by its result what went wrong. */
int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict how,
                   void *(*start)(void *), void *restrict argument)
{
    REAL(pthread_create);
    return due("pthread_create") ? EAGAIN : real(thread, how, start, argument);
}

#define MODE_OF(flags, last) \
    va_list rest; \
    va_start(rest, last); \
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
