/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_stats.h"

#include "daemon/base/journald.h"
#include "daemon/sandbox/sandbox.h"
#include "daemon/base/secmem.h"

static uint64_t put(struct text *t, const char *name, uint64_t value)
{
    text_addc(t, '*');
    line_puts(t, "name", name);
    line_put_u64(t, "value", value);
    text_addc(t, '\n');
    return 1;
}

static uint64_t put_protections(struct text *t)
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
    uint64_t count = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        count += put(t, rows[i].name, rows[i].value);
    return count;
}

/* -- latencies ------------------------------------------------------------------------------- */

enum { MOST_BITS = 34 };

static void add_seconds(struct text *t, const char *key, uint64_t nanoseconds)
{
    text_addf(t, " %s=%llu.%09llu", key, (unsigned long long)(nanoseconds / 1000000000),
              (unsigned long long)(nanoseconds % 1000000000));
}

static void begin(struct text *t, const char *name, const char *suffix)
{
    text_addf(t, "* name=%s%s", name, suffix);
}

/* How many took at most that long, for each doubling up to 17 s, and for any time. */
static uint64_t put_buckets(struct text *t, const char *name, const struct histogram *h)
{
    uint64_t lines = 0, sum = 0;
    unsigned bucket = 0;

    for (unsigned bits = HISTOGRAM_LEAST_BITS; bits <= MOST_BITS; bits++) {
        while (histogram_bound(bucket) <= UINT64_C(1) << bits)
            sum += atomic_load_explicit(&h->count[bucket++], memory_order_relaxed);
        begin(t, name, "_bucket");
        add_seconds(t, "le", UINT64_C(1) << bits);
        text_addf(t, " value=%llu\n", (unsigned long long)sum);
        lines++;
    }
    return lines;
}

/* `h` is nobody else's any more, so that all agree. */
static uint64_t put_latency(struct text *t, const char *name, const struct histogram *h)
{
    static const struct {
        const char *suffix;
        unsigned per_thousand;
    } quantiles[] = {
        { "_p50", 500 },
        { "_p99", 990 },
        { "_p999", 999 },
    };
    enum { QUANTILES = sizeof(quantiles) / sizeof(quantiles[0]) };
    unsigned long long total = histogram_total(h);
    uint64_t lines = put_buckets(t, name, h);

    begin(t, name, "_bucket");
    text_addf(t, " le=+Inf value=%llu\n", total);
    begin(t, name, "_sum");
    add_seconds(t, "value", atomic_load(&h->nanoseconds));
    text_addc(t, '\n');
    begin(t, name, "_count");
    text_addf(t, " value=%llu\n", total);
    for (size_t i = 0; i < QUANTILES; i++) {
        begin(t, name, quantiles[i].suffix);
        add_seconds(t, "value", histogram_quantile(h, quantiles[i].per_thousand));
        text_addc(t, '\n');
    }
    return lines + 3 + QUANTILES;
}

static uint64_t put_latencies(struct text *t, const struct server *server)
{
    struct histogram verify = { 0 }, commit = { 0 };

    metrics_latency(&server->metrics, &verify);
    histogram_merge(&commit, writer_thread_commit_time(server->writer_thread));
    return put_latency(t, "verify_seconds", &verify) + put_latency(t, "commit_seconds", &commit);
}

uint64_t figures_put(const struct server *server, struct text *t)
{
    return put(t, "keeper_busy_seconds",
               writer_thread_figures(server->writer_thread).busy_seconds) +
           put(t, "reports_sent", journald_sent()) + put(t, "reports_dropped", journald_dropped()) +
           put_protections(t) + put_latencies(t, server);
}
