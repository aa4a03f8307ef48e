/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/host_limits.h"

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
    if (limit.rlim_cur >= wanted)
        return c->max_connections;
    uint64_t possible = limit.rlim_cur > own ? limit.rlim_cur - own : 1;
    log_warning("config: max_connections is %llu instead of %llu: the limit of open files is %llu",
                (unsigned long long)possible, (unsigned long long)c->max_connections,
                (unsigned long long)limit.rlim_cur);
    return possible;
}
