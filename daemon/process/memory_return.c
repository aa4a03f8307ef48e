/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process/memory_return.h"

#include <malloc.h>

#include "daemon/base/secmem.h"

enum { CROWD = 256 }; /* connections that have left */

/* The C library gives back only the end of its heaps, unless it is asked; it walks over all that is
 * free then, so ask only when that is likely to be much. */
void memory_return_tick(struct memory_return *m, const struct server *server)
{
    uint64_t now = client_limit_stats(server->client_limit).now;

    secmem_trim();
    if (now > m->most)
        m->most = now;
    if (m->most < now + CROWD || now > m->most / 2)
        return;
    m->most = now;
    malloc_trim(0);
}
