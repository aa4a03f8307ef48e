/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to the daemon: requests are queued, replies taken, and while we wait both move, so
 * that neither side ever waits for the other to read. */
#ifndef JETON_PLUGIN_CLI_CONNECTION_H
#define JETON_PLUGIN_CLI_CONNECTION_H

#include <poll.h>

#include "plugin/cli/buffer.h"
#include "proto/limits.h"
#include "proto/reply.h"

enum { CLI_CONNECTION_ROOM = 64 * 1024 }; /* of what is received; a line never has that much */

struct cli_connection {
    int fd;         /* -1: not connected */
    int patience;   /* milliseconds of silence that are borne; -1: any */
    bool deaf;      /* the daemon takes in nothing more */
    int descriptor; /* the last one that came; -1: none */
    struct cli_buffer out;
    size_t begin; /* `in` between these has not been taken */
    size_t end;
    char in[CLI_CONNECTION_ROOM];
};

/* Connects; 0 or -errno. */
int cli_connection_open(struct cli_connection *l, const char *path);
void cli_connection_close(struct cli_connection *l);

/* Queues bytes; they go out while we wait. */
void cli_connection_put(struct cli_connection *l, struct slice bytes);

/* Takes a line that has come, valid until the next one is taken.  Returns 1; 0 if no line is complete;
 * -EPROTO if it is no line of a reply. */
int cli_connection_take(struct cli_connection *l, struct reply *reply);

/* Waits up to `wait` milliseconds (-1: for ever) until bytes have moved or something is the matter
 * with `other`, which may be NULL.  0; -ETIMEDOUT if nothing was; -ECONNRESET if the daemon has
 * closed and everything was received; another -errno. */
int cli_connection_wait(struct cli_connection *l, struct pollfd *other, int wait);

/* Waits for the next line; 0 or -errno. */
int cli_connection_next(struct cli_connection *l, struct reply *reply);

/* What such an error means, for people. */
const char *cli_connection_why(int error);

#endif
