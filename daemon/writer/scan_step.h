/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that fill the chunks of scans have in common.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCAN_STEP_H
#define JETON_DAEMON_WRITER_SCAN_STEP_H

#include "daemon/writer/last_used.h"
#include "daemon/writer/scan.h"
#include "daemon/writer/writer_state.h"
#include "proto/reply.h"

/* Most that is looked at in one step, so that a filter which nothing passes does not delay the rest. */
enum {
    SCAN_STEP_RECORDS = 1000, /* records read */
    SCAN_STEP_LOOKS = 8192,   /* tokens looked at in index and table */
    SCAN_STEP_USES = 1024,    /* ... whose last use is read as well */
};

/* One step of a scan: the text it writes and the sources it reads. */
struct step {
    struct scan *scan;
    struct writer *writer;
    struct last_used *last_used;
    struct text text;
    int64_t now;
    int64_t used; /* last use of the token that was read, as far as it is in memory */

    /* Write one token's data line, as the verb has it; NULL: it has no such lines. */
    void (*put)(struct step *s, const struct record *r);
};

/* True while one more line of any length fits, and the final line behind it. */
static inline bool scan_step_fits_line(const struct step *s)
{
    return s->text.cap - s->text.len >= LINE_MAX_BYTES + 1024;
}

static inline void scan_step_finish(struct step *s, enum status status, const char *message)
{
    reply_plain(&s->text, status, message);
    s->scan->finished = true;
}

static inline void scan_step_finish_count(struct step *s)
{
    reply_begin(&s->text, STATUS_OK);
    line_put_u64(&s->text, "count", s->scan->count);
}

static inline void scan_step_put_epoch(struct step *s)
{
    line_puts(&s->text, "epoch", write_queue_epoch(s->writer->queue));
}

static inline void scan_step_finish_end(struct step *s)
{
    reply_end(&s->text, STATUS_OK, NULL);
    s->scan->finished = true;
}

#endif
