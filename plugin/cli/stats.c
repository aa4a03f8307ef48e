/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/stats.h"

#include "plugin/cli/prometheus.h"
#include "plugin/cli/show.h"

/* Buckets are for programs; who reads rows has the quantiles. */
static bool is_bucket(const struct line *line)
{
    return line_get(line, "le").at != NULL;
}

static enum cli_exit show_rows(struct cli *c, const struct cli_view *view)
{
    struct reply reply = { .final = false };
    enum cli_exit status = cli_ask(c);

    if (status != CLI_YES)
        return status;
    cli_output_rows(&c->output, view, false);
    while ((status = cli_receive(c, &reply)) == CLI_YES && !reply.final)
        if (c->output.form == CLI_JSON || !is_bucket(&reply.line))
            cli_output_row(&c->output, &reply.line);
    cli_output_end(&c->output, status == CLI_YES && reply.kind != ANSWER_ERR);
    return status == CLI_YES ? cli_conclude(&reply) : status;
}

/* Nothing is written before all is there: half of it would look like counters that vanished. */
static enum cli_exit show_metrics(struct cli *c)
{
    struct reply reply = { .final = false };
    struct cli_metrics metrics = { .count = 0 };
    enum cli_exit status = cli_ask(c);

    while (status == CLI_YES && (status = cli_receive(c, &reply)) == CLI_YES && !reply.final)
        cli_prometheus_add(&metrics, &reply.line);
    if (status == CLI_YES)
        status = cli_conclude(&reply);
    if (status == CLI_YES)
        cli_prometheus_write(&metrics, &c->output.bytes);
    cli_prometheus_free(&metrics);
    cli_output_flush(&c->output);
    return status;
}

enum cli_exit cli_stats(struct cli *c, const struct cli_view *view)
{
    return c->prometheus ? show_metrics(c) : show_rows(c, view);
}
