/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process/memory_return.h"

#include <malloc.h>

#include "daemon/base/secmem.h"

enum { CROWD = 256 }; /* connections that have left */

/* So many changes leave much free memory in the heap, too; seconds without any, after which it is worth
 * giving back.  The writer's thread has a heap of its own (writer_return_memory()). */
enum { CHANGES = 1000, IDLE_SECONDS = 4 };

void memory_return_begin(void)
{
    malloc_trim(0);
}

/* True if the memory of many changes is not needed for more. */
static bool are_changes_over(struct memory_return *m, uint64_t newest)
{
    m->idle = newest == m->newest ? m->idle + 1 : 0;
    m->newest = newest;
    if (m->idle < IDLE_SECONDS || newest - m->returned < CHANGES)
        return false;
    m->returned = newest;
    return true;
}

/* The C library gives back only the end of its heaps, unless it is asked; it walks over all that is
 * free then, so ask only when that is likely to be much. */
void memory_return_tick(struct memory_return *m, const struct server *server)
{
    uint64_t now = client_limit_stats(server->client_limit).now;

    secmem_trim();
    if (now > m->most)
        m->most = now;
    bool left = m->most >= now + CROWD && now <= m->most / 2;
    if (left)
        m->most = now;
    if (are_changes_over(m, write_queue_newest(server->write_queue)) || left)
        malloc_trim(0);
}
