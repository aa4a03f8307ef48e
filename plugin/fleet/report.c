/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/report.h"

#include <stdio.h>

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

/* The first change after a while is told at once: somebody may wait for it. */
void report_due(struct context *c)
{
    c->report.due = true;
    report_tick(c, monotonic_ms());
}

void report_tick(struct context *c, int64_t now)
{
    const int64_t since = now - c->report.at;

    if (!c->report.asked && since >= (c->report.due ? SOON_MS : IDLE_MS) &&
        database_is_up(c->database))
        tell(c, now);
}
