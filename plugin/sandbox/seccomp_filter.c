/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/sandbox/seccomp_filter.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* Calls newer than the lists, after clone3().  From NEWER_FIRST on, numbers are the same on every
 * architecture.  A newer C library may try such a call, and falls back when it fails with ENOSYS. */
enum { NEWER_FIRST = 436, NEWER_LAST = 511 };

int seccomp_filter_add(scmp_filter_ctx filter, uint32_t action, int call, unsigned terms,
                       const struct scmp_arg_cmp *term)
{
    return call < 0 ? 0 : seccomp_rule_add_array(filter, action, call, terms, term);
}

int seccomp_filter_add_masked(scmp_filter_ctx filter, uint32_t action, int call, unsigned argument,
                              scmp_datum_t mask, scmp_datum_t value)
{
    const struct scmp_arg_cmp term = SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, mask, value);

    return seccomp_filter_add(filter, action, call, 1, &term);
}

static int add_allowed(scmp_filter_ctx filter, const int *allowed, size_t count)
{
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++)
        error = seccomp_filter_add(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
    return error;
}

/* A call that asks for protections in its third argument may ask for all but execution. */
static int forbid_execution(scmp_filter_ctx filter, int call)
{
    int error = seccomp_filter_add_masked(filter, SCMP_ACT_ALLOW, call, 2, PROT_EXEC, 0);

    return error == 0 ? seccomp_filter_add_masked(filter, SCMP_ACT_ERRNO(EPERM), call, 2, PROT_EXEC,
                                                  PROT_EXEC) :
                        error;
}

static int add_conditions(scmp_filter_ctx filter)
{
    const uint32_t yes = SCMP_ACT_ALLOW;
    const scmp_datum_t all = 0xffffffff;
    int error = forbid_execution(filter, CALL(mmap));

    if (error == 0)
        error = forbid_execution(filter, CALL(mprotect));
    if (error == 0)
        error = seccomp_filter_add_masked(filter, yes, CALL(socket), 0, all, AF_UNIX);
    if (error == 0)
        error = seccomp_filter_add_masked(filter, yes, CALL(tgkill), 0, all,
                                          (scmp_datum_t)getpid());
    /* Asked for by the C library, which goes on without. */
    if (error == 0)
        error = seccomp_filter_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0, NULL);
    if (error == 0)
        error = seccomp_filter_add(filter, SCMP_ACT_ERRNO(EINVAL), CALL(prctl), 0, NULL);
    return error == 0 ? seccomp_filter_add(filter, SCMP_ACT_ERRNO(ENOTTY), CALL(ioctl), 0, NULL) :
                        error;
}

static bool is_among(int call, const int *allowed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (allowed[i] == call)
            return true;
    return false;
}

static int refuse_newer(scmp_filter_ctx filter, const int *allowed, size_t count)
{
    int error = 0;

    for (int call = NEWER_FIRST; call <= NEWER_LAST && error == 0; call++)
        if (!is_among(call, allowed, count))
            error = seccomp_filter_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0, NULL);
    return error;
}

int seccomp_filter_load(const int *allowed, size_t count, int (*add_own)(scmp_filter_ctx filter))
{
    if (SANITIZED)
        return -ENOSYS;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return -ENOSYS;
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (error == 0)
        error = add_allowed(filter, allowed, count);
    if (error == 0)
        error = add_conditions(filter);
    if (error == 0)
        error = add_own(filter);
    if (error == 0)
        error = refuse_newer(filter, allowed, count);
    if (error == 0)
        error = seccomp_load(filter);
    seccomp_release(filter);
    return error;
}
