/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of stats have a name, a value, and whatever else tells lines of one name apart.  JSON shows
 * all of it as it is; elsewhere the rest is put behind the name, as labels in braces. */
#include "plugin/cli_stats.h"

#include "plugin/cli_metrics.h"
#include "plugin/cli_show.h"

enum { NAME_MAX_BYTES = 512 };

/* Buckets are for programs: people have the quantiles. */
static bool is_bucket(const struct line *line)
{
    return line_get(line, "le").at != NULL;
}

static void add(struct text *t, struct slice s)
{
    text_add(t, s.at, s.len);
}

/* The same line, whose name says everything but the value; the name lies in `room`. */
static struct line with_labels(const struct line *line, char room[NAME_MAX_BYTES])
{
    struct text name = text_in(room, NAME_MAX_BYTES - 1);
    struct line made = { .count = 0 };
    const char *before = "{";

    add(&name, line_get(line, "name"));
    for (size_t i = 0; i < line->count; i++) {
        const struct argument *a = &line->argument[i];
        if (slice_is(a->key, "name") || slice_is(a->key, "value"))
            continue;
        text_adds(&name, before);
        add(&name, a->key);
        text_addc(&name, '=');
        add(&name, a->value);
        before = ",";
    }
    if (*before == ',')
        text_addc(&name, '}');
    made.argument[made.count++] = (struct argument){ slice_of("name"), text_slice(&name) };
    made.argument[made.count++] = (struct argument){ slice_of("value"), line_get(line, "value") };
    return made;
}

static void show(struct cli *c, const struct line *line)
{
    char room[NAME_MAX_BYTES];

    if (c->output.form == CLI_JSON) {
        cli_output_row(&c->output, line);
    } else if (!is_bucket(line)) {
        struct line row = with_labels(line, room);
        cli_output_row(&c->output, &row);
    }
}

static enum cli_exit show_rows(struct cli *c, const struct cli_view *view)
{
    struct cli_reply reply = { .final = false };
    enum cli_exit status = cli_ask(c);

    if (status != CLI_YES)
        return status;
    cli_output_rows(&c->output, view, false);
    while ((status = cli_receive(c, &reply)) == CLI_YES && !reply.final)
        show(c, &reply.line);
    cli_output_end(&c->output, status == CLI_YES && reply.kind != ANSWER_ERR);
    return status == CLI_YES ? cli_conclude(&reply) : status;
}

/* Nothing is written before all is there: half of it would look like counters that vanished. */
static enum cli_exit show_metrics(struct cli *c)
{
    struct cli_reply reply = { .final = false };
    struct cli_metrics metrics = { .count = 0 };
    enum cli_exit status = cli_ask(c);

    while (status == CLI_YES && (status = cli_receive(c, &reply)) == CLI_YES && !reply.final)
        cli_metrics_add(&metrics, &reply.line);
    if (status == CLI_YES)
        status = cli_conclude(&reply);
    if (status == CLI_YES)
        cli_metrics_write(&metrics, &c->output.bytes);
    cli_metrics_free(&metrics);
    cli_output_flush(&c->output);
    return status;
}

enum cli_exit cli_stats(struct cli *c, const struct cli_view *view)
{
    return c->prometheus ? show_metrics(c) : show_rows(c, view);
}
