/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gateway/metrics.h"

#include "plugin/service/log.h"
#include "proto/limits.h"

static const unsigned statuses[] = { 200, 401, 403, 503, 500 };

enum { STATUSES = sizeof(statuses) / sizeof(statuses[0]) };

void metrics_status(struct metrics *m, unsigned status)
{
    size_t i = 0;

    while (i < STATUSES && statuses[i] != status)
        i++;
    m->status[i]++;
}

void metrics_decision(struct metrics *m, const struct http_decision *d)
{
    if (d->credentials != HTTP_CREDENTIALS_TOKEN) {
        uint64_t *count = d->credentials == HTTP_CREDENTIALS_NONE ? &m->none : &m->malformed;
        (*count)++;
        return;
    }
    m->table += d->claims->source == JETON_TABLE;
    m->daemon += d->claims->source == JETON_DAEMON;
    if ((unsigned)d->status <= JETON_DENIED)
        m->verdict[d->status]++;
    else if (d->status == JETON_INVALID)
        m->invalid++;
    else
        m->unavailable++;
}

static void head(struct text *t, const char *name, const char *type, const char *help)
{
    text_addf(t, "# HELP jeton_gateway_%s %s\n# TYPE jeton_gateway_%s %s\n", name, help, name,
              type);
}

static void one(struct text *t, const char *name, const char *type, const char *help,
                uint64_t value)
{
    head(t, name, type, help);
    text_addf(t, "jeton_gateway_%s %llu\n", name, (unsigned long long)value);
}

static void labelled(struct text *t, const char *name, const char *label, const char *value,
                     uint64_t count)
{
    text_addf(t, "jeton_gateway_%s{%s=\"%s\"} %llu\n", name, label, value,
              (unsigned long long)count);
}

static void write_responses(const struct metrics *m, struct text *t)
{
    char number[16];

    head(t, "responses_total", "counter", "Responses, by HTTP status.");
    for (size_t i = 0; i <= STATUSES; i++) {
        struct text n = text_in(number, sizeof(number) - 1);
        if (i < STATUSES)
            text_add_u64(&n, statuses[i]);
        else
            text_adds(&n, "other");
        number[n.len] = '\0';
        labelled(t, "responses_total", "code", number, m->status[i]);
    }
}

static void write_verdicts(const struct metrics *m, struct text *t)
{
    head(t, "verdicts_total", "counter",
         "What requests for verification were decided by: the token's state, or none.");
    for (int s = JETON_OK; s <= JETON_DENIED; s++)
        labelled(t, "verdicts_total", "verdict", jeton_status_word((enum jeton_status)s),
                 m->verdict[s]);
    labelled(t, "verdicts_total", "verdict", "unavailable", m->unavailable);
    labelled(t, "verdicts_total", "verdict", "invalid", m->invalid);
    labelled(t, "verdicts_total", "verdict", "no-credentials", m->none);
    labelled(t, "verdicts_total", "verdict", "malformed-credentials", m->malformed);
    head(t, "verdicts_by_total", "counter", "Who gave verdicts on tokens.");
    labelled(t, "verdicts_by_total", "source", "table", m->table);
    labelled(t, "verdicts_by_total", "source", "daemon", m->daemon);
}

static void write_connections(const struct metrics *m, struct text *t)
{
    one(t, "connections", "gauge", "Open connections.", m->connections);
    one(t, "connections_accepted_total", "counter", "Connections that were accepted.", m->accepted);
    one(t, "connections_refused_total", "counter", "Connections above a limit.", m->refused);
    one(t, "connections_shed_total", "counter", "Idle connections that made way for others.",
        m->shed);
    one(t, "heads_bad_total", "counter", "Requests that could not be parsed.", m->bad_heads);
    one(t, "heads_slow_total", "counter", "Requests whose head did not come in time.",
        m->slow_heads);
    one(t, "questions_waiting", "gauge", "Requests that wait for the daemon.", m->waiting);
}

void metrics_write(const struct metrics *m, struct text *t)
{
    head(t, "info", "gauge", "Version.");
    labelled(t, "info", "version", JETON_VERSION, 1);
    one(t, "start_time_seconds", "gauge", "When the process started.", (uint64_t)m->started);
    write_responses(m, t);
    write_verdicts(m, t);
    write_connections(m, t);
    one(t, "reloads_total", "counter", "Configurations that were taken over.", m->reloads);
    one(t, "reloads_failed_total", "counter", "Configurations that were not.", m->failed_reloads);
    one(t, "log_dropped_total", "counter", "Lines of the log that nobody took.", log_dropped());
}
