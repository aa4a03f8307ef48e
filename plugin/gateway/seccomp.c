/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/seccomp.h"

#include <sched.h>

#include "plugin/sandbox/seccomp_filter.h"

/* Calls that are allowed with any arguments. */
/* clang-format off */
static const int allowed[] = {
    /* bytes, descriptors */
    CALL(read), CALL(readv), CALL(write), CALL(writev), CALL(lseek), CALL(close), CALL(dup), CALL(fcntl),
    CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6), CALL(epoll_create1), CALL(epoll_ctl),
    CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(eventfd2), CALL(timerfd_settime),
    /* files: which ones, Landlock and file modes decide */
    CALL(open), CALL(openat), CALL(fstat), CALL(stat), CALL(lstat), CALL(newfstatat), CALL(statx),
    CALL(access), CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getcwd), CALL(fstatfs), CALL(statfs),
    CALL(unlink), CALL(unlinkat), CALL(umask),
    /* connections */
    CALL(accept), CALL(accept4), CALL(connect), CALL(shutdown), CALL(sendto), CALL(sendmsg), CALL(recvfrom),
    CALL(recvmsg), CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(getpeername),
    /* memory */
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mincore), CALL(mlock), CALL(mlock2),
    CALL(munlock),
    /* threads, signals */
    CALL(futex), CALL(set_robust_list), CALL(get_robust_list), CALL(rseq), CALL(set_tid_address),
    CALL(membarrier), CALL(sched_yield), CALL(sched_getaffinity), CALL(getcpu), CALL(rt_sigaction),
    CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(sigaltstack), CALL(restart_syscall), CALL(exit),
    CALL(exit_group),
    /* time, random numbers, identity */
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday),
    CALL(time), CALL(getrandom), CALL(uname), CALL(sysinfo), CALL(getpid), CALL(gettid), CALL(getuid),
    CALL(geteuid), CALL(getgid), CALL(getegid), CALL(prlimit64),
};
/* clang-format on */

/* Threads, but no processes. */
static int add_own(scmp_filter_ctx filter)
{
    return seccomp_filter_add_masked(filter, SCMP_ACT_ALLOW, CALL(clone), 0, CLONE_THREAD,
                                     CLONE_THREAD);
}

int seccomp_restrict(void)
{
    return seccomp_filter_load(allowed, sizeof(allowed) / sizeof(allowed[0]), add_own);
}
