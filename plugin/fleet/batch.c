/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/batch.h"

#include <stdlib.h>

/* jetond takes 8 MiB, of what it makes of the lines; several batches are kept here until it has answered. */
enum { BYTES_FIRST = 16 * 1024, BYTES_MAX = 1024 * 1024 };

struct batch {
    struct context *context;
    struct fleet_place to;
    batch_done *done;
    uint64_t tag;
    size_t count;      /* lines between begin and end */
    size_t around;     /* 2 for these two, and they alone are answered; a further part of a snapshot
                          begins with no line */
    size_t answered;   /* final lines that came */
    bool refused;      /* one of them was no OK */
    struct text lines; /* owned */
};

/* Have space for so many more bytes. */
static bool reserve(struct batch *b, size_t more)
{
    struct text *t = &b->lines;

    if (t->cap - t->len >= more)
        return true;
    const size_t cap = 2 * t->cap + BYTES_FIRST + more;
    char *at = realloc(t->at, cap);
    if (at == NULL)
        return false;
    t->at = at;
    t->cap = cap;
    return true;
}

struct batch *batch_new(struct context *c, const struct fleet_place *from, enum batch_kind kind,
                        uint64_t most)
{
    struct batch *b = calloc(1, sizeof(*b));

    if (b == NULL || !reserve(b, LINE_MAX_BYTES)) {
        free(b);
        return NULL;
    }
    b->context = c;
    b->around = 1;
    if (kind == BATCH_SNAPSHOT_PART)
        return b;
    text_adds(&b->lines, "fleet begin place=");
    fleet_place_put(&b->lines, from);
    text_adds(&b->lines, kind == BATCH_SNAPSHOT ? " confirm=end snapshot=yes" : " confirm=end");
    if (most > 0)
        line_put_u64(&b->lines, "count", most);
    text_addc(&b->lines, '\n');
    b->around++;
    return b;
}

void batch_free(struct batch *b)
{
    if (b == NULL)
        return;
    free(b->lines.at);
    free(b);
}

bool batch_is_full(const struct batch *b)
{
    return b->count >= CONTEXT_PAGE || b->lines.len >= BYTES_MAX;
}

bool batch_is_full_for(const struct batch *b, const struct change_row *row)
{
    return b->count + change_digests(row) > CONTEXT_PAGE || b->lines.len >= BYTES_MAX;
}

size_t batch_count(const struct batch *b)
{
    return b->count;
}

bool batch_add(struct batch *b, const struct change_row *row, const char **why)
{
    struct change change;

    if (!change_read(&change, row, why))
        return false;
    *why = "no memory";
    if (!reserve(b, change_size(&change)))
        return false;
    change_write(&change, &b->lines);
    b->count += change.count;
    return true;
}

static void note_refusal(struct batch *b, const struct reply *reply)
{
    const struct slice message = line_get(&reply->line, "message");

    if (!b->refused)
        log_write(LOG_WARNING, "jetond refuses changes up to %llu: %.*s (%.*s)",
                  (unsigned long long)b->to.serial, (int)message.len,
                  message.at != NULL ? message.at : "", (int)reply->word.len, reply->word.at);
    b->refused = true;
}

static void on_reply(void *batch, const struct reply *reply)
{
    struct batch *b = batch;

    if (reply != NULL && !reply->final)
        return;
    if (reply != NULL && reply->kind != ANSWER_OK)
        note_refusal(b, reply);
    if (reply != NULL && ++b->answered < b->around)
        return;
    enum batch_outcome outcome = b->refused ? BATCH_REFUSED : BATCH_SAVED;
    b->done(b->context, reply == NULL ? BATCH_LOST : outcome, &b->to, b->tag);
    batch_free(b);
}

bool batch_send(struct batch *b, const struct fleet_place *to, bool more, batch_done *done,
                uint64_t tag)
{
    b->to = *to;
    b->done = done;
    b->tag = tag;
    if (!reserve(b, LINE_MAX_BYTES)) {
        batch_free(b);
        return false;
    }
    text_adds(&b->lines, "fleet end place=");
    fleet_place_put(&b->lines, to);
    text_adds(&b->lines, more ? " more=yes\n" : "\n");
    if (!link_send(b->context->link, text_slice(&b->lines), (unsigned)b->around, on_reply, b)) {
        batch_free(b);
        return false;
    }
    /* They are in the connection's buffer now. */
    free(b->lines.at);
    b->lines = (struct text){ 0 };
    return true;
}
