/* SPDX-License-Identifier: Apache-2.0 */
/* One call of the command: what is wanted, and the dialogue with the daemon about it. */
#ifndef JETON_PLUGIN_CLI_REQUEST_H
#define JETON_PLUGIN_CLI_REQUEST_H

#include "plugin/cli/output.h"
#include "plugin/cli/socket_path.h"

struct cli {
    /* What the arguments say. */
    const char *socket; /* NULL: choose one */
    bool json;
    bool plain;
    bool prometheus;  /* of stats */
    bool reads_value; /* it is asked for, or read from standard input */
    bool keeps_going;
    enum verb verb;
    const char **argument; /* words and key=value, without options */
    size_t arguments;

    bool asked;           /* the prepared request is on its way */
    const char *path;     /* of the socket in use */
    char id[ID_TEXT + 1]; /* that a prefix stood for */
    struct cli_connection link;
    struct cli_output output;
    struct cli_buffer request;
};

/* Closes and wipes all of it. */
void cli_free(struct cli *c);

/* The length of an argument's key, before its '='; 0: it is a word. */
size_t cli_key_length(const char *argument);

/* The value of an argument with this key, or NULL. */
const char *cli_argument(const struct cli *c, const char *key);

/* Puts the request together, without its line end: the verb, the arguments, and the value if one
 * is to be read.  CLI_YES, or said why not. */
enum cli_exit cli_prepare(struct cli *c);

/* Connects if there is no connection yet; for the verb's own role.  CLI_YES, or said why not. */
enum cli_exit cli_connect(struct cli *c);

/* Sends the prepared request.  CLI_YES, or said why not. */
enum cli_exit cli_ask(struct cli *c);

/* Waits for a line of the reply.  CLI_YES, or said what is the matter. */
enum cli_exit cli_receive(struct cli *c, struct reply *reply);

/* Says what a final line refuses, if it does; what that means for the exit status. */
enum cli_exit cli_conclude(const struct reply *reply);

/* The same, without saying it. */
enum cli_exit cli_exit_of(const struct reply *reply);

#endif
