/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/tdb_recovery.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* TDB's format, unchanged since 2005: the head of a file, and of a recovery record. */
struct file_head {
    char food[32];
    uint32_t version;
    uint32_t hash_size;
    uint32_t rwlocks;
    uint32_t recovery_start; /* 0: there is none */
};

struct recovery_head {
    uint32_t next;
    uint32_t capacity;
    uint32_t old_size;
    uint32_t size;
    uint32_t hash;
    uint32_t magic;
};

#define FOOD "TDB file\n"
#define VERSION UINT32_C(0x2601196d)
#define RECOVERY_VALID UINT32_C(0xf53bc0e7)
#define RECOVERY_NONE UINT32_C(0)

enum { START_AT = offsetof(struct file_head, recovery_start) };

/* True if the heads of the free list and of all chains are in the file, and lead into it; some
 * do not in one that was truncated. */
static bool has_all_heads(int fd, const struct file_head *head, uint64_t size)
{
    uint64_t at = TDB_FILE_HEAD, end = at + (head->hash_size + UINT64_C(1)) * sizeof(uint32_t);
    uint32_t chain[4096];

    while (at < end) {
        size_t len = end - at < sizeof(chain) ? (size_t)(end - at) : sizeof(chain);
        if (pread(fd, chain, len, (off_t)at) != (ssize_t)len)
            return false;
        for (size_t i = 0; i < len / sizeof(*chain); i++)
            if (chain[i] >= size)
                return false;
        at += len;
    }
    return true;
}

/* Read the pointer before the size, because a process that makes the file longer does so before it
 * sets the pointer. */
bool tdb_recovery_is_beyond(int fd)
{
    struct file_head head;
    struct stat st;

    return pread(fd, &head, sizeof(head), 0) == sizeof(head) && fstat(fd, &st) == 0 &&
           memcmp(head.food, FOOD, sizeof(FOOD)) == 0 && head.version == VERSION &&
           head.recovery_start != 0 &&
           (uint64_t)head.recovery_start + sizeof(struct recovery_head) > (uint64_t)st.st_size &&
           has_all_heads(fd, &head, (uint64_t)st.st_size);
}

bool tdb_recovery_clear(int fd)
{
    const uint32_t none = 0;

    return pwrite(fd, &none, sizeof(none), START_AT) == sizeof(none) && fsync(fd) == 0;
}

static bool read_record(int fd, uint32_t *start, struct recovery_head *r)
{
    return pread(fd, start, sizeof(*start), START_AT) == sizeof(*start) &&
           (*start == 0 || pread(fd, r, sizeof(*r), *start) == sizeof(*r));
}

bool tdb_recovery_rewrite(int fd)
{
    struct recovery_head r;
    uint32_t start;

    return read_record(fd, &start, &r) &&
           pwrite(fd, &start, sizeof(start), START_AT) == sizeof(start) &&
           (start == 0 || pwrite(fd, &r, sizeof(r), start) == sizeof(r)) && fsync(fd) == 0;
}

bool tdb_recovery_end(int fd, uint64_t *end)
{
    struct recovery_head r;
    uint32_t start;

    if (!read_record(fd, &start, &r))
        return false;
    *end = 0;
    if (start != 0)
        *end = start + sizeof(r) +
               (r.magic == RECOVERY_VALID || r.magic == RECOVERY_NONE ? (uint64_t)r.capacity : 0);
    return true;
}
