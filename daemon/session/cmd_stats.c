/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_stats.h"

#include "daemon/base/clock.h"
#include "daemon/base/journald.h"
#include "daemon/base/secmem.h"
#include "daemon/sandbox/sandbox.h"
#include "proto/reply.h"

enum {
    REPLY_MAX = 32 * 1024,       /* bytes, beside those of services and verifiers */
    SERIES_REPLY_MAX = 16 * 192, /* bytes of each: a service has a line for each answer */
    LATENCY_BITS_MAX = 34,       /* the last bucket: 2^34 ns, 17 s */
};

/* The data lines of the reply. */
struct stats {
    struct text *text;
    uint64_t count;
};

static void put_daemon(struct stats *l, const struct server *server);
static void put_workers(struct stats *l, const struct server *server);
static void put_answers(struct stats *l, const struct server *server);
static void put_table(struct stats *l, const struct server *server);
static void put_writer(struct stats *l, const struct server *server);
static void put_all_series(struct stats *l, const struct server *server);
static void put_process(struct stats *l, const struct server *server);
static void put_latencies(struct stats *l, const struct server *server);

static size_t reply_max(const struct server *server)
{
    size_t series = 0;

    for (const struct series *m = atomic_load(&server->metrics.first); m != NULL; m = m->next)
        series++;
    return REPLY_MAX + series * SERIES_REPLY_MAX;
}

void cmd_stats(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    const struct server *server = s->worker->server;
    struct text t;

    (void)r;
    if (!session_begin_reply(s, reply_max(server), &t))
        return;
    struct stats l = { &t, 0 };
    put_daemon(&l, server);
    put_workers(&l, server);
    put_answers(&l, server);
    put_table(&l, server);
    put_writer(&l, server);
    put_all_series(&l, server);
    put_process(&l, server);
    put_latencies(&l, server);
    reply_begin(&t, STATUS_OK);
    line_put_u64(&t, "count", l.count);
    reply_end(&t, STATUS_OK, NULL);
    session_end_reply(s, &t);
}

static void put_name(struct stats *l, const char *name)
{
    text_addc(l->text, '*');
    line_puts(l->text, "name", name);
    l->count++;
}

static void put(struct stats *l, const char *name, uint64_t value)
{
    put_name(l, name);
    line_put_u64(l->text, "value", value);
    text_addc(l->text, '\n');
}

static void put_daemon(struct stats *l, const struct server *server)
{
    struct client_limit_stats q = client_limit_stats(server->client_limit);

    put_name(l, "version");
    line_puts(l->text, "value", JETON_VERSION);
    text_addc(l->text, '\n');
    put(l, "uptime_seconds", (uint64_t)(clock_wall() - server->started));
    put(l, "workers", server->workers);
    put(l, "connections", q.now);
    put(l, "connections_total", q.total);
    put(l, "connections_refused", q.refused);
}

static void put_workers(struct stats *l, const struct server *server)
{
    uint64_t requests = 0, tables = 0;

    for (size_t i = 0; i < server->workers; i++) {
        const struct worker_counters *c = &server->worker[i].counters;
        requests += atomic_load(&c->requests);
        tables += atomic_load(&c->tables);
    }
    put(l, "requests", requests);
    put(l, "tables_sent", tables);
}

static void put_table(struct stats *l, const struct server *server)
{
    struct token_table_figures p = token_table_figures(server->token_table);

    put(l, "tokens", p.tokens);
    put(l, "table_slots", p.slots);
    put(l, "table_bytes", p.bytes);
    put(l, "table_generation", p.generation);
}

static void put_writer(struct stats *l, const struct server *server)
{
    struct write_queue_stats w = write_queue_stats(server->write_queue);

    put(l, "store_bytes", w.store_bytes);
    put(l, "commits", w.commits);
    put(l, "changes", w.changes);
    put(l, "store_failures", w.failures);
    put(l, "denials_unsaved", w.denials_unsaved);
    put(l, "journal_oldest", w.journal_oldest);
    put(l, "journal_newest", w.journal_newest);
}

/* -- answers ------------------------------------------------------------------------------- */

/* True for what a valid verification may be answered with. */
static bool is_verdict(enum status s)
{
    return status_row(s)->kind != ANSWER_ERR || s == STATUS_UNAVAILABLE;
}

/* Put the answers of all services together. */
static void put_answers(struct stats *l, const struct server *server)
{
    uint64_t sum[STATUS_COUNT] = { 0 };
    struct series_part part;
    char name[32];

    for (const struct series *m = atomic_load(&server->metrics.first); m != NULL; m = m->next) {
        series_read(m, &part);
        for (enum status s = 0; s < STATUS_COUNT && m->verifier[0] == '\0'; s++)
            sum[s] += part.count[s];
    }
    for (enum status s = 0; s < STATUS_COUNT; s++) {
        if (!is_verdict(s))
            continue;
        struct text t = text_in(name, sizeof(name));
        text_adds(&t, "verify_");
        text_adds(&t, status_row(s)->word);
        text_add(&t, "", 1);
        put(l, name, sum[s]);
    }
}

