/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/stats.h"

#include "plugin/cli/prometheus.h"
#include "plugin/cli/show.h"

/* True for a histogram's bucket: buckets are for programs, while people read the quantiles. */
static bool is_bucket(const struct line *line)
{
    return line_get(line, "le").at != NULL;
}

static enum cli_exit show_rows(struct cli_request *c, const struct cli_view *view)
{
    struct reply reply = { .final = false };
    enum cli_exit status = cli_request_send(c);

    if (status != CLI_EXIT_YES)
        return status;
    cli_output_rows(&c->output, view, false);
    while ((status = cli_request_receive(c, &reply)) == CLI_EXIT_YES && !reply.final)
        if (c->output.form == CLI_OUTPUT_JSON || !is_bucket(&reply.line))
            cli_output_row(&c->output, &reply.line);
    cli_output_end(&c->output, status == CLI_EXIT_YES && reply.kind != ANSWER_ERR);
    return status == CLI_EXIT_YES ? cli_request_finish(c, &reply) : status;
}

/* Write nothing before everything was received: a part would look as if counters had vanished. */
static enum cli_exit show_metrics(struct cli_request *c)
{
    struct reply reply = { .final = false };
    struct cli_prometheus metrics = { .count = 0 };
    enum cli_exit status = cli_request_send(c);

    while (status == CLI_EXIT_YES && (status = cli_request_receive(c, &reply)) == CLI_EXIT_YES &&
           !reply.final)
        cli_prometheus_add(&metrics, &reply.line);
    if (status == CLI_EXIT_YES)
        status = cli_request_finish(c, &reply);
    if (status == CLI_EXIT_YES)
        cli_prometheus_write(&metrics, &c->output.bytes);
    cli_prometheus_free(&metrics);
    cli_output_flush(&c->output);
    return status;
}

enum cli_exit cli_stats(struct cli_request *c, const struct cli_view *view)
{
    return c->prometheus ? show_metrics(c) : show_rows(c, view);
}
