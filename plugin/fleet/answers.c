/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/answers.h"

#include <stdlib.h>

#include "proto/line.h"

enum { LINE_SPACE = 1024, LINES_MOST = 64 };

const char *answers_code(const char *sqlstate)
{
    static const struct {
        const char *begins, *code;
    } codes[] = {
        { "J0002", "denied" },    { "J0004", "denied" }, { "J0006", "denied" },
        { "42501", "denied" },    { "J0005", "exists" }, { "J0007", "unknown" },
        { "J0008", "bad-value" }, { "22", "bad-value" }, { "23", "bad-value" },
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strncmp(sqlstate, codes[i].begins, strlen(codes[i].begins)) == 0)
            return codes[i].code;
    return "unavailable";
}

/* jetond may not know a request any more, and says so: nobody waits for it then. */
static void on_answer(void *context, const struct reply *reply)
{
    (void)context;
    if (reply != NULL && reply->final && reply->kind == ANSWER_ERR)
        log_write(LOG_WARNING, "jetond does not take an answer: ERR %.*s", (int)reply->word.len,
                  reply->word.at);
}

static void send_lines(struct context *c, struct text *t, unsigned *lines)
{
    if (*lines > 0 && !link_send(c->link, text_slice(t), *lines, on_answer, NULL))
        c->unanswered = true;
    t->len = 0;
    *lines = 0;
}

static void put_request(struct text *t, const char *word, uint64_t number)
{
    text_adds(t, "fleet ");
    text_adds(t, word);
    line_put_u64(t, "request", number);
}

static void put_done(struct text *t, const struct change_request *r)
{
    put_request(t, "done", r->number);
    line_put_key(t, "place");
    fleet_place_put(t, &r->place);
    if (r->counted) {
        line_put_u64(t, "seen", r->seen);
        line_put_u64(t, "hosts", r->hosts);
    }
    text_addc(t, '\n');
}

static void put_failed(struct text *t, uint64_t number, const char *code, const char *message)
{
    struct slice text = slice_of(message);

    /* Escaped, it is up to four times as long. */
    if (text.len > LINE_SPACE / 5)
        text.len = LINE_SPACE / 5;
    while (!utf8_valid(text))
        text.len--;
    put_request(t, "failed", number);
    line_puts(t, "code", code);
    line_put(t, "message", text);
    text_addc(t, '\n');
}

/* Without a code, they are done. */
static void answer(struct context *c, struct change_request_list *list, const char *code,
                   const char *message)
{
    char bytes[LINES_MOST * LINE_SPACE];
    struct text t = text_in(bytes, sizeof(bytes));
    unsigned lines = 0;
    struct change_request *r;

    while ((r = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, r, all);
        if (code == NULL)
            put_done(&t, r);
        else
            put_failed(&t, r->number, code, message);
        free(r);
        if (++lines == LINES_MOST)
            send_lines(c, &t, &lines);
    }
    send_lines(c, &t, &lines);
}

void answers_done(struct context *c, struct change_request_list *list)
{
    answer(c, list, NULL, NULL);
}

void answers_failed(struct context *c, struct change_request_list *list, const char *code,
                    const char *message)
{
    struct change_request *r;

    TAILQ_FOREACH(r, list, all)
    c->figures.raise_failed++;
    answer(c, list, code, message);
}

void answers_bad(struct context *c, uint64_t number)
{
    char bytes[LINE_SPACE];
    struct text t = text_in(bytes, sizeof(bytes));
    unsigned lines = 1;

    put_failed(&t, number, "bad-value", "the agent cannot read this request");
    send_lines(c, &t, &lines);
}
