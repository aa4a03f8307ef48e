/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sandbox/seccomp.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/sanitizer.h"

#define ENTRIES(table) (sizeof(table) / sizeof((table)[0]))
#define CALL(name) SCMP_SYS(name)

/* Calls newer than this list.  From NEWER_FIRST on, numbers are the same on every architecture.  A
 * newer C library may try such a call, and falls back when it fails with ENOSYS. */
enum { NEWER_FIRST = 435, NEWER_LAST = 511, TRACER_SKIPS = -1 };

/* Calls that are allowed with any arguments, grouped by purpose. */
/* clang-format off */
static const int allowed[] = {
    /* bytes, descriptors */
    CALL(read), CALL(readv), CALL(write), CALL(writev), CALL(pread64), CALL(pwrite64),
    CALL(lseek), CALL(close), CALL(dup), CALL(dup3), CALL(fcntl), CALL(pipe2), CALL(poll), CALL(ppoll),
    CALL(select), CALL(pselect6), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait),
    CALL(epoll_pwait), CALL(epoll_pwait2), CALL(eventfd2), CALL(signalfd4), CALL(timerfd_create),
    CALL(timerfd_settime),
    /* files: which ones, Landlock and file modes decide */
    CALL(open), CALL(openat), CALL(fstat), CALL(stat), CALL(lstat), CALL(newfstatat), CALL(statx),
    CALL(access), CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat),
    CALL(fchmod), CALL(fstatfs), CALL(statfs), CALL(getdents64), CALL(flock), CALL(fsync), CALL(fdatasync),
    CALL(ftruncate), CALL(fallocate), CALL(fadvise64), CALL(rename), CALL(renameat),
    CALL(renameat2), CALL(unlink), CALL(unlinkat), CALL(utimensat), CALL(utime), CALL(umask),
    CALL(getcwd),
    /* connections */
    CALL(accept), CALL(accept4), CALL(shutdown), CALL(sendto), CALL(sendmsg),
    CALL(sendmmsg), CALL(recvfrom), CALL(recvmsg), CALL(recvmmsg), CALL(getsockopt),
    CALL(setsockopt), CALL(getsockname), CALL(getpeername),
    /* memory */
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(msync), CALL(mincore),
    CALL(memfd_create), CALL(mlock), CALL(mlock2), CALL(munlock),
    /* threads, signals */
    CALL(futex), CALL(set_robust_list), CALL(get_robust_list), CALL(rseq), CALL(set_tid_address),
    CALL(membarrier), CALL(sched_yield), CALL(sched_getaffinity), CALL(sched_getparam),
    CALL(sched_getscheduler), CALL(getpriority), CALL(getcpu), CALL(rt_sigaction), CALL(rt_sigprocmask),
    CALL(rt_sigreturn), CALL(rt_sigtimedwait), CALL(sigaltstack), CALL(restart_syscall),
    CALL(pause), CALL(exit), CALL(exit_group),
    /* time, random numbers, identity, system */
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep),
    CALL(gettimeofday), CALL(adjtimex), CALL(clock_adjtime), CALL(time), CALL(times),
    CALL(getrusage), CALL(getrandom), CALL(uname), CALL(sysinfo), CALL(getpid), CALL(getppid), CALL(gettid), CALL(getuid), CALL(geteuid),
    CALL(getgid), CALL(getegid), CALL(getresuid), CALL(getresgid), CALL(getgroups),
    /* a call that a tracer skips */
    TRACER_SKIPS,
};
/* clang-format on */

/* Calls that fail with an error, which libraries can deal with. */
static const struct {
    int call;
    int error;
} refused[] = {
    { CALL(clone3), ENOSYS }, /* its flags cannot be seen; clone() is tried next */
    { CALL(fork), EPERM },
    { CALL(vfork), EPERM },
    { CALL(kill), EPERM },
    { CALL(sched_setscheduler), EPERM },
    { CALL(sched_setaffinity), EPERM },
    { CALL(capget), EPERM },
    { CALL(sysfs), ENOSYS },
};

/* One argument of a call: (argument & mask) == value. */
struct term {
    unsigned argument;
    scmp_datum_t mask;
    scmp_datum_t value;
};

enum { TERMS = 2 };

/* Calls that depend on arguments.  `error` 0: allowed.  Cases of a call that no rule covers end the
 * process. */
