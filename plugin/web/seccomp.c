/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/seccomp.h"

#include <errno.h>

#include "plugin/sandbox/seccomp_filter.h"

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

/* Files are not opened; the C library asks for some, and goes on without. */
static int add_own(scmp_filter_ctx filter)
{
    return seccomp_filter_add(filter, SCMP_ACT_ERRNO(EACCES), CALL(openat), 0, NULL);
}

int seccomp_restrict(void)
{
    return seccomp_filter_load(allowed, sizeof(allowed) / sizeof(allowed[0]), add_own);
}
