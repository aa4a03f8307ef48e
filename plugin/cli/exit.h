/* SPDX-License-Identifier: Apache-2.0 */
/* The command's exit statuses; also what its functions return. */
#ifndef JETON_PLUGIN_CLI_EXIT_H
#define JETON_PLUGIN_CLI_EXIT_H

enum cli_exit {
    CLI_EXIT_YES = 0,         /* done, or yes */
    CLI_EXIT_NO = 1,          /* the answer is no */
    CLI_EXIT_USAGE = 2,       /* the command or its input is wrong */
    CLI_EXIT_UNAVAILABLE = 3, /* there is no answer, or it could not be written */
    CLI_EXIT_FORBIDDEN = 4,   /* no, though the token is good: for this it is not (HTTP 403) */
};

#endif
