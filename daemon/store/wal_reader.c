/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/wal_reader.h"

#include <stdlib.h>

struct walk {
    struct wal_reader *reader;
    struct wal_visitor *visitor;
    uint64_t from;
    bool refused; /* by the visitor */
    char *bytes;  /* a segment */
    struct problem *problem;
};

static struct wal_segment *segment_of(struct wal_reader *r, uint64_t sequence)
{
    return &r->segment[sequence % r->file->shape.segments];
}

/* -- where the log begins --------------------------------------------------------------------- */

/* True if a segment is there that the one after it follows. */
static bool precedes(struct wal_reader *r, uint64_t sequence)
{
    const struct wal_segment *s = segment_of(r, sequence), *next = segment_of(r, sequence + 1);

    return s->used && s->head.sequence == sequence && !next->head.begins &&
           strcmp(s->head.epoch, next->head.epoch) == 0;
}

/* A head in another place than its own is taken for none. */
bool wal_reader_open(struct wal_reader *r, const struct wal_file *file, struct problem *problem)
{
    char block[WAL_BLOCK];

    *r = (struct wal_reader){ .file = file };
    for (uint32_t i = 0; i < file->shape.segments; i++) {
        struct wal_segment *s = &r->segment[i];
        if (!wal_file_read(file, i, 0, block, sizeof(block), problem))
            return false;
        s->used = wal_head_read(block, &s->head) && s->head.sequence % file->shape.segments == i;
        if (!s->used || (r->found && s->head.sequence < r->newest))
            continue;
        r->found = true;
        r->newest = s->head.sequence;
    }
    for (r->oldest = r->newest; r->found && r->oldest > 0 && precedes(r, r->oldest - 1);)
        r->oldest--;
    return true;
}

/* -- damage ----------------------------------------------------------------------------------- */

static bool damaged(const struct walk *w, uint64_t sequence, size_t offset, const char *what)
{
    const struct wal_file *f = w->reader->file;

    problem_set(w->problem, STATUS_STORE,
                "log %.80s is damaged at byte %llu: %.50s from serial %llu on; see jetond(8)",
                f->path,
                (unsigned long long)(WAL_BLOCK + sequence % f->shape.segments * f->shape.size +
                                     offset),
                what, (unsigned long long)w->reader->end.next);
    return false;
}

static bool missing(const struct walk *w, uint64_t first)
{
    problem_set(w->problem, STATUS_STORE,
                "log %.80s: serials %llu to %llu are missing; see jetond(8)", w->reader->file->path,
                (unsigned long long)w->from, (unsigned long long)first - 1);
    return false;
}

/* True if the segment in memory has a batch that is whole, and not from an earlier turn, at this
 * offset or behind it. */
static bool has_batch(const struct walk *w, size_t offset, uint64_t sequence)
{
    const size_t size = w->reader->file->shape.size;
    struct wal_batch b;

    for (; offset < size; offset += WAL_BLOCK)
        if (wal_batch_may_begin(w->bytes + offset, sequence) &&
            wal_batch_read(w->bytes + offset, size - offset, &b))
            return true;
    return false;
}

/* -- from batch to batch ---------------------------------------------------------------------- */

static bool load(const struct walk *w, uint64_t sequence)
{
    return wal_file_read(w->reader->file, sequence, 0, w->bytes, w->reader->file->shape.size,
                         w->problem);
}

static bool follows(const struct wal_end *end, const struct wal_batch *b, uint64_t sequence,
                    const char *epoch)
{
    return b->sequence == sequence && b->first == end->next &&
           memcmp(b->previous, end->check, WAL_CHECK) == 0 && strcmp(b->epoch, epoch) == 0;
}

static bool take(struct walk *w, const struct wal_batch *b)
{
    struct wal_end *end = &w->reader->end;

    end->last = end->offset;
    end->offset += wal_batch_size(b->body.len);
    end->next = b->first + b->count;
    memcpy(end->check, b->check, WAL_CHECK);
    if (w->visitor == NULL || end->next <= w->from ||
        w->visitor->visit(w->visitor, b->first, b->count, b->body))
        return true;
    w->refused = true;
    problem_set(w->problem, STATUS_STORE, "log %.80s: the batch from serial %llu on is not taken",
                w->reader->file->path, (unsigned long long)b->first);
    return false;
}

/* Walk over the batches of the segment in memory. */
static bool walk_segment(struct walk *w, const char *epoch)
{
    struct wal_end *end = &w->reader->end;
    const size_t size = w->reader->file->shape.size;
    struct wal_batch b;

    while (wal_batch_read(w->bytes + end->offset, size - end->offset, &b) &&
           follows(end, &b, end->sequence, epoch))
        if (!take(w, &b))
            return false;
    struct wal_segment *s = segment_of(w->reader, end->sequence);
    s->end = end->next;
    s->length = end->offset;
    return true;
}

static void go_to(struct wal_end *end, uint64_t sequence)
{
    end->sequence = sequence;
    end->offset = WAL_BLOCK;
    end->last = 0;
}

/* Take the batch for the first of a segment whose head is missing. */
static void adopt(struct wal_reader *r, const struct wal_batch *b)
{
    struct wal_segment *s = segment_of(r, b->sequence);

    s->head = (struct wal_head){ .sequence = b->sequence, .first = b->first };
    memcpy(s->head.epoch, b->epoch, sizeof(b->epoch));
    memcpy(s->head.previous, b->previous, sizeof(b->previous));
    s->used = r->end.head_lost = true;
    r->newest = b->sequence;
    if (r->oldest + r->file->shape.segments == r->newest) /* what was in its place is gone */
        r->oldest++;
}

