/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_snapshot.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/page_array.h"
#include "daemon/fleet/fleet_batch.h"
#include "daemon/fleet/fleet_bytes.h"

/* Reads the bytes of the tail, which go from block to block. */
struct tail {
    const struct fleet_snapshot *snapshot;
    uint64_t block; /* the next one */
    struct slice rest;
    bool failed;
    char bytes[FLEET_BLOCK];
};

void fleet_snapshot_close(struct fleet_snapshot *s)
{
    if (s == NULL)
        return;
    if (s->fd >= 0)
        close(s->fd);
    page_array_free(s->first, s->capacity, sizeof(*s->first));
    free(s);
}

int fleet_snapshot_read(const struct fleet_snapshot *s, uint64_t number, size_t count, char *blocks)
{
    const size_t len = count * FLEET_BLOCK;

    for (size_t done = 0; done < len;) {
        ssize_t got = pread(s->fd, blocks + done, len - done, (off_t)(number * FLEET_BLOCK + done));
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        done += (size_t)got;
    }
    return 0;
}

bool fleet_snapshot_take(struct slice *rest, struct slice *entry)
{
    if (rest->len < 2)
        return false;
    *entry = (struct slice){ rest->at + 2, fleet_get_u16(rest->at) };
    if (entry->len < FLEET_ENTRY_MIN || entry->len > rest->len - 2)
        return false;
    rest->at += 2 + entry->len;
    rest->len -= 2 + entry->len;
    return true;
}

/* -- opening ---------------------------------------------------------------------------------- */

static bool next_block(struct tail *t)
{
    const struct fleet_snapshot *s = t->snapshot;

    if (t->block >= fleet_head_file_blocks(&s->head) ||
        fleet_snapshot_read(s, t->block, 1, t->bytes) != 0)
        return false;
    t->rest = fleet_block_open(t->bytes, s->head.name, (uint32_t)t->block, FLEET_BLOCK_TAIL);
    t->block++;
    return t->rest.len > 0;
}

/* Take bytes, which may be in two blocks. */
static bool take(struct tail *t, char *bytes, size_t len)
{
    while (len > 0) {
        if (t->rest.len == 0 && !next_block(t))
            return false;
        size_t part = len < t->rest.len ? len : t->rest.len;
        memcpy(bytes, t->rest.at, part);
        bytes += part;
        len -= part;
        t->rest.at += part;
        t->rest.len -= part;
    }
    return true;
}

static bool read_firsts(struct fleet_snapshot *s, struct tail *t)
{
    char bytes[8];

    if (s->head.blocks == 0)
        return true;
    s->first = page_array_grow(NULL, &s->capacity, sizeof(*s->first), s->head.blocks);
    for (uint64_t i = 0; s->first != NULL && i < s->head.blocks; i++) {
        if (!take(t, bytes, sizeof(bytes)))
            return false;
        s->first[i] = fleet_get_u64(bytes);
        if (i > 0 && s->first[i] < s->first[i - 1])
            return false;
    }
    return s->first != NULL;
}

static bool read_places(struct tail *t, struct fleet_places *places)
{
    const uint64_t count = t->snapshot->head.places;
    char bytes[FLEET_PLACE_BYTES];
    struct fleet_place place;

    for (uint64_t i = 0, last = 0; i < count; i++, last = place.serial) {
        if (!take(t, bytes, sizeof(bytes)))
            return false;
        fleet_place_decode(bytes, &place);
        if (place.serial <= last)
            return false;
        if (places != NULL)
            fleet_places_push(places, &place);
    }
    return true;
}

static bool read_unsent(struct tail *t, struct fleet_unsent_list *unsent)
{
    const uint64_t count = t->snapshot->head.unsent;
    char bytes[FLEET_UNSENT_BYTES];
    struct fleet_unsent denial;

    if (unsent != NULL && !fleet_unsent_reserve(unsent, count))
        return false;
    for (uint64_t i = 0, last = 0; i < count; i++, last = denial.number) {
        if (!take(t, bytes, sizeof(bytes)) || !fleet_unsent_decode(bytes, &denial) ||
            denial.number <= last || denial.number > t->snapshot->head.last)
            return false;
        if (unsent != NULL)
            fleet_unsent_add(unsent, &denial);
    }
    if (unsent != NULL)
        unsent->last = t->snapshot->head.last;
    return true;
}

static bool refuse(const char *path, const char *why, struct problem *problem)
{
    problem_set(problem, STATUS_STORE, "fleet cache %.120s %s", path, why);
    return false;
}

