/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/trace.h"

#include "plugin/cli/show.h"

static enum cli_exit show_blocks(struct cli_request *c)
{
    struct reply reply = { .final = false };
    struct cli_buffer *b = &c->output.bytes;
    enum cli_exit status = cli_request_send(c);
    bool more = false;

    while (status == CLI_EXIT_YES && (status = cli_request_receive(c, &reply)) == CLI_EXIT_YES &&
           !reply.final) {
        if (more)
            cli_buffer_addc(b, '\n');
        more = true;
        cli_output_block(b, &reply.line, NULL, c->output.colours);
        cli_output_flush(&c->output);
    }
    return status == CLI_EXIT_YES ? cli_request_finish(c, &reply) : status;
}

enum cli_exit cli_trace(struct cli_request *c, const struct cli_view *view)
{
    return c->output.form == CLI_OUTPUT_HUMAN ? show_blocks(c) : cli_show_rows(c, view);
}
