/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the command: what was asked for, and the conversation with the daemon about it. */
#ifndef JETON_PLUGIN_CLI_REQUEST_H
#define JETON_PLUGIN_CLI_REQUEST_H

#include "plugin/cli/output.h"
#include "plugin/cli/socket_path.h"

struct cli_request {
    /* From the command line. */
    const char *socket; /* NULL: choose one */
    bool json;
    bool plain;
    bool prometheus; /* of stats */
    bool read_value; /* ask for a value, or read it from standard input */
    bool keep_going;
    enum verb verb;
    const char **argument; /* words and key=value, without options */
    size_t arguments;

    bool sent;            /* the request was queued */
    const char *path;     /* of the socket in use */
    char id[ID_TEXT + 1]; /* the identifier whose first digits were given */
    struct cli_connection connection;
    struct cli_output output;
    struct cli_buffer line; /* the request, without its line end */
};

/* Closes the connection, and wipes and frees everything. */
void cli_request_free(struct cli_request *c);

/* The length of an argument's key, before its '='; 0: it is a word. */
size_t cli_request_key_length(const char *argument);

/* The value of an argument with this key, or NULL. */
const char *cli_request_argument(const struct cli_request *c, const char *key);

/* Builds the request's line: the verb, the arguments, and the value if one is to be read.
 * CLI_EXIT_YES, or another status after a message. */
enum cli_exit cli_request_build(struct cli_request *c);

/* Connects, unless connected, to a socket of the verb's role.  CLI_EXIT_YES, or another status
 * after a message. */
enum cli_exit cli_request_connect(struct cli_request *c);

/* Connects and queues the request.  CLI_EXIT_YES, or another status after a message. */
enum cli_exit cli_request_send(struct cli_request *c);

/* Waits for the next line of the reply.  CLI_EXIT_YES, or another status after a message. */
enum cli_exit cli_request_receive(struct cli_request *c, struct reply *reply);

/* Reports the refusal in a final line, if it is one; returns the exit status. */
enum cli_exit cli_request_finish(const struct reply *reply);

/* The exit status of a final line. */
enum cli_exit cli_request_exit(const struct reply *reply);

#endif
