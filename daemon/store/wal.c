/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/wal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"

enum { BUFFER_STEP = 64 * 1024, BUFFER_KEPT = 1024 * 1024 };

struct wal {
    struct wal_file file;
    struct wal_reader reader; /* the segments, and the end */
    bool ready;               /* it was read or begun, and nothing failed since */
    uint64_t saved;           /* everything before this serial */
    uint64_t done;            /* everything before this serial is on the disk; 0: not known */
    int64_t looked;           /* when the file was last looked for at its path */
    char *buffer;             /* what is to be written */
    size_t capacity;
};

static struct wal_segment *segment_of(struct wal *w, uint64_t sequence)
{
    return &w->reader.segment[sequence % w->file.shape.segments];
}

struct wal *wal_open(const char *store, enum wal_mode mode, struct problem *problem)
{
    struct wal *w = calloc(1, sizeof(*w));

    if (w == NULL) {
        problem_set(problem, STATUS_STORE, "no memory");
        return NULL;
    }
    if (!wal_file_init(&w->file, store, mode == WAL_WRITE))
        problem_set(problem, STATUS_STORE, "the store's path is too long");
    else if (wal_file_open(&w->file, problem) &&
             (w->file.fd < 0 || wal_reader_open(&w->reader, &w->file, problem)))
        return w;
    wal_close(w);
    return NULL;
}

void wal_close(struct wal *w)
{
    if (w == NULL)
        return;
    wal_file_close(&w->file);
    free(w->buffer);
    free(w);
}

bool wal_remove(const char *store, struct problem *problem)
{
    return wal_file_remove(store, problem);
}

const char *wal_epoch(const struct wal *w)
{
    const struct wal_reader *r = &w->reader;

    return r->found ? r->segment[r->newest % w->file.shape.segments].head.epoch : "";
}

const struct wal_shape *wal_shape(const struct wal *w)
{
    return w->file.fd >= 0 ? &w->file.shape : NULL;
}

uint64_t wal_next(const struct wal *w)
{
    return w->ready ? w->reader.end.next : 0;
}

uint64_t wal_body_offset(const struct wal *w)
{
    const struct wal_end *end = &w->reader.end;

    return WAL_BLOCK + end->sequence % w->file.shape.segments * (uint64_t)w->file.shape.size +
           end->last + WAL_BATCH_HEAD;
}

void wal_set_saved(struct wal *w, uint64_t next)
{
    if (w->saved < next)
        w->saved = next;
}

/* -- space ------------------------------------------------------------------------------------ */

size_t wal_batch_max(const struct wal *w)
{
    return w->file.shape.size > 0 ? w->file.shape.size - WAL_BLOCK - WAL_BATCH_HEAD : 0;
}

uint64_t wal_capacity(const struct wal *w)
{
    return (uint64_t)w->file.shape.segments * w->file.shape.size;
}

/* True if what is in this segment's place is not saved. */
static bool is_needed(const struct wal *w, uint64_t sequence)
{
    const struct wal_reader *r = &w->reader;
    const struct wal_segment *s = &r->segment[sequence % w->file.shape.segments];

    return s->used && s->head.sequence >= r->oldest && s->head.sequence <= r->end.sequence &&
           s->end > w->saved;
}

uint64_t wal_unsaved_bytes(const struct wal *w)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; w->ready && i < w->file.shape.segments; i++)
        bytes += is_needed(w, i) ? w->reader.segment[i].length : 0;
    return bytes;
}

bool wal_is_full(const struct wal *w)
{
    return w->ready && is_needed(w, w->reader.end.sequence + 1);
}

/* Have space in memory for so many bytes; what a large batch took is given back by the next one
 * that is not. */
static bool reserve(struct wal *w, size_t size, struct problem *problem)
{
    size = (size + BUFFER_STEP - 1) / BUFFER_STEP * BUFFER_STEP;
    if (size == w->capacity || (size < w->capacity && w->capacity <= BUFFER_KEPT))
        return true;
    char *buffer = aligned_alloc(WAL_BLOCK, size);
    if (buffer == NULL) {
        problem_set(problem, STATUS_STORE, "no memory for log %.150s", w->file.path);
        return false;
    }
    free(w->buffer);
    w->buffer = buffer;
    w->capacity = size;
    return true;
}

