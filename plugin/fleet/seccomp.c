/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/seccomp.h"

#include <sched.h>
#include <sys/socket.h>

#include "plugin/sandbox/seccomp_filter.h"

/* Calls that are allowed with any arguments. */
/* clang-format off */
static const int allowed[] = {
    /* bytes, descriptors */
    CALL(read), CALL(readv), CALL(pread64), CALL(write), CALL(writev), CALL(lseek), CALL(close), CALL(dup), CALL(fcntl),
    CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6), CALL(epoll_create1), CALL(epoll_ctl),
    CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(eventfd2), CALL(timerfd_settime),
    /* files: which ones, Landlock and file modes decide */
    CALL(open), CALL(openat), CALL(fstat), CALL(stat), CALL(lstat), CALL(newfstatat), CALL(statx), CALL(getdents64),
    CALL(access), CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getcwd), CALL(fstatfs), CALL(statfs),
    CALL(fchmod), CALL(rename), CALL(renameat), CALL(renameat2), CALL(unlink), CALL(unlinkat), CALL(umask), CALL(fadvise64),
    /* connections, and names of hosts */
    CALL(connect), CALL(bind), CALL(shutdown), CALL(sendto), CALL(sendmsg), CALL(sendmmsg), CALL(recvfrom),
    CALL(recvmsg), CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(getpeername),
    /* memory */
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mincore), CALL(mlock), CALL(mlock2),
    CALL(munlock),
    /* threads, signals */
    CALL(futex), CALL(set_robust_list), CALL(get_robust_list), CALL(rseq), CALL(set_tid_address),
    CALL(membarrier), CALL(sched_yield), CALL(sched_getaffinity), CALL(getcpu), CALL(rt_sigaction),
    CALL(rt_sigprocmask), CALL(rt_sigpending), CALL(rt_sigtimedwait), CALL(rt_sigreturn), CALL(sigaltstack),
    CALL(restart_syscall), CALL(exit), CALL(exit_group),
    /* time, random numbers, identity */
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday),
    CALL(time), CALL(getrandom), CALL(uname), CALL(sysinfo), CALL(getpid), CALL(gettid), CALL(getppid), CALL(getuid),
    CALL(geteuid), CALL(getgid), CALL(getegid), CALL(getresuid), CALL(getresgid), CALL(prlimit64), CALL(getrlimit),
};
/* clang-format on */

/* Sockets to databases, and one that the C library asks which kinds of addresses there are; threads, but no
 * processes. */
static int add_own(scmp_filter_ctx filter)
{
    static const int families[] = { AF_INET, AF_INET6, AF_NETLINK };
    int error = 0;

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && error == 0; i++)
        error = seccomp_filter_add_masked(filter, SCMP_ACT_ALLOW, CALL(socket), 0, 0xffffffff,
                                          (scmp_datum_t)families[i]);
    if (error == 0)
        error = seccomp_filter_add_masked(filter, SCMP_ACT_ALLOW, CALL(clone), 0, CLONE_THREAD,
                                          CLONE_THREAD);
    return error;
}

int seccomp_restrict(void)
{
    return seccomp_filter_load(allowed, sizeof(allowed) / sizeof(allowed[0]), add_own);
}
