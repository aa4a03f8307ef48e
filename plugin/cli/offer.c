/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/offer.h"

#include "plugin/cli/escape.h"

enum { DESCRIPTION_WIDTH = 80 };

void cli_offer(struct cli_buffer *out, struct slice current, const char *before, struct slice text,
               const char *after, struct slice description)
{
    struct cli_buffer made = { .at = NULL };

    cli_buffer_adds(&made, before);
    cli_buffer_add(&made, text.at, text.len);
    cli_buffer_adds(&made, after);
    if (made.len >= current.len && slice_equal(current, (struct slice){ made.at, current.len })) {
        cli_buffer_add(out, made.at, made.len);
        cli_buffer_addc(out, '\t');
        cli_escape_put(out, description, DESCRIPTION_WIDTH);
        cli_buffer_addc(out, '\n');
    }
    cli_buffer_free(&made);
}