/* Check that no place has a batch of this or a later segment: its head would have been found, and is
 * damaged. */
static bool is_newest(const struct walk *w, uint64_t next)
{
    struct wal_reader *r = w->reader;

    for (uint64_t i = 0; i + 1 < r->file->shape.segments; i++) {
        const struct wal_segment *s = segment_of(r, next + i);
        if (s->used && s->head.sequence >= r->oldest && s->head.sequence < next)
            continue;
        if (!load(w, next + i))
            return false;
        if (has_batch(w, WAL_BLOCK, next))
            return damaged(w, next + i, 0, "a segment's head");
    }
    return true;
}

/* Go on behind the segment that has the newest head.  The write of the next head with a batch may
 * have left that batch, and not the head; and then nothing was written behind it. */
static bool end_or_adopt(const struct walk *w, bool *ended)
{
    struct wal_reader *r = w->reader;
    const char *epoch = segment_of(r, r->end.sequence)->head.epoch;
    const uint64_t next = r->end.sequence + 1;
    struct wal_batch b;

    if (has_batch(w, r->end.offset, r->end.sequence))
        return damaged(w, r->end.sequence, r->end.offset, "what is missing");
    if (r->end.head_lost && r->end.last != WAL_BLOCK)
        return damaged(w, r->end.sequence, 0, "a segment's head");
    if (!load(w, next))
        return false;
    *ended = r->end.head_lost ||
             !wal_batch_read(w->bytes + WAL_BLOCK, r->file->shape.size - WAL_BLOCK, &b) ||
             !follows(&r->end, &b, next, epoch);
    if (!*ended)
        adopt(r, &b);
    return !*ended || is_newest(w, next);
}

/* Go on to the next segment. */
static bool step(const struct walk *w, bool *ended)
{
    struct wal_reader *r = w->reader;
    const struct wal_segment *s;

    *ended = false;
    if (r->end.sequence == r->newest && !end_or_adopt(w, ended))
        return false;
    if (*ended)
        return true;
    s = segment_of(r, r->end.sequence + 1);
    if (memcmp(s->head.previous, r->end.check, WAL_CHECK) != 0 || s->head.first != r->end.next)
        return damaged(w, r->end.sequence, r->end.offset, "what is missing");
    go_to(&r->end, s->head.sequence);
    return load(w, s->head.sequence);
}

/* Find the segment to begin with: what is before it is not needed. */
static bool begin(struct walk *w)
{
    struct wal_reader *r = w->reader;
    uint64_t sequence = r->newest;
    const struct wal_head *head = &segment_of(r, sequence)->head;

    while (sequence > r->oldest && head->first > w->from)
        head = &segment_of(r, --sequence)->head;
    if (head->first > w->from)
        return missing(w, head->first);
    for (uint64_t earlier = r->oldest; earlier < sequence; earlier++)
        segment_of(r, earlier)->end = segment_of(r, earlier + 1)->head.first;
    go_to(&r->end, sequence);
    r->end.next = head->first;
    r->end.head_lost = false;
    memcpy(r->end.check, head->previous, WAL_CHECK);
    return load(w, sequence);
}

static bool walk_all(struct walk *w)
{
    struct wal_reader *r = w->reader;
    bool ended = false;

    if (!begin(w))
        return false;
    while (!ended) {
        if (!walk_segment(w, segment_of(r, r->end.sequence)->head.epoch) || !step(w, &ended))
            return false;
    }
    return true;
}

/* Check that a file without a log never had one: its first head may be torn, and then nothing
 * follows. */
static bool check_unused(const struct walk *w)
{
    for (uint32_t i = 0; i < w->reader->file->shape.segments; i++) {
        if (!load(w, i))
            return false;
        if (has_batch(w, WAL_BLOCK, 0))
            return damaged(w, i, 0, "a segment's head");
    }
    return true;
}

static bool walk(struct walk *w)
{
    struct wal_reader *r = w->reader;

    w->bytes = malloc(r->file->shape.size);
    if (w->bytes == NULL) {
        problem_set(w->problem, STATUS_STORE, "no memory to read log %.150s with", r->file->path);
        return false;
    }
    bool done = r->found ? walk_all(w) : check_unused(w);
    free(w->bytes);
    return done;
}

/* True if another attempt fails at the same serial: otherwise what was read was being written. */
static bool fails_again(const struct walk *w)
{
    struct problem ignored;
    struct wal_reader *r = malloc(sizeof(*r));
    struct walk again = { .reader = r, .from = w->from, .problem = &ignored };

    bool fails = r == NULL || !wal_reader_open(r, w->reader->file, &ignored) ||
                 (!walk(&again) && r->end.next == w->reader->end.next);
    free(r);
    return fails;
}

bool wal_reader_read(struct wal_reader *r, uint64_t from, struct wal_visitor *visitor,
                     struct problem *problem)
{
    struct walk w = { .reader = r, .visitor = visitor, .from = from, .problem = problem };

    if (walk(&w))
        return true;
    if (!r->file->write && !w.refused && !fails_again(&w))
        problem_set(problem, STATUS_BUSY, "log %.150s is being changed; try again", r->file->path);
    return false;
}
