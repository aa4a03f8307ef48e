/* SPDX-License-Identifier: Apache-2.0 */
/* Figures in Prometheus' text exposition format, version 0.0.4. */
#ifndef JETON_PLUGIN_CLI_PROMETHEUS_H
#define JETON_PLUGIN_CLI_PROMETHEUS_H

#include "plugin/cli/buffer.h"
#include "proto/line.h"

struct cli_sample {
    size_t name;   /* where it begins in `text`; all three end with a NUL */
    size_t labels; /* without braces; may be empty */
    size_t value;
    bool written;
};

/* All zero is empty. */
struct cli_metrics {
    size_t count;
    size_t room;
    struct cli_sample *sample;
    struct cli_buffer text;
};

/* A data line of stats: every key but name= and value= becomes a label. */
void cli_prometheus_add(struct cli_metrics *m, const struct line *line);

/* All of them, those of one metric together below its HELP and TYPE. */
void cli_prometheus_write(struct cli_metrics *m, struct cli_buffer *out);

void cli_prometheus_free(struct cli_metrics *m);

#endif
