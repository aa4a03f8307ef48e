/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/report.h"

#include <stdio.h>

#include "plugin/fleet/page.h"
#include "plugin/service/monotonic.h"

enum { SOON_MS = 200, IDLE_MS = 10000 };

static void on_told(void *context, const struct database_answer *answer)
{
    struct context *c = context;

    c->report.asked = false;
    if (!answer->ok && !answer->lost)
        log_write(LOG_DEBUG, "a report is not taken: %s", answer->message);
}

static void tell(struct context *c, int64_t now)
{
    const int64_t left = c->lease.until > 0 ? (c->lease.until - lease_clock()) / 1000000 : 0;
    char serial[24], nonce[PLACE_UUID_TEXT + 1], lease[24], rewinds[24];
    struct text t = text_in(nonce, sizeof(nonce) - 1);
    const bool has = c->place_known && c->place.serial > 0;
    const char *parameters[] = { has ? serial : NULL,
                                 has ? nonce : NULL,
                                 JETON_VERSION,
                                 lease,
                                 rewinds,
                                 c->trouble[0] != '\0' ? c->trouble : NULL };

    snprintf(serial, sizeof(serial), "%llu", (unsigned long long)c->place.serial);
    place_put_uuid(&t, &c->place);
    nonce[t.len] = '\0';
    snprintf(lease, sizeof(lease), "%lld", (long long)(left > 0 ? left : 0));
    snprintf(rewinds, sizeof(rewinds), "%llu", (unsigned long long)c->rewinds);
    c->report.asked = database_ask(c->database, QUERY_SEEN, parameters, on_told, c);
    if (!c->report.asked)
        return;
    c->report.due = false;
    c->report.at = now;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    report_tick(context, monotonic_ms());
}

/* Somebody may wait for it; but not before others have got what this host has. */
void report_due(struct context *c)
{
    const int64_t now = monotonic_ms();

    if (c->report.timer == NULL)
        c->report.timer = event_new(c->base, -1, 0, on_timer, c);
    if (!c->report.due)
        c->report.due_at = now + page_pause_ms(c->feed.took);
    c->report.due = true;
    report_tick(c, now);
}

/* Return when it is to be sent. */
static int64_t due_at(const struct context *c)
{
    int64_t at = c->report.at + (c->report.due ? SOON_MS : IDLE_MS);

    if (c->report.due && c->report.due_at > at)
        at = c->report.due_at;
    return c->report.believed_until > at ? c->report.believed_until : at;
}

void report_tick(struct context *c, int64_t now)
{
    const int64_t left = due_at(c) - now;
    const struct timeval after = { left / 1000, left % 1000 * 1000 };

    if (c->report.asked || !database_is_up(c->database))
        return;
    if (left <= 0)
        tell(c, now);
    else if (c->report.due && c->report.timer != NULL)
        event_add(c->report.timer, &after);
}
