/* SPDX-License-Identifier: Apache-2.0 */
/* Send one request and show its reply.  Each function returns the exit status. */
#ifndef JETON_PLUGIN_CLI_SHOW_H
#define JETON_PLUGIN_CLI_SHOW_H

#include "plugin/cli/request.h"

/* Show data lines as rows of the view. */
enum cli_exit cli_show_rows(struct cli_request *c, const struct cli_view *view);

/* Show the only data line, or else the final line, as an object. */
enum cli_exit cli_show_object(struct cli_request *c, const struct cli_view *view);

/* Show the final line as an object with a token's value.  If standard output is not a terminal,
 * write only the value to it. */
enum cli_exit cli_show_secret(struct cli_request *c, const struct cli_view *view);

/* Show the lines themselves, as `jeton import` reads them. */
enum cli_exit cli_show_lines(struct cli_request *c, const struct cli_view *view);

#endif
