/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/base/log.h"

enum { NORMAL = 0, LIMIT_OF_NORMAL = 20 }; /* RLIMIT_NICE counts from 20 - nice */

void thread_begin(void)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
}

/* -- priority -------------------------------------------------------------------------------- */

/* Return the calling thread's nice value, or NORMAL if it cannot be read. */
static int own_nice(void)
{
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, 0);
    return errno == 0 ? nice : NORMAL;
}

static uint64_t limit_for(int nice)
{
    return (uint64_t)(LIMIT_OF_NORMAL - nice);
}

uint64_t thread_priority_limit(void)
{
    int nice = own_nice();

    return nice < NORMAL ? limit_for(nice) : 0;
}

/* True if the thread may raise itself again.  Root is taken to have CAP_SYS_NICE; a root without it
 * stays lowered for good. */
static bool may_raise(int nice)
{
    struct rlimit limit;

    return geteuid() == 0 ||
           (getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_cur >= limit_for(nice));
}

void thread_priority_begin(struct thread_priority *p)
{
    int nice = own_nice();

    p->raised = NORMAL;
    if (nice >= NORMAL)
        return;
    if (!may_raise(nice))
        log_info("priority: changes and lists keep the priority of verification (nice %d), because "
                 "RLIMIT_NICE does not allow raising it again: set LimitNICE=%d",
                 nice, nice);
    else if (setpriority(PRIO_PROCESS, 0, NORMAL) < 0)
        log_info("priority: changes and lists keep the priority of verification (nice %d): "
                 "setpriority: %s; see priority.conf for the settings it needs",
                 nice, strerror(errno));
    else
        p->raised = nice;
}

static void set_nice(const struct thread_priority *p, int nice)
{
    if (p->raised < NORMAL && setpriority(PRIO_PROCESS, 0, nice) < 0)
        log_debug("priority: the nice value is unchanged: %s", strerror(errno));
}

void thread_priority_raise(const struct thread_priority *p)
{
    set_nice(p, p->raised);
}

void thread_priority_lower(const struct thread_priority *p)
{
    set_nice(p, NORMAL);
}
