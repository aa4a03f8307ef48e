/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/prometheus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { GAUGE, COUNTER, HISTOGRAM, INFO, LEFT_OUT };

/* The type of each metric: the first row whose name matches.  A star at its end matches
 * anything. */
static const struct row {
    const char *name;
    enum type type;
    const char *help;
} rows[] = {
    { "version", INFO, "The daemon's version." },
    { "uptime_seconds", GAUGE, "Seconds since the daemon was started." },
    { "workers", GAUGE, "Threads that serve connections." },
    { "connections", GAUGE, "Open connections." },
    { "connections_total", COUNTER, "Connections accepted." },
    { "connections_refused", COUNTER, "Connections refused at a limit." },
    { "connections_shed", COUNTER, "Connections closed to make way for other users." },
    { "requests", COUNTER, "Request lines received." },
    { "tables_sent", COUNTER, "Times that the token table was sent to a client." },
    { "tokens", GAUGE, "Tokens in the store." },
    { "tokens_expiring_*", GAUGE, "Tokens that expire within so many days." },
    { "tokens_without_expiry", GAUGE, "Tokens that never expire." },
    { "tokens_*", GAUGE, "Tokens in this state, as of the last walk over all of them." },
    { "bans", GAUGE, "Bans in the store." },
    { "table_generation", COUNTER, "Tables made so far." },
    { "table_held*", GAUGE, "Old token tables that clients still hold, and their memory." },
    { "table_*", GAUGE, "Size of the token table." },
    { "store_bytes", GAUGE, "Size of the store's file." },
    { "log_bytes", GAUGE, "Size of what the store's log has and its file does not." },
    { "log_unsaved_seconds", GAUGE, "How old the oldest of that is." },
    { "checkpoint_failures", COUNTER, "Checkpoints that could not write the store's file." },
    { "store_failures", COUNTER, "Transactions that failed." },
    { "commits", COUNTER, "Transactions that were saved." },
    { "changes", COUNTER, "Changes that were saved." },
    { "denials_unsaved", GAUGE,
      "Revocations in force that could not be saved: act if this is not 0." },
    { "answers_held", GAUGE,
      "Answers to denials that wait for the lease of a killed daemon's table to run out." },
    { "epoch", INFO, "The name of the history that the journal tells." },
    { "journal_*", GAUGE, "Serial of the oldest or newest entry of the journal." },
    { "clock_behind_seconds", GAUGE, "How far the clock is behind the newest journal entry." },
    { "clock_ahead_seconds", GAUGE,
      "How far the clock is implausibly ahead of the journal; 0 if it is not." },
    { "purge_waits", GAUGE, "1 while the clock is not relied on and nothing is purged." },
    { "fleet_serial", GAUGE, "Serial of the fleet's change that this host is at." },
    { "fleet_age_seconds", GAUGE, "How long ago the fleet's lease was given or renewed." },
    { "fleet_lease_seconds", GAUGE,
      "How long the fleet's lease goes on; 0: values are not judged by the fleet." },
    { "fleet_rewinds", COUNTER,
      "Times that this host went back in the fleet's history, after a failover." },
    { "fleet_tokens", GAUGE, "Tokens of the fleet that this host has." },
    { "fleet_unsent", GAUGE, "Denials made here that the fleet's database does not know yet." },
    { "fleet_waiting", GAUGE, "Changes made here that the fleet's database has not taken yet." },
    { "fleet_conflicts", COUNTER,
      "Changes of the fleet about what is a token of this host alone." },
    { "fleet_spreads", COUNTER,
      "Tables made anew as digests of the fleet's tokens lay close together." },
    { "fleet_failures", COUNTER, "Deliveries of the fleet that could not be saved." },
    { "fleet_cache_bytes", GAUGE, "Size of the files that have the fleet's tokens." },
    { "keeper_busy_seconds", GAUGE,
      "How long the writer thread has been busy with its current task." },
    { "unknown_values", COUNTER, "Values that no token has, by the user who sent them." },
    { "rotated_reuses", COUNTER, "Presentations of values that had been rotated away." },
    { "refusals_dropped", COUNTER, "Refusals that no token's count has." },
    { "reports_sent", COUNTER, "Entries sent to the system's journal." },
    { "reports_dropped", COUNTER, "Entries that the system's journal did not accept." },
    { "log_dropped", COUNTER, "Lines of the log that standard error did not take." },
    { "protection_landlock_abi", GAUGE, "Version of Landlock in force." },
    { "protection_*", GAUGE, "1 if this protection of the daemon is in force." },
    { "verify_seconds_p*", LEFT_OUT, NULL }, /* Prometheus computes quantiles itself */
    { "commit_seconds_p*", LEFT_OUT, NULL },
    { "checkpoint_seconds_p*", LEFT_OUT, NULL },
    { "verify_seconds", HISTOGRAM,
      "Time from the first verification of a batch to its last reply, of a sample of batches." },
    { "commit_seconds", HISTOGRAM, "Time that transactions took to be saved." },
    { "checkpoint_seconds", HISTOGRAM, "Time that saving the log in the store's file took." },
    { "verify_*", COUNTER, "Verifications with this answer." },
    { "service_answers", COUNTER, "Verifications by service and answer." },
    { "service_timed*", COUNTER, "Verifications of a service that were timed, and their time." },
    { "verifier_outcomes", COUNTER, "Results of a verifier." },
    { "verifier_timed*", COUNTER, "Calls of a verifier that were timed, and their time." },
    { "*", GAUGE, "A statistic of the daemon." },
};