/* Put one line of a service, or of a verifier in its stack. */
static void put_series(struct stats *l, const struct series *m, const char *name, const char *key,
                       const char *word, uint64_t value)
{
    put_name(l, name);
    line_puts(l->text, "service", m->service);
    if (m->verifier[0] != '\0')
        line_puts(l->text, "verifier", m->verifier);
    if (key != NULL)
        line_puts(l->text, key, word);
    line_put_u64(l->text, "value", value);
    text_addc(l->text, '\n');
}

static void put_service(struct stats *l, const struct series *m)
{
    struct series_part part;

    series_read(m, &part);
    for (enum status s = 0; s < STATUS_COUNT; s++)
        if (is_verdict(s))
            put_series(l, m, "service_answers", "answer", status_row(s)->word, part.count[s]);
    put_series(l, m, "service_timed", NULL, NULL, part.timed);
    put_series(l, m, "service_timed_microseconds", NULL, NULL, part.nanoseconds / 1000);
}

static void put_verifier(struct stats *l, const struct series *m)
{
    static const char *const words[OUTCOME_COUNT] = {
        [JETON_VERIFIER_PASS] = "pass",
        [JETON_VERIFIER_FAIL] = "fail",
        [JETON_VERIFIER_IGNORE] = "ignore",
        [JETON_VERIFIER_ERROR] = "error",
    };
    struct series_part part;

    series_read(m, &part);
    for (int o = 0; o < OUTCOME_COUNT; o++)
        put_series(l, m, "verifier_outcomes", "outcome", words[o], part.count[o]);
    put_series(l, m, "verifier_timed", NULL, NULL, part.timed);
    put_series(l, m, "verifier_timed_microseconds", NULL, NULL, part.nanoseconds / 1000);
}

static void put_all_series(struct stats *l, const struct server *server)
{
    for (const struct series *m = atomic_load(&server->metrics.first); m != NULL; m = m->next)
        if (m->verifier[0] == '\0')
            put_service(l, m);
        else
            put_verifier(l, m);
}

/* -- the process --------------------------------------------------------------------------- */

static void put_process(struct stats *l, const struct server *server)
{
    const struct protections p = sandbox_protections();
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "protection_unprivileged", p.unprivileged },
        { "protection_no_new_privs", p.no_new_privs },
        { "protection_not_dumpable", p.not_dumpable },
        { "protection_memory_locked", secmem_is_locked() },
        { "protection_landlock", p.landlock_abi > 0 },
        { "protection_landlock_abi", p.landlock_abi },
        { "protection_seccomp", p.seccomp },
    };

    put(l, "keeper_busy_seconds", write_queue_stats(server->write_queue).busy_seconds);
    put(l, "reports_sent", journald_sent());
    put(l, "reports_dropped", journald_dropped());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        put(l, rows[i].name, rows[i].value);
}

/* -- latencies ------------------------------------------------------------------------------- */

static void add_seconds(struct text *t, const char *key, uint64_t nanoseconds)
{
    text_addf(t, " %s=%llu.%09llu", key, (unsigned long long)(nanoseconds / 1000000000),
              (unsigned long long)(nanoseconds % 1000000000));
}

static void begin(struct stats *l, const char *name, const char *suffix)
{
    text_addf(l->text, "* name=%s%s", name, suffix);
    l->count++;
}

/* Put, for each doubling up to 17 s, how many took at most that long. */
static void put_buckets(struct stats *l, const char *name, const struct histogram *h)
{
    uint64_t sum = 0;
    unsigned bucket = 0;

    for (unsigned bits = HISTOGRAM_LEAST_BITS; bits <= LATENCY_BITS_MAX; bits++) {
        while (histogram_bound(bucket) <= UINT64_C(1) << bits)
            sum += atomic_load_explicit(&h->count[bucket++], memory_order_relaxed);
        begin(l, name, "_bucket");
        add_seconds(l->text, "le", UINT64_C(1) << bits);
        text_addf(l->text, " value=%llu\n", (unsigned long long)sum);
    }
}

/* Put all lines of a histogram, which must be a copy that nobody adds to, so that they agree. */
static void put_latency(struct stats *l, const char *name, const struct histogram *h)
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

    put_buckets(l, name, h);
    begin(l, name, "_bucket");
    text_addf(l->text, " le=+Inf value=%llu\n", total);
    begin(l, name, "_sum");
    add_seconds(l->text, "value", atomic_load(&h->nanoseconds));
    text_addc(l->text, '\n');
    begin(l, name, "_count");
    text_addf(l->text, " value=%llu\n", total);
    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        begin(l, name, quantiles[i].suffix);
        add_seconds(l->text, "value", histogram_quantile(h, quantiles[i].per_thousand));
        text_addc(l->text, '\n');
    }
}

static void put_latencies(struct stats *l, const struct server *server)
{
    struct histogram verify = { 0 }, commit = { 0 };

    metrics_latency(&server->metrics, &verify);
    histogram_merge(&commit, write_queue_commit_time(server->write_queue));
    put_latency(l, "verify_seconds", &verify);
    put_latency(l, "commit_seconds", &commit);
}
