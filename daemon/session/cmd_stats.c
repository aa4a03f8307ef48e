/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_stats.h"

#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/journald.h"
#include "daemon/base/log.h"
#include "daemon/base/secmem.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/table/refusals.h"
#include "daemon/table/token_look.h"
#include "proto/reply.h"

enum {
    REPLY_MAX = 44 * 1024,       /* bytes, beside those of services and verifiers */
    SERIES_REPLY_MAX = 16 * 192, /* bytes of each: a service has a line for each answer */
    LATENCY_BITS_MAX = 34,       /* the last bucket: 2^34 ns, 17 s */
};

/* The data lines of the reply. */
struct stats {
    struct text *text;
    uint64_t count;
};

static void put_daemon(struct stats *stats, const struct server *server);
static void put_workers(struct stats *stats, const struct server *server);
static void put_answers(struct stats *stats, const struct server *server);
static void put_table(struct stats *stats, const struct worker *worker);
static void put_writer(struct stats *stats, const struct server *server);
static void put_fleet(struct stats *stats, const struct server *server);
static void put_refusals(struct stats *stats, const struct server *server);
static void put_all_series(struct stats *stats, const struct server *server);
static void put_process(struct stats *stats, const struct server *server);
static void put_latencies(struct stats *stats, const struct server *server);

static size_t reply_max(const struct server *server)
{
    size_t count = 0;

    for (const struct series *series = atomic_load(&server->metrics.first); series != NULL;
         series = series->next)
        count++;
    return REPLY_MAX + count * SERIES_REPLY_MAX;
}

void cmd_stats(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    const struct server *server = s->worker->server;
    struct text t;

    (void)r;
    if (!session_begin_reply(s, reply_max(server), &t))
        return;
    struct stats stats = { &t, 0 };
    put_daemon(&stats, server);
    put_workers(&stats, server);
    put_answers(&stats, server);
    put_table(&stats, s->worker);
    put_writer(&stats, server);
    put_fleet(&stats, server);
    put_refusals(&stats, server);
    put_all_series(&stats, server);
    put_process(&stats, server);
    put_latencies(&stats, server);
    reply_begin(&t, STATUS_OK);
    line_put_u64(&t, "count", stats.count);
    reply_end(&t, STATUS_OK, NULL);
    session_end_reply(s, &t);
}

static void put_name(struct stats *stats, const char *name)
{
    text_addc(stats->text, '*');
    line_puts(stats->text, "name", name);
    stats->count++;
}

static void put(struct stats *stats, const char *name, uint64_t value)
{
    put_name(stats, name);
    line_put_u64(stats->text, "value", value);
    text_addc(stats->text, '\n');
}

static void put_text(struct stats *stats, const char *name, const char *value)
{
    put_name(stats, name);
    line_puts(stats->text, "value", value);
    text_addc(stats->text, '\n');
}

static void put_daemon(struct stats *stats, const struct server *server)
{
    struct client_limit_stats clients = client_limit_stats(server->client_limit);

    put_text(stats, "version", JETON_VERSION);
    put(stats, "uptime_seconds", (uint64_t)(clock_wall() - server->started));
    put(stats, "workers", server_workers(server));
    put(stats, "connections", clients.now);
    put(stats, "connections_total", clients.total);
    put(stats, "connections_refused", clients.refused);
    put(stats, "connections_shed", clients.shed);
}

static void put_workers(struct stats *stats, const struct server *server)
{
    uint64_t requests = 0, tables = 0;

    for (size_t i = 0; i < server->workers; i++) {
        const struct worker_counters *c = &server->worker[i].counters;
        requests += atomic_load(&c->requests);
        tables += atomic_load(&c->tables);
    }
    put(stats, "requests", requests);
    put(stats, "tables_sent", tables);
}

static void put_table(struct stats *stats, const struct worker *worker)
{
    struct token_table_figures table = token_look_figures(worker->server->token_table,
                                                          worker->reader);

    put(stats, "tokens", table.tokens);
    put(stats, "table_slots", table.slots);
    put(stats, "table_bytes", table.bytes);
    put(stats, "table_generation", table.generation);
    put(stats, "table_held", table.held);
    put(stats, "table_held_bytes", table.held_bytes);
}

/* Put how many tokens have so many days left, as of the last walk over them. */
static void put_left(struct stats *stats, const uint64_t left[TOKENS_LEFT_COUNTS])
{
    char name[32];

    for (size_t i = 0; i < TOKENS_LEFT_COUNTS - 1; i++) {
        snprintf(name, sizeof(name), "tokens_expiring_%lldd", (long long)write_queue_days(i));
        put(stats, name, left[i]);
    }
    put(stats, "tokens_without_expiry", left[TOKENS_LEFT_COUNTS - 1]);
}

/* Put how many tokens are in each state, as of the same walk. */
static void put_states(struct stats *stats, const uint64_t states[STATUS_COUNT])
{
    put(stats, "tokens_active", states[STATUS_OK]);
    put(stats, "tokens_pending", states[STATUS_PENDING]);
    put(stats, "tokens_disabled", states[STATUS_DISABLED]);
    put(stats, "tokens_expired", states[STATUS_EXPIRED]);
    put(stats, "tokens_revoked", states[STATUS_REVOKED]);
}

