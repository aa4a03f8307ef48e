/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/touched.h"

#include "proto/stamp.h"

enum {
    EACH_MS = 60000,
    PAGE = 1000,
    NEWER = 3600,       /* seconds */
    MEMORY = 64 * 1024, /* tokens whose last report is remembered; the database knows of all */
    DIGITS = 2 * DIGEST_SIZE,
    POSITION_MAX = 128,
};

/* What was told of a token. */
struct told {
    uint64_t token; /* the first bytes of its digest */
    int64_t used;
};

static struct {
    bool under_way;
    int64_t at;
    unsigned count;
    bool fault;                  /* a line of this page was none */
    char position[POSITION_MAX]; /* where the next page begins; "": at the first token */
    struct text digests, times;
    char digest_bytes[PAGE * (DIGITS + 1) + 2], time_bytes[PAGE * 21 + 2];
    struct told told[MEMORY];
} state;

static void ask_page(struct context *c);

static void finish(void)
{
    state.under_way = false;
    state.position[0] = '\0';
}

static void on_touched(void *context, const struct database_answer *answer)
{
    struct context *c = context;

    if (!answer->ok && !answer->lost)
        log_write(LOG_WARNING, "last uses are not taken: %s", answer->message);
    if (answer->ok && state.position[0] != '\0')
        ask_page(c);
    else
        finish();
}

/* Hand a page on; go on with the next one when it is taken. */
static void hand_on(struct context *c)
{
    const char *parameters[] = { state.digest_bytes, state.time_bytes };

    if (state.count == 0) {
        if (state.position[0] != '\0')
            ask_page(c);
        else
            finish();
        return;
    }
    text_addc(&state.digests, '}');
    text_addc(&state.times, '}');
    state.digest_bytes[state.digests.len] = state.time_bytes[state.times.len] = '\0';
    if (!database_ask(c->database, QUERY_TOUCH, parameters, on_touched, c))
        finish();
}

static bool is_newer(const uint8_t digest[DIGEST_SIZE], int64_t used)
{
    uint64_t token;

    memcpy(&token, digest, sizeof(token));
    struct told *told = &state.told[token % MEMORY];
    if (told->token == token && used < told->used + NEWER)
        return false;
    *told = (struct told){ token, used };
    return true;
}

static void take_line(const struct line *line)
{
    const struct slice digest = line_get(line, "digest"), time = line_get(line, "used");
    uint8_t bytes[DIGEST_SIZE];
    int64_t used;

    state.fault |= digest.at == NULL || time.at == NULL || state.count == PAGE ||
                   !hex_parse(digest, bytes, DIGEST_SIZE) || !stamp_parse(time, &used);
    if (state.fault || !is_newer(bytes, used))
        return;
    text_addc(&state.digests, state.count == 0 ? '{' : ',');
    text_addc(&state.times, state.count == 0 ? '{' : ',');
    text_add_hex(&state.digests, bytes, DIGEST_SIZE);
    text_add_u64(&state.times, (uint64_t)used);
    state.count++;
}

static void on_page(void *context, const struct reply *reply)
{
    struct context *c = context;

    if (reply != NULL && !reply->final) {
        take_line(&reply->line);
        return;
    }
    if (reply == NULL || reply->kind != ANSWER_OK || state.fault) {
        finish();
        return;
    }
    const struct slice next = line_get(&reply->line, "next");
    state.position[0] = '\0';
    if (next.at != NULL && next.len < POSITION_MAX) {
        memcpy(state.position, next.at, next.len);
        state.position[next.len] = '\0';
    }
    hand_on(c);
}

static void ask_page(struct context *c)
{
    char bytes[2 * POSITION_MAX + 64];
    struct text t = text_in(bytes, sizeof(bytes));

    state.count = 0;
    state.fault = false;
    state.digests = text_in(state.digest_bytes, sizeof(state.digest_bytes));
    state.times = text_in(state.time_bytes, sizeof(state.time_bytes));
    text_adds(&t, "fleet touched");
    if (state.position[0] != '\0')
        line_puts(&t, "after", state.position);
    line_put_u64(&t, "limit", PAGE);
    text_addc(&t, '\n');
    if (t.cut || !link_send(c->link, text_slice(&t), 1, on_page, c))
        finish();
}

void touched_tick(struct context *c, int64_t now)
{
    if (state.under_way || now - state.at < EACH_MS || c->mode != MODE_FOLLOW || !c->verified ||
        !database_is_up(c->database))
        return;
    state.under_way = true;
    state.at = now;
    ask_page(c);
}
