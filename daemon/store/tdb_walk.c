/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/tdb_walk.h"

#include <unistd.h>

#include "daemon/store/tdb_recovery.h"

enum { CHAINS_AT_ONCE = 4096 };

/* Read heads of chains from one on, which are behind the file's header and the head of the free list.  Return how many;
 * 0: they cannot be read. */
static uint32_t read_heads(const struct tdb_file *f, uint32_t first, uint32_t head[CHAINS_AT_ONCE])
{
    const uint32_t left = (uint32_t)tdb_hash_size(f->tdb) - first;
    const uint32_t count = left < CHAINS_AT_ONCE ? left : CHAINS_AT_ONCE;
    off_t from = TDB_FILE_HEAD + (off_t)sizeof(*head) * (1 + (off_t)first);
    ssize_t size = (ssize_t)(count * sizeof(*head));

    return pread(tdb_fd(f->tdb), head, (size_t)size, from) == size ? count : 0;
}

/* Walk chain by chain, where TDB does not copy the records; its own walk over all copies each, and
 * never ends where dead records lead to each other.  Skip empty chains, which most of the million
 * may be. */
bool tdb_walk_all(const struct tdb_file *f, tdb_traverse_func visit, void *context,
                  const bool *ended)
{
    const unsigned chains = (unsigned)tdb_hash_size(f->tdb);
    uint32_t head[CHAINS_AT_ONCE];
    bool whole = true;

    for (unsigned chain = 0; chain < chains && whole && !*ended; chain++) {
        unsigned at = chain % CHAINS_AT_ONCE;
        if (at == 0)
            whole = read_heads(f, chain, head) > 0;
        if (whole && head[at] != 0)
            whole = tdb_traverse_chain(f->tdb, chain, visit, context) >= 0;
    }
    return whole;
}

bool tdb_walk_find(const struct tdb_file *f, uint32_t *chain)
{
    const uint32_t chains = (uint32_t)tdb_hash_size(f->tdb);
    uint32_t head[CHAINS_AT_ONCE];

    while (*chain < chains) {
        uint32_t count = read_heads(f, *chain, head), at = 0;
        if (count == 0)
            return false;
        while (at < count && head[at] == 0)
            at++;
        *chain += at;
        if (at < count)
            return true;
    }
    return true;
}

bool tdb_walk_chain(const struct tdb_file *f, uint32_t chain, tdb_traverse_func visit,
                    void *context)
{
    return tdb_traverse_chain(f->tdb, chain, visit, context) >= 0;
}