static bool read_all(struct fleet_snapshot *s, const char *path, struct fleet_places *places,
                     struct fleet_unsent_list *unsent, struct problem *problem)
{
    char block[FLEET_BLOCK];
    struct stat st;

    if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return refuse(path, "is not a regular file", problem);
    if (fleet_snapshot_read(s, 0, 1, block) != 0 || !fleet_head_read(block, &s->head))
        return refuse(path, "is damaged, or none of this version", problem);
    if ((uint64_t)st.st_size != fleet_head_file_blocks(&s->head) * FLEET_BLOCK)
        return refuse(path, "is damaged: it is not whole", problem);
    struct tail t = { .snapshot = s, .block = 1 + s->head.blocks };
    if (read_firsts(s, &t) && read_places(&t, places) && read_unsent(&t, unsent) &&
        t.rest.len == 0 && t.block == fleet_head_file_blocks(&s->head))
        return true;
    return refuse(path, "is damaged, or cannot be read, at its end", problem);
}

enum store_found fleet_snapshot_open(const char *path, struct fleet_snapshot **snapshot,
                                     struct fleet_places *places, struct fleet_unsent_list *unsent,
                                     struct problem *problem)
{
    struct fleet_snapshot *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        refuse(path, "cannot be read: no memory", problem);
        return STORE_FAILED;
    }
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (s->fd < 0) {
        bool absent = errno == ENOENT;
        refuse(path, strerror(errno), problem);
        free(s);
        return absent ? STORE_ABSENT : STORE_FAILED;
    }
    if (!read_all(s, path, places, unsent, problem)) {
        fleet_snapshot_close(s);
        return STORE_FAILED;
    }
    *snapshot = s;
    return STORE_FOUND;
}

/* -- finding ---------------------------------------------------------------------------------- */

static uint64_t prefix_of(const uint8_t *digest)
{
    uint64_t prefix;

    memcpy(&prefix, digest, sizeof(prefix));
    return be64toh(prefix);
}

/* Return how many blocks begin with this prefix or one before it. */
static uint64_t count_until(const struct fleet_snapshot *s, uint64_t prefix)
{
    uint64_t low = 0, high = s->head.blocks;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (s->first[middle] <= prefix)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A block of entries that was read. */
struct block {
    uint64_t number; /* 0: none */
    struct slice entries;
    char bytes[FLEET_BLOCK];
};

/* Read a block, if that is not the one that was read last.  False: *why. */
static bool read_block(const struct fleet_snapshot *s, uint64_t number, struct block *b,
                       const char **why)
{
    if (number == b->number)
        return true;
    int error = fleet_snapshot_read(s, number, 1, b->bytes);
    *why = error != 0 ? strerror(-error) : "a block that is damaged";
    if (error != 0)
        return false;
    b->entries = fleet_block_open(b->bytes, s->head.name, (uint32_t)number, FLEET_BLOCK_ENTRIES);
    b->number = number;
    return b->entries.at != NULL;
}

static enum store_found find_in(struct slice bytes, const uint8_t id[ID_SIZE],
                                struct fleet_entry *entry, const char **why)
{
    struct slice one;

    *why = "a block that is damaged";
    while (fleet_snapshot_take(&bytes, &one)) {
        int order = memcmp(one.at, id, ID_SIZE);
        if (order > 0)
            return STORE_ABSENT;
        if (order < 0)
            continue;
        *why = fleet_entry_read(entry, one);
        return *why == NULL ? STORE_FOUND : STORE_FAILED;
    }
    return bytes.len == 0 ? STORE_ABSENT : STORE_FAILED;
}

/* Many blocks may begin with the same prefix, as digests may have been chosen so: the last one that begins with the id
 * or one before it is found by halves.  It may be the one before them all. */
enum store_found fleet_snapshot_find(const struct fleet_snapshot *s, const uint8_t id[ID_SIZE],
                                     struct fleet_entry *entry, const char **why)
{
    const uint64_t prefix = prefix_of(id);
    uint64_t low = prefix > 0 ? count_until(s, prefix - 1) : 0, high = count_until(s, prefix);
    struct block block;
    struct slice rest, one;

    block.number = 0;
    while (low < high) {
        uint64_t middle = high - (high - low) / 2;
        if (!read_block(s, middle, &block, why))
            return STORE_FAILED;
        rest = block.entries;
        if (fleet_snapshot_take(&rest, &one) && memcmp(one.at, id, ID_SIZE) > 0)
            high = middle - 1;
        else
            low = middle;
    }
    if (low == 0)
        return STORE_ABSENT;
    if (!read_block(s, low, &block, why))
        return STORE_FAILED;
    return find_in(block.entries, id, entry, why);
}