struct rule {
    int call;
    int error;
    unsigned terms;
    struct term term[TERMS];
};

#define FIRST_32 ((scmp_datum_t)0xffffffff)
#define WX ((scmp_datum_t)(PROT_WRITE | PROT_EXEC))

static const struct rule rules[] = {
    /* threads, but no processes */
    { CALL(clone), 0, 1, { { 0, CLONE_THREAD, CLONE_THREAD } } },
    { CALL(clone), EPERM, 1, { { 0, CLONE_THREAD, 0 } } },
    /* code is mapped from files (verifiers are loaded at SIGHUP) and is never writable */
    { CALL(mmap), 0, 1, { { 2, PROT_EXEC, 0 } } },
    { CALL(mmap), EPERM, 1, { { 2, WX, WX } } },
    { CALL(mmap), 0, 2, { { 2, WX, PROT_EXEC }, { 3, MAP_ANONYMOUS, 0 } } },
    { CALL(mmap), EPERM, 2, { { 2, WX, PROT_EXEC }, { 3, MAP_ANONYMOUS, MAP_ANONYMOUS } } },
    { CALL(mprotect), 0, 1, { { 2, PROT_EXEC, 0 } } },
    { CALL(mprotect), EPERM, 1, { { 2, PROT_EXEC, PROT_EXEC } } },
    { CALL(ioctl), 0, 1, { { 1, FIRST_32, SIOCOUTQ } } },
    { CALL(ioctl), 0, 1, { { 1, FIRST_32, FIONREAD } } },
    { CALL(ioctl), 0, 1, { { 1, FIRST_32, FIONBIO } } },
    { CALL(ioctl), 0, 1, { { 1, FIRST_32, FICLONE } } }, /* a backup */
    { CALL(prctl), 0, 1, { { 0, FIRST_32, PR_SET_NAME } } },
    { CALL(prctl), 0, 1, { { 0, FIRST_32, PR_GET_NAME } } },
    { CALL(prctl), 0, 1, { { 0, FIRST_32, PR_GET_NO_NEW_PRIVS } } },
    { CALL(prctl), 0, 1, { { 0, FIRST_32, PR_GET_SECCOMP } } },
    { CALL(prctl), 0, 1, { { 0, FIRST_32, PR_GET_DUMPABLE } } },
    { CALL(prctl), EINVAL, 1, { { 0, FIRST_32, 0x53564d41 } } }, /* PR_SET_VMA, of malloc */
    { CALL(prctl), EPERM, 1, { { 0, FIRST_32, PR_CAPBSET_READ } } },
    { CALL(ioctl), ENOTTY, 1, { { 1, FIRST_32, TCGETS } } }, /* isatty() */
    { CALL(ioctl), ENOTTY, 1, { { 1, FIRST_32, TIOCGWINSZ } } },
    { CALL(ioctl), ENOTTY, 1, { { 1, FIRST_32, FS_IOC_GETFLAGS } } }, /* a log is made */
    /* its own priority: of the calling thread */
    { CALL(setpriority), 0, 2, { { 0, FIRST_32, PRIO_PROCESS }, { 1, FIRST_32, 0 } } },
    /* its own limits: SIGHUP may raise that of open files */
    { CALL(prlimit64), 0, 1, { { 0, FIRST_32, 0 } } },
};

/* The families of sockets that are allowed, some of them only with [daemon] network=yes. */
static const struct {
    int family;
    bool network;
} families[] = {
    { AF_UNIX, false },
    { AF_INET, true },
    { AF_INET6, true },
    { AF_NETLINK, true },
};

static int allow_plain(scmp_filter_ctx filter);
static int add_refusals(scmp_filter_ctx filter);
static int add_rules(scmp_filter_ctx filter);
static int add_own(scmp_filter_ctx filter);
static int add_sockets(scmp_filter_ctx filter, enum seccomp_connections connections);
static int refuse_newer(scmp_filter_ctx filter);

static int fill(scmp_filter_ctx filter, enum seccomp_connections connections)
{
    int error = allow_plain(filter);

    if (error == 0)
        error = add_refusals(filter);
    if (error == 0)
        error = add_rules(filter);
    if (error == 0)
        error = add_own(filter);
    if (error == 0)
        error = add_sockets(filter, connections);
    return error == 0 ? refuse_newer(filter) : error;
}

