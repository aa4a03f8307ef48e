/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process/host_limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/session/client_limit.h"

enum { WORKERS_AUTOMATIC_MAX = 4, DESCRIPTORS_OWN = 48, DESCRIPTORS_A_WORKER = 4 };

size_t host_limits_workers(const struct config *c)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (c->workers > 0)
        return c->workers;
    if (cpus < 1)
        return 1;
    return cpus < WORKERS_AUTOMATIC_MAX ? (size_t)cpus : WORKERS_AUTOMATIC_MAX;
}

/* Let the kernel's table of open files grow to its full size now.  In a process with several threads
 * it grows with a wait for all processors (synchronize_rcu), a tenth of a second on a busy machine,
 * and whoever opens or accepts something meanwhile waits as well. */
static void grow_file_table(uint64_t descriptors)
{
    int last = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, (int)descriptors - 1);

    if (last >= 0)
        close(last);
}

uint64_t host_limits_connections(const struct config *c, size_t workers)
{
    uint64_t own = DESCRIPTORS_OWN + CLIENT_LIMIT_ADMIN_EXTRA + CLIENT_LIMIT_OVERFLOW +
                   DESCRIPTORS_A_WORKER * workers;
    uint64_t wanted = c->max_connections + own;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return c->max_connections;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    grow_file_table(limit.rlim_cur < wanted ? limit.rlim_cur : wanted);
    if (limit.rlim_cur >= wanted)
        return c->max_connections;
    uint64_t possible = limit.rlim_cur > own ? limit.rlim_cur - own : 1;
    log_warning("config: max_connections is %llu instead of %llu: the limit of open files is %llu",
                (unsigned long long)possible, (unsigned long long)c->max_connections,
                (unsigned long long)limit.rlim_cur);
    return possible;
}