static void put_refusals(struct stats *stats, const struct server *server)
{
    const struct refusals *refusals = write_queue_refusals(server->write_queue);
    struct refusals_unknown unknown[REFUSALS_UIDS];
    uint64_t others;
    size_t count = refusals_unknown(refusals, unknown, &others);

    put(stats, "rotated_reuses", refusals_reuses(refusals));
    put(stats, "refusals_dropped", refusals_dropped(refusals));
    for (size_t i = 0; i <= count; i++) {
        put_name(stats, "unknown_values");
        if (i < count)
            line_put_u64(stats->text, "uid", unknown[i].uid);
        else
            line_puts(stats->text, "uid", "other");
        line_put_u64(stats->text, "value", i < count ? unknown[i].count : others);
        text_addc(stats->text, '\n');
    }
}

static void put_writer(struct stats *stats, const struct server *server)
{
    struct write_queue_stats writer = write_queue_stats(server->write_queue);

    put_states(stats, writer.states);
    put_left(stats, writer.left);
    put(stats, "bans", writer.bans);
    put(stats, "store_bytes", writer.store_bytes);
    put(stats, "log_bytes", writer.log_bytes);
    put(stats, "log_unsaved_seconds", writer.log_unsaved_seconds);
    put(stats, "checkpoint_failures", writer.checkpoint_failures);
    put(stats, "commits", writer.commits);
    put(stats, "changes", writer.changes);
    put(stats, "store_failures", writer.failures);
    put(stats, "denials_unsaved", writer.denials_unsaved);
    put(stats, "answers_held", writer.answers_held);
    put(stats, "journal_oldest", writer.journal_oldest);
    put(stats, "journal_newest", writer.journal_newest);
    put(stats, "clock_behind_seconds", (uint64_t)writer.clock.behind);
    put(stats, "clock_ahead_seconds", (uint64_t)writer.clock.ahead);
    put(stats, "purge_waits", !writer.clock.may_purge);
    put_text(stats, "epoch", write_queue_epoch(server->write_queue));
}

/* A host that is in no fleet has none of these. */
static void put_fleet(struct stats *stats, const struct server *server)
{
    if (server->fleet_status == NULL)
        return;
    struct fleet_figures figures = fleet_status_figures(server->fleet_status);
    struct fleet_lease_left left = fleet_status_lease_left(server->fleet_status);

    put(stats, "fleet_serial", figures.place.serial);
    put(stats, "fleet_age_seconds", left.age);
    put(stats, "fleet_lease_seconds", left.until / 1000);
    put(stats, "fleet_rewinds", figures.rewinds);
    put(stats, "fleet_tokens", figures.tokens);
    put(stats, "fleet_unsent", figures.unsent);
    put(stats, "fleet_waiting", figures.waiting);
    put(stats, "fleet_conflicts", figures.conflicts);
    put(stats, "fleet_spreads", figures.spreads);
    put(stats, "fleet_failures", figures.failures);
    put(stats, "fleet_cache_bytes", figures.cache_bytes);
}

/* -- answers ------------------------------------------------------------------------------- */

/* True for what a valid verification may be answered with. */
static bool is_verdict(enum status s)
{
    return status_row(s)->kind != ANSWER_ERR || s == STATUS_UNAVAILABLE;
}

/* Put the answers of all services together. */
static void put_answers(struct stats *stats, const struct server *server)
{
    uint64_t sum[STATUS_COUNT] = { 0 };
    struct series_part part;
    char name[32];

    for (const struct series *series = atomic_load(&server->metrics.first); series != NULL;
         series = series->next) {
        series_read(series, &part);
        for (enum status s = 0; s < STATUS_COUNT && series->verifier[0] == '\0'; s++)
            sum[s] += part.count[s];
    }
    for (enum status s = 0; s < STATUS_COUNT; s++) {
        if (!is_verdict(s))
            continue;
        struct text t = text_in(name, sizeof(name));
        text_adds(&t, "verify_");
        text_adds(&t, status_row(s)->word);
        text_add(&t, "", 1);
        put(stats, name, sum[s]);
    }
}

/* Put one line of a service, or of a verifier in its stack. */
static void put_series(struct stats *stats, const struct series *series, const char *name,
                       const char *key, const char *word, uint64_t value)
{
    put_name(stats, name);
    line_puts(stats->text, "service", series->service);
    if (series->verifier[0] != '\0')
        line_puts(stats->text, "verifier", series->verifier);
    if (key != NULL)
        line_puts(stats->text, key, word);
    line_put_u64(stats->text, "value", value);
    text_addc(stats->text, '\n');
}

