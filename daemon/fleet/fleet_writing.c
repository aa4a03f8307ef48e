/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet/fleet_writing.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/page_array.h"
#include "daemon/fleet/fleet_batch.h"
#include "daemon/fleet/fleet_bytes.h"
#include "daemon/store/tdb_file.h"

enum { BUFFERED = 32 };

int fleet_writing_begin(struct fleet_writing *w, const char *path, const char *epoch, uint64_t next)
{
    *w = (struct fleet_writing){ .fd = -1, .written = 1 };
    snprintf(w->path, sizeof(w->path), "%s", path);
    snprintf(w->name, sizeof(w->name), "%s" FLEET_NEW_SUFFIX, w->path);
    snprintf(w->head.epoch, sizeof(w->head.epoch), "%s", epoch);
    w->head.next = next;
    randombytes_buf(w->head.name, sizeof(w->head.name));
    w->buffer = malloc((size_t)BUFFERED * FLEET_BLOCK);
    if (w->buffer == NULL)
        return -ENOMEM;
    unlink(w->name); /* left by a crash */
    w->fd = open(w->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int error = w->fd < 0 ? -errno : 0;
    w->created = error == 0;
    if (error != 0)
        fleet_writing_end(w);
    return error;
}

/* -- blocks ----------------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t written = pwrite(fd, bytes, len, (off_t)at);
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        bytes += written;
        len -= (size_t)written;
        at += (uint64_t)written;
    }
    return 0;
}

/* Write what is complete, and have the kernel begin with the disk, so that the sync finds little. */
static int flush(struct fleet_writing *w)
{
    const uint64_t at = w->written * FLEET_BLOCK;
    const size_t len = w->full * FLEET_BLOCK;
    int error = write_all(w->fd, w->buffer, len, at);

    if (error != 0)
        return error;
    posix_fadvise(w->fd, (off_t)at, (off_t)len, POSIX_FADV_DONTNEED);
    memmove(w->buffer, w->buffer + len, w->used > 0 ? FLEET_BLOCK : 0);
    w->written += w->full;
    w->full = 0;
    return 0;
}

static char *block_of(const struct fleet_writing *w)
{
    return w->buffer + w->full * FLEET_BLOCK;
}

/* Complete the block that is being filled. */
static int seal(struct fleet_writing *w, enum fleet_block_kind kind)
{
    const uint64_t number = w->written + w->full;

    if (w->used == 0)
        return 0;
    if (number >= UINT32_MAX)
        return -EFBIG;
    fleet_block_seal(block_of(w), w->head.name, (uint32_t)number, kind, w->used);
    w->full++;
    w->used = 0;
    return w->full == BUFFERED ? flush(w) : 0;
}

/* Begin a block with an entry. */
static int note_first(struct fleet_writing *w, const char *digest)
{
    uint64_t *first = page_array_grow(w->first, &w->capacity, sizeof(*first), w->head.blocks + 1);

    if (first == NULL)
        return -ENOMEM;
    w->first = first;
    memcpy(&first[w->head.blocks], digest, sizeof(*first));
    first[w->head.blocks] = be64toh(first[w->head.blocks]);
    w->head.blocks++;
    return 0;
}

int fleet_writing_put(struct fleet_writing *w, struct slice entry)
{
    int error = 0;

    if (entry.len < FLEET_ENTRY_MIN || entry.len > FLEET_ENTRY_MAX ||
        (w->head.entries > 0 && memcmp(w->last, entry.at, ID_SIZE) >= 0))
        return -EINVAL;
    if (w->used + 2 + entry.len > FLEET_BLOCK_BYTES)
        error = seal(w, FLEET_BLOCK_ENTRIES);
    if (error == 0 && w->used == 0)
        error = note_first(w, entry.at);
    if (error != 0)
        return error;
    char *at = block_of(w) + FLEET_BLOCK_HEAD + w->used;
    fleet_put_u16(at, (uint16_t)entry.len);
    memcpy(at + 2, entry.at, entry.len);
    memcpy(w->last, entry.at, DIGEST_SIZE);
    w->used += 2 + entry.len;
    w->head.entries++;
    return 0;
}

/* -- the end ---------------------------------------------------------------------------------- */

/* Add bytes of the tail. */
static int put_tail(struct fleet_writing *w, const char *bytes, size_t len)
{
    int error = 0;

    while (len > 0 && error == 0) {
        size_t space = FLEET_BLOCK_BYTES - w->used, part = len < space ? len : space;
        memcpy(block_of(w) + FLEET_BLOCK_HEAD + w->used, bytes, part);
        bytes += part;
        len -= part;
        w->used += part;
        if (w->used == FLEET_BLOCK_BYTES)
            error = seal(w, FLEET_BLOCK_TAIL);
    }
    return error;
}

static int put_all_tail(struct fleet_writing *w, const struct fleet_places *places,
                        const struct fleet_unsent_list *unsent)
{
    char bytes[FLEET_UNSENT_BYTES];
    int error = 0;

    for (uint64_t i = 0; i < w->head.blocks && error == 0; i++) {
        fleet_put_u64(bytes, w->first[i]);
        error = put_tail(w, bytes, sizeof(uint64_t));
    }
    for (size_t i = 0; i < places->count && error == 0; i++) {
        fleet_place_encode(bytes, fleet_places_at(places, i));
        error = put_tail(w, bytes, FLEET_PLACE_BYTES);
    }
    for (size_t i = 0; i < unsent->count && error == 0; i++) {
        fleet_unsent_encode(bytes, &unsent->denial[unsent->start + i]);
        error = put_tail(w, bytes, FLEET_UNSENT_BYTES);
    }
    if (error == 0)
        error = seal(w, FLEET_BLOCK_TAIL);
    return error;
}

int fleet_writing_finish(struct fleet_writing *w, const struct fleet_places *places,
                         const struct fleet_unsent_list *unsent)
{
    int error = seal(w, FLEET_BLOCK_ENTRIES);

    w->head.places = places->count;
    w->head.unsent = unsent->count;
    w->head.last = unsent->last;
    if (error == 0)
        error = put_all_tail(w, places, unsent);
    if (error == 0)
        error = flush(w);
    if (error != 0)
        return error;
    fleet_head_write(w->buffer, &w->head);
    error = write_all(w->fd, w->buffer, FLEET_BLOCK, 0);
    return error == 0 && fsync(w->fd) < 0 ? -errno : error;
}

struct fleet_snapshot *fleet_writing_snapshot(struct fleet_writing *w)
{
    struct fleet_snapshot *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    *s = (struct fleet_snapshot){
        .fd = w->fd, .head = w->head, .first = w->first, .capacity = w->capacity
    };
    w->fd = -1;
    w->first = NULL;
    return s;
}

enum fleet_published fleet_writing_publish(struct fleet_writing *w)
{
    if (rename(w->name, w->path) < 0)
        return FLEET_NOT_PUBLISHED;
    w->name[0] = '\0';
    return tdb_file_sync_directory(w->path) ? FLEET_PUBLISHED : FLEET_UNSURE;
}

void fleet_writing_end(struct fleet_writing *w)
{
    if (w->buffer == NULL)
        return;
    if (w->created && w->name[0] != '\0')
        unlink(w->name);
    if (w->fd >= 0)
        close(w->fd);
    page_array_free(w->first, w->capacity, sizeof(*w->first));
    free(w->buffer);
    *w = (struct fleet_writing){ .fd = -1 };
}
