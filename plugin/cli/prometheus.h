/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics in Prometheus' text exposition format, version 0.0.4. */
#ifndef JETON_PLUGIN_CLI_PROMETHEUS_H
#define JETON_PLUGIN_CLI_PROMETHEUS_H

#include "plugin/cli/buffer.h"
#include "proto/line.h"

struct cli_prometheus_sample {
    size_t name;   /* an offset in `text`, like those below; each ends with a NUL */
    size_t labels; /* without braces; may be empty */
    size_t value;
    bool written;
};

/* The samples of one reply.  All zero: none. */
struct cli_prometheus {
    size_t count;
    size_t cap;
    struct cli_prometheus_sample *sample;
    struct cli_buffer text;
};

/* Add a data line of stats; every key but name= and value= becomes a label. */
void cli_prometheus_add(struct cli_prometheus *m, const struct line *line);

/* Write all samples, those of one metric together below its HELP and TYPE. */
void cli_prometheus_write(struct cli_prometheus *m, struct cli_buffer *out);

void cli_prometheus_free(struct cli_prometheus *m);

#endif