/* -- reading ---------------------------------------------------------------------------------- */

/* Write the last batch again, and the head before it if it is the first one; only of these it is
 * not known that they are on the disk. */
static bool confirm_end(struct wal *w, struct problem *problem)
{
    const struct wal_end *end = &w->reader.end;
    bool with_head = end->last <= WAL_BLOCK || end->head_lost;
    size_t from = with_head ? 0 : end->last, len = end->offset - from;

    if (!reserve(w, len, problem) || !wal_file_sync(&w->file, problem) ||
        !wal_file_read(&w->file, end->sequence, from, w->buffer, len, problem))
        return false;
    if (with_head)
        wal_head_write(w->buffer, &segment_of(w, end->sequence)->head);
    return wal_file_write(&w->file, end->sequence, from, w->buffer, len, problem) &&
           wal_file_sync(&w->file, problem);
}

/* Check that nothing which was acknowledged is missing. */
static bool has_all(const struct wal *w, struct problem *problem)
{
    if (w->reader.end.next >= w->done)
        return true;
    problem_set(problem, STATUS_STORE, "log %.80s has lost serials %llu to %llu; see jetond(8)",
                w->file.path, (unsigned long long)w->reader.end.next,
                (unsigned long long)w->done - 1);
    return false;
}

static bool read_from(struct wal *w, uint64_t from, struct wal_visitor *visitor,
                      struct problem *problem)
{
    w->ready = false;
    wal_file_set_direct(&w->file, false);
    if (!wal_reader_open(&w->reader, &w->file, problem) ||
        !wal_reader_read(&w->reader, from, visitor, problem) || !has_all(w, problem))
        return false;
    if (w->reader.found && w->file.write) {
        if (!confirm_end(w, problem))
            return false;
        wal_file_set_direct(&w->file, true);
    }
    w->ready = w->reader.found;
    w->done = w->reader.end.next;
    wal_set_saved(w, from);
    return true;
}

bool wal_read(struct wal *w, uint64_t from, struct wal_visitor *visitor, struct problem *problem)
{
    return w->file.fd < 0 || read_from(w, from, visitor, problem);
}

/* Open the file that was open, and no other. */
static bool open_again(struct wal *w, struct problem *problem)
{
    const dev_t device = w->file.device;
    const ino_t inode = w->file.inode;

    if (!wal_file_in_place(&w->file, problem))
        return false;
    wal_file_close(&w->file);
    bool opened = wal_file_open(&w->file, problem);
    w->file.device = device;
    w->file.inode = inode;
    return opened && wal_file_in_place(&w->file, problem);
}

bool wal_reopen(struct wal *w, struct problem *problem)
{
    return open_again(w, problem) && read_from(w, w->saved, NULL, problem);
}

/* -- beginning -------------------------------------------------------------------------------- */

/* Set where the first batch goes: behind what any segment has, or may have had in a turn of the ring
 * that was torn. */
static void set_begin(struct wal *w, const char *epoch, uint64_t first)
{
    struct wal_reader *r = &w->reader;
    const uint64_t sequence = w->file.shape.segments + (r->found ? r->newest + 1 : 0);
    struct wal_segment *s = segment_of(w, sequence);

    *s = (struct wal_segment){ .used = true,
                               .head = { .sequence = sequence, .first = first, .begins = true },
                               .end = first,
                               .length = WAL_BLOCK };
    snprintf(s->head.epoch, sizeof(s->head.epoch), "%s", epoch);
    randombytes_buf(s->head.previous, sizeof(s->head.previous));
    r->found = true;
    r->oldest = r->newest = sequence;
    r->end = (struct wal_end){ .sequence = sequence, .offset = WAL_BLOCK, .next = first };
    memcpy(r->end.check, s->head.previous, WAL_CHECK);
}

bool wal_begin(struct wal *w, const char *epoch, uint64_t first, const struct wal_shape *shape,
               struct problem *problem)
{
    bool fits = w->file.fd >= 0 && memcmp(&w->file.shape, shape, sizeof(*shape)) == 0;