static void put_service(struct stats *stats, const struct series *series)
{
    struct series_part part;

    series_read(series, &part);
    for (enum status s = 0; s < STATUS_COUNT; s++)
        if (is_verdict(s))
            put_series(stats, series, "service_answers", "answer", status_row(s)->word,
                       part.count[s]);
    put_series(stats, series, "service_timed", NULL, NULL, part.timed);
    put_series(stats, series, "service_timed_microseconds", NULL, NULL, part.nanoseconds / 1000);
}

static void put_verifier(struct stats *stats, const struct series *series)
{
    static const char *const words[OUTCOME_COUNT] = {
        [JETON_VERIFIER_PASS] = "pass",
        [JETON_VERIFIER_FAIL] = "fail",
        [JETON_VERIFIER_IGNORE] = "ignore",
        [JETON_VERIFIER_ERROR] = "error",
    };
    struct series_part part;

    series_read(series, &part);
    for (int o = 0; o < OUTCOME_COUNT; o++)
        put_series(stats, series, "verifier_outcomes", "outcome", words[o], part.count[o]);
    put_series(stats, series, "verifier_timed", NULL, NULL, part.timed);
    put_series(stats, series, "verifier_timed_microseconds", NULL, NULL, part.nanoseconds / 1000);
}

static void put_all_series(struct stats *stats, const struct server *server)
{
    for (const struct series *series = atomic_load(&server->metrics.first); series != NULL;
         series = series->next)
        if (series->verifier[0] == '\0')
            put_service(stats, series);
        else
            put_verifier(stats, series);
}

/* -- the process --------------------------------------------------------------------------- */

static void put_process(struct stats *stats, const struct server *server)
{
    const struct protections p = sandbox_protections();

    put(stats, "keeper_busy_seconds", write_queue_stats(server->write_queue).busy_seconds);
    put(stats, "reports_sent", journald_sent());
    put(stats, "reports_dropped", journald_dropped());
    put(stats, "log_dropped", log_dropped());
    put(stats, "protection_unprivileged", p.unprivileged);
    put(stats, "protection_no_new_privs", p.no_new_privs);
    put(stats, "protection_not_dumpable", p.not_dumpable);
    put(stats, "protection_memory_locked", secmem_is_locked());
    put(stats, "protection_landlock", p.landlock_abi > 0);
    put(stats, "protection_landlock_abi", p.landlock_abi);
    put(stats, "protection_seccomp", p.seccomp);
}

/* -- latencies ------------------------------------------------------------------------------- */

static void add_seconds(struct text *t, const char *key, uint64_t nanoseconds)
{
    text_addf(t, " %s=%llu.%09llu", key, (unsigned long long)(nanoseconds / 1000000000),
              (unsigned long long)(nanoseconds % 1000000000));
}

static void begin(struct stats *stats, const char *name, const char *suffix)
{
    text_addf(stats->text, "* name=%s%s", name, suffix);
    stats->count++;
}

/* Put, for each doubling up to 17 s, how many took at most that long. */
static void put_buckets(struct stats *stats, const char *name, const struct histogram *h)
{
    uint64_t sum = 0;
    unsigned bucket = 0;

    for (unsigned bits = HISTOGRAM_LEAST_BITS; bits <= LATENCY_BITS_MAX; bits++) {
        while (histogram_bound(bucket) <= UINT64_C(1) << bits)
            sum += atomic_load_explicit(&h->count[bucket++], memory_order_relaxed);
        begin(stats, name, "_bucket");
        add_seconds(stats->text, "le", UINT64_C(1) << bits);
        text_addf(stats->text, " value=%llu\n", (unsigned long long)sum);
    }
}

/* Put all lines of a histogram, which must be a copy that nobody adds to, so that they agree. */
static void put_latency(struct stats *stats, const char *name, const struct histogram *h)
{
    static const struct {
        const char *suffix;
        unsigned per_thousand;
    } quantiles[] = {
        { "_p50", 500 },
        { "_p99", 990 },
        { "_p999", 999 },
    };
    unsigned long long total = histogram_total(h);

    put_buckets(stats, name, h);
    begin(stats, name, "_bucket");
    text_addf(stats->text, " le=+Inf value=%llu\n", total);
    begin(stats, name, "_sum");
    add_seconds(stats->text, "value", atomic_load(&h->nanoseconds));
    text_addc(stats->text, '\n');
    begin(stats, name, "_count");
    text_addf(stats->text, " value=%llu\n", total);
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        begin(stats, name, quantiles[i].suffix);
        add_seconds(stats->text, "value", histogram_quantile(h, quantiles[i].per_thousand));
        text_addc(stats->text, '\n');
    }
}

static void put_latencies(struct stats *stats, const struct server *server)
{
    struct histogram verify = { 0 }, commit = { 0 }, checkpoint = { 0 };

    metrics_latency(&server->metrics, &verify);
    histogram_merge(&commit, write_queue_commit_time(server->write_queue));
    histogram_merge(&checkpoint, write_queue_checkpoint_time(server->write_queue));
    put_latency(stats, "verify_seconds", &verify);
    put_latency(stats, "commit_seconds", &commit);
    put_latency(stats, "checkpoint_seconds", &checkpoint);
}
