/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/batch.h"

#include <stdlib.h>

#include "proto/line.h"

/* jetond takes 8 MiB; lines are not much shorter than what it makes of them. */
enum { BYTES_FIRST = 16 * 1024, BYTES_MAX = 4 * 1024 * 1024 };

struct batch {
    struct context *context;
    struct fleet_place to;
    batch_done *done;
    uint64_t tag;
    size_t count;      /* lines between begin and end */
    size_t finals;     /* final lines that come */
    size_t answered;   /* final lines that came */
    bool refused;      /* one of them was no OK */
    struct text lines; /* owned */
};

/* Have space for one more line. */
static bool reserve(struct batch *b)
{
    struct text *t = &b->lines;

    if (t->cap - t->len >= LINE_MAX_BYTES)
        return true;
    const size_t cap = 2 * t->cap + BYTES_FIRST;
    char *at = realloc(t->at, cap);
    if (at == NULL)
        return false;
    t->at = at;
    t->cap = cap;
    return true;
}

/* jetond takes the parts of a snapshot as one batch, which begins once. */
static void put_begin(struct text *t, enum batch_kind kind, const struct fleet_place *from)
{
    if (kind == BATCH_PART)
        return;
    text_adds(t, "fleet begin");
    if (kind == BATCH_SNAPSHOT) {
        line_puts(t, "snapshot", "yes");
    } else {
        line_put_key(t, "place");
        fleet_place_put(t, from);
    }
    text_addc(t, '\n');
}

struct batch *batch_new(struct context *c, enum batch_kind kind, const struct fleet_place *from)
{
    struct batch *b = calloc(1, sizeof(*b));

    if (b == NULL || !reserve(b)) {
        free(b);
        return NULL;
    }
    b->context = c;
    b->finals = kind == BATCH_PART ? 1 : 2;
    put_begin(&b->lines, kind, from);
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

size_t batch_count(const struct batch *b)
{
    return b->count;
}

bool batch_add(struct batch *b, const struct change_row *row, const char **why)
{
    *why = "no memory";
    if (!reserve(b))
        return false;
    const size_t before = b->lines.len;
    if (!change_write(&b->lines, row, why))
        return false;
    if (b->lines.len > before) {
        b->count++;
        b->finals++;
    }
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
    if (reply != NULL && ++b->answered < b->finals)
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
    if (!reserve(b)) {
        batch_free(b);
        return false;
    }
    text_adds(&b->lines, "fleet end place=");
    fleet_place_put(&b->lines, to);
    text_adds(&b->lines, more ? " more=yes\n" : "\n");
    if (!link_send(b->context->link, text_slice(&b->lines), (unsigned)b->finals, on_reply, b)) {
        batch_free(b);
        return false;
    }
    /* They are in the connection's buffer now. */
    free(b->lines.at);
    b->lines = (struct text){ 0 };
    return true;
}
