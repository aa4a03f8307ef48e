/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/framing.h"

static enum framing_event skip(struct framing *f, struct slice bytes, struct frame *frame)
{
    const char *lf = bytes.len > 0 ? memchr(bytes.at, '\n', bytes.len) : NULL;

    frame->line = (struct slice){ bytes.at, 0 };
    frame->size = lf != NULL ? (size_t)(lf - bytes.at) + 1 : bytes.len;
    if (lf == NULL)
        return FRAMING_NOTHING;
    f->state = FRAMING_AT_START;
    f->lines++;
    return FRAMING_SKIPPED;
}

enum framing_event framing_next(struct framing *f, struct slice bytes, bool eof,
                                struct frame *frame)
{
    if (f->state == FRAMING_SKIPPING)
        return skip(f, bytes, frame);
    size_t look = bytes.len < LINE_MAX_BYTES ? bytes.len : LINE_MAX_BYTES;
    const char *lf = look > 0 ? memchr(bytes.at, '\n', look) : NULL;

    frame->line = (struct slice){ bytes.at, look };
    frame->size = look;
    if (lf != NULL) {
        size_t len = (size_t)(lf - bytes.at);
        frame->size = len + 1;
        frame->line.len = len > 0 && lf[-1] == '\r' ? len - 1 : len;
        return FRAMING_LINE;
    }
    if (look == LINE_MAX_BYTES)
        return FRAMING_OVERLONG;
    f->state = look > 0 ? FRAMING_IN_LINE : FRAMING_AT_START;
    if (eof && look > 0)
        return FRAMING_UNENDED;
    frame->size = 0;
    return FRAMING_NOTHING;
}