int seccomp_confine(enum seccomp_connections connections)
{
    if (JETON_SANITIZED)
        return -ENOSYS;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return -ENOSYS;
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (error == 0)
        error = seccomp_attr_set(filter, SCMP_FLTATR_API_TSKIP, 1);
    if (error == 0)
        error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (error == 0)
        error = fill(filter, connections);
    if (error == 0)
        error = seccomp_load(filter);
    seccomp_release(filter);
    return error;
}

/* -- parts of the filter --------------------------------------------------------------------- */

/* Add a rule, unless this architecture does not have the call. */
static int add(scmp_filter_ctx filter, uint32_t action, int call, unsigned terms,
               const struct scmp_arg_cmp *term)
{
    if (call < 0 && call != TRACER_SKIPS)
        return 0;
    return seccomp_rule_add_array(filter, action, call, terms, term);
}

static int allow_plain(scmp_filter_ctx filter)
{
    int error = 0;

    for (size_t i = 0; i < ENTRIES(allowed) && error == 0; i++)
        error = add(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
    return error;
}

static uint32_t action_of(int error)
{
    return error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t)error);
}

static int add_refusals(scmp_filter_ctx filter)
{
    int error = 0;

    for (size_t i = 0; i < ENTRIES(refused) && error == 0; i++)
        error = add(filter, action_of(refused[i].error), refused[i].call, 0, NULL);
    return error;
}

static int add_rules(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp term[TERMS];
    int error = 0;

    for (size_t i = 0; i < ENTRIES(rules) && error == 0; i++) {
        const struct rule *r = &rules[i];
        for (unsigned t = 0; t < r->terms; t++)
            term[t] = SCMP_CMP(r->term[t].argument, SCMP_CMP_MASKED_EQ, r->term[t].mask,
                               r->term[t].value);
        error = add(filter, action_of(r->error), r->call, r->terms, term);
    }
    return error;
}

/* Allow signals to threads of this process, for abort() and pthread_kill().  It never forks, so its
 * pid stays the same. */
static int add_own(scmp_filter_ctx filter)
{
    const scmp_datum_t pid = (scmp_datum_t)getpid();
    const struct scmp_arg_cmp own = { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = pid };
    const struct scmp_arg_cmp other = { .arg = 0, .op = SCMP_CMP_NE, .datum_a = pid };
    int error = add(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1, &own);

    return error == 0 ? add(filter, SCMP_ACT_ERRNO(EPERM), CALL(tgkill), 1, &other) : error;
}

static bool family_allowed(int family, bool network)
{
    for (size_t i = 0; i < ENTRIES(families); i++)
        if (families[i].family == family)
            return network || !families[i].network;
    return false;
}

static int add_sockets(scmp_filter_ctx filter, enum seccomp_connections connections)
{
    const int calls[] = { CALL(socket), CALL(socketpair) };
    const bool network = connections == SECCOMP_NETWORK;
    int error = 0;

    for (size_t i = 0; i < ENTRIES(calls); i++) {
        for (int family = 0; family < AF_MAX && error == 0; family++) {
            const struct scmp_arg_cmp is = SCMP_A0(SCMP_CMP_MASKED_EQ, FIRST_32,
                                                   (scmp_datum_t)family);
            error = add(filter, action_of(family_allowed(family, network) ? 0 : EAFNOSUPPORT),
                        calls[i], 1, &is);
        }
    }
    /* The C library's resolver binds a netlink socket; our own sockets are bound already. */
    if (error == 0)
        error = add(filter, action_of(network ? 0 : EPERM), CALL(bind), 0, NULL);
    /* EACCES is what the C library gets where it may not ask a name service either. */
    if (error == 0)
        error = add(filter, action_of(connections == SECCOMP_NO_CONNECTIONS ? EACCES : 0),
                    CALL(connect), 0, NULL);
    return error;
}

static bool is_named(int call)
{
    for (size_t i = 0; i < ENTRIES(allowed); i++)
        if (allowed[i] == call)
            return true;
    for (size_t i = 0; i < ENTRIES(refused); i++)
        if (refused[i].call == call)
            return true;
    return false;
}

static int refuse_newer(scmp_filter_ctx filter)
{
    int error = 0;

    for (int call = NEWER_FIRST; call <= NEWER_LAST && error == 0; call++)
        if (!is_named(call))
            error = add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0, NULL);
    return error;
}