static void write_metric(struct cli_prometheus *m, size_t first, struct cli_buffer *out);
static void write_sample(struct cli_prometheus *m, const struct cli_prometheus_sample *s,
                         const struct row *row, struct cli_buffer *out);

static const char *text_at(const struct cli_prometheus *m, size_t at)
{
    return m->text.at + at;
}

/* -- collecting ------------------------------------------------------------------------------- */

static void end_text(struct cli_prometheus *m)
{
    cli_buffer_addc(&m->text, '\0');
}

/* Add a label, with backslashes, quotes and line ends of its value escaped. */
static void add_label(struct cli_buffer *b, struct slice key, struct slice value)
{
    cli_buffer_add(b, key.at, key.len);
    cli_buffer_adds(b, "=\"");
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == '\\' || c == '"' || c == '\n')
            cli_buffer_addc(b, '\\');
        cli_buffer_addc(b, c == '\n' ? 'n' : c);
    }
    cli_buffer_addc(b, '"');
}

static size_t add_labels(struct cli_prometheus *m, const struct line *line)
{
    size_t begin = m->text.len;

    for (size_t i = 0; i < line->count; i++) {
        const struct argument *a = &line->argument[i];
        if (a->key.len == 0 || slice_is(a->key, "name") || slice_is(a->key, "value"))
            continue;
        if (m->text.len > begin)
            cli_buffer_addc(&m->text, ',');
        add_label(&m->text, a->key, a->value);
    }
    end_text(m);
    return begin;
}

/* True if Prometheus accepts the value as a number; other text can only be a label. */
static bool is_number(const char *value)
{
    char *end;

    strtod(value, &end);
    return end != value && *end == '\0';
}

/* Cut _microseconds off a name: Prometheus counts in seconds. */
static bool cut_micro(struct slice *name)
{
    static const char micro[] = "_microseconds";
    size_t len = sizeof(micro) - 1;
    bool is = name->len > len && memcmp(name->at + name->len - len, micro, len) == 0;

    if (is)
        name->len -= len;
    return is;
}

static size_t add_name(struct cli_prometheus *m, struct slice name, bool micro)
{
    size_t begin = m->text.len;

    cli_buffer_add(&m->text, name.at, name.len);
    cli_buffer_adds(&m->text, micro ? "_seconds" : "");
    end_text(m);
    return begin;
}

static size_t add_value(struct cli_prometheus *m, struct slice value, bool micro)
{
    size_t begin = m->text.len;
    uint64_t number;

    if (micro && number_parse(value, UINT64_MAX, &number)) {
        struct text t = cli_buffer_reserve(&m->text, 32);
        text_addf(&t, "%llu.%06llu", (unsigned long long)(number / 1000000),
                  (unsigned long long)(number % 1000000));
        cli_buffer_commit(&m->text, &t);
    } else {
        cli_buffer_add(&m->text, value.at, value.len);
    }
    end_text(m);
    return begin;
}

/* True if this is a valid metric name. */
static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz_0123456789", s.at[i]) == NULL || s.at[i] == '\0')
            return false;
    return s.len > 0;
}

