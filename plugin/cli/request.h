/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the command: what was asked for, and the conversation with the daemon about it. */
#ifndef JETON_PLUGIN_CLI_REQUEST_H
#define JETON_PLUGIN_CLI_REQUEST_H

#include "plugin/cli/output.h"
#include "plugin/cli/socket_path.h"

struct cli_request {
    /* Set from the command line. */
    const char *socket; /* NULL: choose one */
    bool json;
    bool plain;
    bool csv;
    bool quiet; /* write no remarks */
    bool utc;
    bool help;
    bool version;
    bool verbose;    /* name the socket */
    bool prometheus; /* of stats */
    bool read_value; /* ask for a value, or read it from standard input */
    bool keep_going;
    bool yes;                                  /* a change of many tokens is confirmed */
    bool partial;                              /* of import: the input may be a part of an export */
    const struct import_format *import_format; /* of import; NULL: lines of an export */
    struct {
        const char *listen, *origin, *idle; /* NULL: not given */
        bool no_browser;
    } web; /* of web, which checks them */
    enum verb verb;
    const char *usage;     /* of the verb, as the command takes it */
    const char **argument; /* words and key=value, without options */
    size_t arguments;
    char **kept; /* arguments that were made, to be freed */
    size_t kept_count;

    bool sent;        /* the request was queued */
    const char *path; /* path of the socket in use */
    struct cli_connection connection;
    struct cli_output output;
    struct cli_buffer line; /* the request, without its line end */
};

/* Close the connection, and wipe and free everything. */
void cli_request_free(struct cli_request *c);

/* Return the length of an argument's key, before its '='; 0 if the argument is a word. */
size_t cli_request_key_length(const char *argument);

/* Return the value of an argument with this key, or NULL. */
const char *cli_request_argument(const struct cli_request *c, const char *key);

/* Take over an argument that was made with malloc(); return it. */
const char *cli_request_keep(struct cli_request *c, char *made);

/* Build the request's line: the verb, the arguments, and the value if one is to be read.  Return
 * CLI_EXIT_YES, or another status after a message. */
enum cli_exit cli_request_build(struct cli_request *c);

/* Connect, unless connected, to a socket of the verb's role.  Return CLI_EXIT_YES, or another
 * status after a message. */
enum cli_exit cli_request_connect(struct cli_request *c);

/* Connect and queue the request.  Return CLI_EXIT_YES, or another status after a message. */
enum cli_exit cli_request_send(struct cli_request *c);

/* Wait for the next line of the reply.  Return CLI_EXIT_YES, or another status after a message. */
enum cli_exit cli_request_receive(struct cli_request *c, struct reply *reply);

/* If the final line is a refusal, report it; usage that it shows as the command takes it.  Return the
 * exit status. */
enum cli_exit cli_request_finish(const struct cli_request *c, const struct reply *reply);

/* Add the fields of a refusal, without its message: " (key=value ...)", or nothing if there are none. */
void cli_request_put_fields(struct cli_buffer *b, const struct line *line);

/* Return the exit status of a final line. */
enum cli_exit cli_request_exit(const struct reply *reply);

#endif
