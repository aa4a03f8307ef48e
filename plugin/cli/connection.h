/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to the daemon.  Requests are queued; whenever the command waits, it both sends and
 * receives, so that neither side ever waits for the other to read. */
#ifndef JETON_PLUGIN_CLI_CONNECTION_H
#define JETON_PLUGIN_CLI_CONNECTION_H

#include <poll.h>

#include "plugin/cli/buffer.h"
#include "plugin/cli/server_trust.h"
#include "proto/limits.h"
#include "proto/reply.h"

enum { CLI_CONNECTION_BUFFER = 64 * 1024 }; /* for received bytes; longer than any line */

struct cli_connection {
    int fd;                               /* -1: not connected */
    int timeout;                          /* milliseconds to wait for any byte; -1: for ever */
    bool write_closed;                    /* the daemon reads no more */
    int descriptor;                       /* the last one received; -1: none */
    char distrust[CLI_SERVER_TRUST_TEXT]; /* why the server is not trusted; empty: it is */
    struct cli_buffer out;
    size_t begin; /* range of the bytes in `in` that are not taken yet */
    size_t end;
    char in[CLI_CONNECTION_BUFFER];
};

/* Connect to the socket at `path`, if its server can be trusted; 0 or -errno. */
int cli_connection_open(struct cli_connection *conn, const char *path);
void cli_connection_close(struct cli_connection *conn);

/* Queue bytes; they are sent while waiting. */
void cli_connection_queue(struct cli_connection *conn, struct slice bytes);

/* Take a received line, valid until the next one is taken.  Return 1; 0 if no line is complete;
 * -EPROTO if it is no line of a reply. */
int cli_connection_take(struct cli_connection *conn, struct reply *reply);

/* Send and receive as soon as either is possible, or return when `other` (or NULL) is ready.  Wait
 * up to `wait` milliseconds (-1: for ever).  Return 0; -ETIMEDOUT if nothing happened; -ECONNRESET
 * if the daemon has closed the connection and everything was received; or another -errno. */
int cli_connection_wait(struct cli_connection *conn, struct pollfd *other, int wait);

/* Wait for the next line and take it; 0 or -errno. */
int cli_connection_next(struct cli_connection *conn, struct reply *reply);

/* Return the message for people about an error of these functions. */
const char *cli_connection_strerror(int error);

#endif