    w->ready = false;
    if (!wal_shape_valid(shape) || !wal_epoch_valid(epoch) || first == 0 ||
        first > UINT64_MAX / 2) {
        problem_set(problem, STATUS_STORE, "log %.150s cannot be of that shape, epoch or serial",
                    w->file.path);
        return false;
    }
    if (fits)
        wal_file_set_direct(&w->file, false);
    if ((!fits && !wal_file_create(&w->file, shape, problem)) ||
        !wal_reader_open(&w->reader, &w->file, problem))
        return false;
    set_begin(w, epoch, first);
    if (!confirm_end(w, problem))
        return false;
    wal_file_set_direct(&w->file, true);
    w->saved = w->done = first;
    w->ready = true;
    return true;
}

/* -- appending -------------------------------------------------------------------------------- */

/* Check once a second that the file is at its path.  Before every write it would make that slower by
 * a fifth: once its times were looked at, the kernel saves them exactly with the next write. */
static bool is_in_place(struct wal *w, struct problem *problem)
{
    int64_t now = clock_seconds();

    if (now == w->looked)
        return true;
    w->looked = now;
    return wal_file_in_place(&w->file, problem);
}

/* Where a batch goes. */
struct aim {
    uint64_t sequence;
    bool head; /* the segment's head is written with it */
};

static bool find_space(struct wal *w, size_t size, struct aim *aim)
{
    const struct wal_end *end = &w->reader.end;

    *aim = (struct aim){ .sequence = end->sequence };
    if (size <= w->file.shape.size - end->offset)
        return true;
    *aim = (struct aim){ .sequence = end->sequence + 1, .head = true };
    return !is_needed(w, aim->sequence);
}

/* Put the batch into the buffer, behind the head that precedes it, if one does. */
static void build(struct wal *w, const struct aim *aim, struct wal_batch *b, struct wal_head *head)
{
    const struct wal_end *end = &w->reader.end;

    b->sequence = aim->sequence;
    b->first = end->next;
    snprintf(b->epoch, sizeof(b->epoch), "%s", wal_epoch(w));
    memcpy(b->previous, end->check, WAL_CHECK);
    *head = (struct wal_head){ .sequence = aim->sequence, .first = b->first };
    memcpy(head->epoch, b->epoch, sizeof(b->epoch));
    memcpy(head->previous, b->previous, WAL_CHECK);
    if (aim->head)
        wal_head_write(w->buffer, head);
    wal_batch_write(w->buffer + (aim->head ? WAL_BLOCK : 0), b);
}

/* Note a batch that is on the disk. */
static void note(struct wal *w, const struct aim *aim, const struct wal_batch *b,
                 const struct wal_head *head)
{
    struct wal_reader *r = &w->reader;
    struct wal_segment *s = segment_of(w, aim->sequence);

    if (aim->head) {
        if (r->oldest + w->file.shape.segments == aim->sequence)
            r->oldest++;
        *s = (struct wal_segment){ .used = true, .head = *head };
        r->newest = r->end.sequence = aim->sequence;
        r->end.offset = WAL_BLOCK;
    }
    r->end.last = r->end.offset;
    r->end.offset += wal_batch_size(b->body.len);
    r->end.next = b->first + b->count;
    memcpy(r->end.check, b->check, WAL_CHECK);
    s->end = w->done = r->end.next;
    s->length = r->end.offset;
}

enum wal_result wal_append(struct wal *w, uint32_t count, struct slice body,
                           struct problem *problem)
{
    struct wal_batch batch = { .count = count, .body = body };
    struct wal_head head;
    struct aim aim;

    if (!w->ready || !w->file.write || count == 0) {
        problem_set(problem, STATUS_STORE, "log %.150s is not open for writing", w->file.path);
        return WAL_FAILED;
    }
    if (body.len > wal_batch_max(w))
        return WAL_LARGE;
    if (!find_space(w, wal_batch_size(body.len), &aim))
        return WAL_FULL;
    size_t len = wal_batch_size(body.len) + (aim.head ? WAL_BLOCK : 0);
    w->ready = reserve(w, len, problem) && is_in_place(w, problem);
    if (!w->ready)
        return WAL_FAILED;
    build(w, &aim, &batch, &head);
    w->ready = wal_file_write(&w->file, aim.sequence, aim.head ? 0 : w->reader.end.offset,
                              w->buffer, len, problem) &&
               wal_file_sync(&w->file, problem);
    if (!w->ready)
        return WAL_FAILED;
    note(w, &aim, &batch, &head);
    return WAL_DONE;
}
