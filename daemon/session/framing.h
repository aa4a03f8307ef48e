/* SPDX-License-Identifier: Apache-2.0 */
/* Cut the bytes of a session into lines.  Pure: bytes in, one event out; no I/O and no memory of
 * its own.
 *
 *                    a line was taken
 *                 ┌───────────────────┐
 *                 ▼                   │
 *             AT_START ──────────▶ IN_LINE ──────────▶ SKIPPING
 *                 ▲   some bytes,     8192 bytes and       │
 *                 │   no LF           no LF were taken     │ LF
 *                 └────────────────────────────────────────┘
 *
 * A line is looked at until it is taken: a request that must wait is found again next time. */
#ifndef JETON_DAEMON_SESSION_FRAMING_H
#define JETON_DAEMON_SESSION_FRAMING_H

#include "proto/limits.h"
#include "proto/text.h"

enum framing_state {
    FRAMING_AT_START, /* no byte of the next line is there */
    FRAMING_IN_LINE,  /* the beginning of the next line was looked at */
    FRAMING_SKIPPING, /* an overlong line was taken, and its end has not come */
};

enum framing_event {
    FRAMING_NOTHING,  /* more bytes are needed */
    FRAMING_SKIPPED,  /* an overlong line ended */
    FRAMING_LINE,     /* a whole line */
    FRAMING_UNENDED,  /* the last line, without a line end */
    FRAMING_OVERLONG, /* the beginning of a line that is longer than the limit */
};

/* Zeroes are the beginning of a session. */
struct framing {
    enum framing_state state;
    unsigned lines; /* that ended, modulo 2^32: tells one partial line from the next */
};

struct frame {
    struct slice line; /* without its LF or CR LF */
    size_t size;       /* bytes that the event is about, line end included */
};

/* Find the next event in `bytes`, the first of which follows the last that was dropped.  `eof`: no
 * more will come.
 *
 * NOTHING and SKIPPED: drop frame->size bytes (0, unless a line is skipped).  The others: drop them
 * and call framing_take() once the line is dealt with, or ask again later with the same bytes and
 * more. */
enum framing_event framing_next(struct framing *f, struct slice bytes, bool eof,
                                struct frame *frame);

/* Go on behind the line that framing_next() found last. */
static inline void framing_take(struct framing *f, enum framing_event event)
{
    f->state = event == FRAMING_OVERLONG ? FRAMING_SKIPPING : FRAMING_AT_START;
    f->lines += event == FRAMING_LINE;
}

/* True if part of a line was looked at, and its end has not come. */
static inline bool framing_is_partial(const struct framing *f)
{
    return f->state != FRAMING_AT_START;
}

#endif
