/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/priority.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/base/log.h"

enum { NORMAL = 0, LIMIT_OF_NORMAL = 20 }; /* RLIMIT_NICE counts from 20 - nice */

/* The calling thread's nice value; what cannot be read is normal. */
static int own(void)
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
    int nice = own();

    return nice < NORMAL ? limit_for(nice) : 0;
}

/* Root may without a limit; a root that may not (capabilities(7)) stays back for good. */
static bool may_return(int nice)
{
    struct rlimit limit;

    return geteuid() == 0 ||
           (getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_cur >= limit_for(nice));
}

void thread_priority_begin(struct thread_priority *p)
{
    int nice = own();

    p->forward = NORMAL;
    if (nice >= NORMAL)
        return;
    if (!may_return(nice))
        log_info(
            "changes and lists have the priority of verification (nice %d), because RLIMIT_NICE "
            "does not let them have it back: set LimitNICE=%d",
            nice, nice);
    else if (setpriority(PRIO_PROCESS, 0, NORMAL) < 0)
        log_info("changes and lists have the priority of verification (nice %d): setpriority: %s; "
                 "priority.conf has all that it takes",
                 nice, strerror(errno));
    else
        p->forward = nice;
}

static void become(const struct thread_priority *p, int nice)
{
    if (p->forward < NORMAL && setpriority(PRIO_PROCESS, 0, nice) < 0)
        log_debug("the nice value stays as it is: %s", strerror(errno));
}

void thread_priority_raise(const struct thread_priority *p)
{
    become(p, p->forward);
}

void thread_priority_lower(const struct thread_priority *p)
{
    become(p, NORMAL);
}
