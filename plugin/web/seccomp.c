/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/seccomp.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define CALL(name) SCMP_SYS(name)

/* Calls newer than this list.  From NEWER_FIRST on, numbers are the same on every architecture.  A
 * newer C library may try such a call, and falls back when it fails with ENOSYS. */
enum { NEWER_FIRST = 435, NEWER_LAST = 511 };

/* Calls that are allowed with any arguments. */
/* clang-format off */
static const int allowed[] = {
    /* bytes, descriptors */
    CALL(read), CALL(write), CALL(writev), CALL(lseek), CALL(close), CALL(fcntl), CALL(poll), CALL(ppoll),
    CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(timerfd_settime),
    /* files: whose socket it is, and the end of our own */
    CALL(fstat), CALL(lstat), CALL(newfstatat), CALL(statx), CALL(unlink), CALL(unlinkat), CALL(umask),
    /* connections */
    CALL(accept), CALL(accept4), CALL(connect), CALL(shutdown), CALL(sendto), CALL(sendmsg), CALL(recvfrom),
    CALL(recvmsg), CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(getpeername),
    /* memory */
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mlock), CALL(munlock),
    /* signals, the end */
    CALL(futex), CALL(rseq), CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
    CALL(sigaltstack), CALL(restart_syscall), CALL(exit), CALL(exit_group),
    /* time, random numbers, identity */
    CALL(clock_gettime), CALL(clock_getres), CALL(gettimeofday), CALL(time), CALL(getrandom), CALL(getpid),
    CALL(gettid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid),
};
/* clang-format on */

/* Add a rule, unless this architecture does not have the call. */
static int add(scmp_filter_ctx filter, uint32_t action, int call, unsigned terms,
               const struct scmp_arg_cmp *term)
{
    return call < 0 ? 0 : seccomp_rule_add_array(filter, action, call, terms, term);
}

static int add_allowed(scmp_filter_ctx filter)
{
    int error = 0;

    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && error == 0; i++)
        error = add(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
    return error;
}

/* A term: (argument & mask) == value. */
static int add_masked(scmp_filter_ctx filter, uint32_t action, int call, unsigned argument,
                      scmp_datum_t mask, scmp_datum_t value)
{
    const struct scmp_arg_cmp term = SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value);

    return add(filter, action, call, 1, &term);
}

/* Memory is never executable; new sockets are Unix sockets; files are not opened. */
static int add_conditions(scmp_filter_ctx filter)
{
    const uint32_t no = SCMP_ACT_ERRNO(EPERM), yes = SCMP_ACT_ALLOW;
    int error = add_masked(filter, yes, CALL(mmap), 2, PROT_EXEC, 0);

    if (error == 0)
        error = add_masked(filter, no, CALL(mmap), 2, PROT_EXEC, PROT_EXEC);
    if (error == 0)
        error = add_masked(filter, yes, CALL(mprotect), 2, PROT_EXEC, 0);
    if (error == 0)
        error = add_masked(filter, no, CALL(mprotect), 2, PROT_EXEC, PROT_EXEC);
    if (error == 0)
        error = add_masked(filter, yes, CALL(socket), 0, 0xffffffff, AF_UNIX);
    if (error == 0)
        error = add_masked(filter, yes, CALL(tgkill), 0, 0xffffffff, (scmp_datum_t)getpid());
    /* Asked for by the C library, which goes on without. */
    if (error == 0)
        error = add(filter, SCMP_ACT_ERRNO(EACCES), CALL(openat), 0, NULL);
    if (error == 0)
        error = add(filter, SCMP_ACT_ERRNO(EINVAL), CALL(prctl), 0, NULL);
    return error == 0 ? add(filter, SCMP_ACT_ERRNO(ENOTTY), CALL(ioctl), 0, NULL) : error;
}

static int refuse_newer(scmp_filter_ctx filter)
{
    int error = 0;

    for (int call = NEWER_FIRST; call <= NEWER_LAST && error == 0; call++)
        if (call != CALL(epoll_pwait2))
            error = add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0, NULL);
    return error;
}

int seccomp_restrict(void)
{
    if (SANITIZED)
        return -ENOSYS;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return -ENOSYS;
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (error == 0)
        error = add_allowed(filter);
    if (error == 0)
        error = add_conditions(filter);
    if (error == 0)
        error = refuse_newer(filter);
    if (error == 0)
        error = seccomp_load(filter);
    seccomp_release(filter);
    return error;
}
