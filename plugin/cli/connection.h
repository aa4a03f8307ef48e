/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to the daemon: requests are queued, replies taken, and while we wait both move, so
 * that neither side ever waits for the other to read. */
#ifndef JETON_PLUGIN_CLI_CONNECTION_H
#define JETON_PLUGIN_CLI_CONNECTION_H

#include <poll.h>

#include "plugin/cli/buffer.h"
#include "proto/limits.h"
#include "proto/line.h"

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

/* One line of a reply.  Its slices are good until the next one is taken. */
struct cli_reply {
    bool final;            /* not a data line */
    enum answer_kind kind; /* of a final line */
    enum status status;    /* ... STATUS_COUNT: a word we do not know */
    struct slice word;     /* ... the reason or code */
    struct line line;      /* what follows "*", or the final line as a whole */
};

/* Connects; 0 or -errno. */
int cli_connection_open(struct cli_connection *l, const char *path);
void cli_connection_close(struct cli_connection *l);

/* Queues bytes; they go out while we wait. */
void cli_connection_put(struct cli_connection *l, struct slice bytes);

/* Takes a line that has come: 1; 0 if none has, whole; -EPROTO if it is none of the protocol. */
int cli_connection_take(struct cli_connection *l, struct cli_reply *reply);

/* Waits up to `wait` milliseconds (-1: for ever) until bytes have moved or something is the matter
 * with `other`, which may be NULL.  0; -ETIMEDOUT if nothing was; -ECONNRESET if the daemon has
 * closed and everything was received; another -errno. */
int cli_connection_wait(struct cli_connection *l, struct pollfd *other, int wait);

/* Waits for the next line; 0 or -errno. */
int cli_connection_next(struct cli_connection *l, struct cli_reply *reply);

/* What such an error means, for people. */
const char *cli_connection_why(int error);

#endif