void cli_prometheus_add(struct cli_prometheus *m, const struct line *line)
{
    struct slice name = line_get(line, "name"), value = line_get(line, "value");

    if (!is_name(name) || value.at == NULL || memchr(value.at, '\0', value.len) != NULL)
        return;
    if (m->count == m->cap) {
        size_t cap = m->cap > 0 ? 2 * m->cap : 256;
        struct cli_prometheus_sample *more = reallocarray(m->sample, cap, sizeof(*more));
        if (more == NULL)
            exit(CLI_EXIT_UNAVAILABLE);
        m->sample = more;
        m->cap = cap;
    }
    struct cli_prometheus_sample *s = &m->sample[m->count++];
    bool micro = cut_micro(&name);
    s->name = add_name(m, name, micro);
    s->labels = add_labels(m, line);
    s->value = add_value(m, value, micro);
    s->written = false;
}

void cli_prometheus_free(struct cli_prometheus *m)
{
    free(m->sample);
    cli_buffer_free(&m->text);
    *m = (struct cli_prometheus){ .count = 0 };
}

/* -- writing ---------------------------------------------------------------------------------- */

/* Return the length of the name without a histogram's suffix. */
static size_t base_length(const char *name, const struct row *row)
{
    return row->type == HISTOGRAM ? strlen(row->name) : strlen(name);
}

static bool fits(const struct row *row, const char *name)
{
    size_t len = strlen(row->name);

    if (len > 0 && row->name[len - 1] == '*')
        return strncmp(name, row->name, len - 1) == 0;
    if (row->type != HISTOGRAM)
        return strcmp(name, row->name) == 0;
    return strncmp(name, row->name, len) == 0 &&
           (strcmp(name + len, "_bucket") == 0 || strcmp(name + len, "_sum") == 0 ||
            strcmp(name + len, "_count") == 0);
}

static const struct row *row_of(const char *name)
{
    const struct row *row = rows;

    while (!fits(row, name))
        row++;
    return row;
}

void cli_prometheus_write(struct cli_prometheus *m, struct cli_buffer *out)
{
    for (size_t i = 0; i < m->count; i++)
        if (!m->sample[i].written)
            write_metric(m, i, out);
}

/* Write all samples of the metric that begins with this one. */
static void write_metric(struct cli_prometheus *m, size_t first, struct cli_buffer *out)
{
    static const char *const words[] = { "gauge", "counter", "histogram", "gauge" };
    const char *name = text_at(m, m->sample[first].name);
    const struct row *row = row_of(name);
    size_t base = base_length(name, row);
    struct text head = cli_buffer_reserve(out, 2 * base + 512);

    if (row->type == LEFT_OUT)
        return;
    const char *end = row->type == INFO ? "_info" :
                      row->type != COUNTER || (base > 6 && strcmp(name + base - 6, "_total") == 0) ?
                                          "" :
                                          "_total";
    text_addf(&head, "# HELP jeton_%.*s%s %s\n# TYPE jeton_%.*s%s %s\n", (int)base, name, end,
              row->help, (int)base, name, end, words[row->type]);
    cli_buffer_commit(out, &head);
    for (size_t i = first; i < m->count; i++) {
        struct cli_prometheus_sample *s = &m->sample[i];
        const char *other = text_at(m, s->name);
        bool valid = row->type == INFO || is_number(text_at(m, s->value));
        if (s->written || !valid || row_of(other) != row || strncmp(other, name, base) != 0 ||
            (row->type != HISTOGRAM && other[base] != '\0'))
            continue;
        s->written = true;
        cli_buffer_adds(out, "jeton_");
        cli_buffer_adds(out, other);
        cli_buffer_adds(out, end);
        write_sample(m, s, row, out);
    }
}

/* Write labels and value.  A value that is text becomes a label of the value 1. */
static void write_sample(struct cli_prometheus *m, const struct cli_prometheus_sample *s,
                         const struct row *row, struct cli_buffer *out)
{
    const char *labels = text_at(m, s->labels), *value = text_at(m, s->value);

    if (row->type == INFO || labels[0] != '\0')
        cli_buffer_addc(out, '{');
    cli_buffer_adds(out, labels);
    if (row->type == INFO) {
        if (labels[0] != '\0')
            cli_buffer_addc(out, ',');
        add_label(out, slice_of(row->name), slice_of(value));
        value = "1";
    }
    if (row->type == INFO || labels[0] != '\0')
        cli_buffer_addc(out, '}');
    cli_buffer_addc(out, ' ');
    cli_buffer_adds(out, value);
    cli_buffer_addc(out, '\n');
}
