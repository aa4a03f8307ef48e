/* SPDX-License-Identifier: Apache-2.0 */
/* The only state is `last`, the position of the last entry shown.  It is known before the first
 * entry comes: a watch that is not given an epoch first asks for that, and for the newest entry. */
#include "plugin/cli/watch.h"

#include <errno.h>
#include <unistd.h>

#include "proto/position.h"

enum { RETRY_FIRST = 50, RETRY_MOST = 1000, STABLE = 5000 }; /* milliseconds */

struct watch {
    struct cli_request *c;
    struct position last; /* without an epoch if the daemon has none: an older version */
    bool resumed;         /* not the first connection */
    int64_t since;        /* when the connection was made */
    int retry;            /* milliseconds to wait before the next one */
    const char *why;      /* why the last connection was lost */
};

/* How one connection ended: another one is to be made, or the watch is over. */
enum outcome { LOST, ENDED };

static enum cli_exit find_last(struct watch *w, const char *after);
static enum cli_exit find_newest(struct watch *w, struct position *newest);
static enum outcome watch_once(struct watch *w, enum cli_exit *status);
static enum outcome take_line(struct watch *w, const struct reply *reply, enum cli_exit *status,
                              bool *finished);
static bool reconnect(struct watch *w);

enum cli_exit cli_watch(struct cli_request *c, const struct cli_view *view)
{
    struct watch w = { .c = c, .retry = RETRY_FIRST, .since = cli_message_clock() };
    enum cli_exit status = cli_request_connect(c);

    if (status == CLI_EXIT_YES)
        status = find_last(&w, cli_request_argument(c, key_name(KEY_AFTER)));
    if (status != CLI_EXIT_YES)
        return status;
    cli_output_rows(&c->output, view, true);
    while (watch_once(&w, &status) == LOST)
        if (!reconnect(&w))
            return CLI_EXIT_UNAVAILABLE;
    return status;
}

/* Find out after which entry to begin.  What `after` lacks to be a position, the daemon reports. */
static enum cli_exit find_last(struct watch *w, const char *after)
{
    struct position newest = { .serial = 0 };
    bool given = after != NULL && position_parse(slice_of(after), &w->last);

    if (after != NULL && (!given || w->last.epoch[0] != '\0'))
        return CLI_EXIT_YES;
    enum cli_exit status = find_newest(w, &newest);
    if (given)
        memcpy(w->last.epoch, newest.epoch, sizeof(newest.epoch));
    else
        w->last = newest;
    return status;
}

static void take_epoch(struct position *position, struct slice epoch)
{
    if (epoch.at != NULL && position_is_epoch(epoch))
        memcpy(position->epoch, epoch.at, EPOCH_TEXT);
}

static enum cli_exit find_newest(struct watch *w, struct position *newest)
{
    static const struct slice stats = SLICE("stats\n");
    struct reply reply;
    enum cli_exit status;
    bool found = false;

    cli_connection_queue(&w->c->connection, stats);
    while ((status = cli_request_receive(w->c, &reply)) == CLI_EXIT_YES && !reply.final) {
        struct slice name = line_get(&reply.line, "name"), value = line_get(&reply.line, "value");
        if (slice_is(name, "journal_newest"))
            found = number_parse(value, UINT64_MAX, &newest->serial);
        else if (slice_is(name, "epoch"))
            take_epoch(newest, value);
    }
    if (status == CLI_EXIT_YES)
        status = cli_request_finish(w->c, &reply);
    if (status != CLI_EXIT_YES || found)
        return status;
    cli_message("%s: the daemon's stats lack journal_newest", w->c->path);
    return CLI_EXIT_UNAVAILABLE;
}

/* -- one connection --------------------------------------------------------------------------- */

/* Send the request; the first time with the user's arguments, so that the daemon checks them. */
static void send_request(struct watch *w)
{
    static const struct slice watch = SLICE("watch"), end = SLICE("\n");
    char buffer[64];
    struct text after = text_in(buffer, sizeof(buffer));

    if (w->resumed || cli_request_argument(w->c, key_name(KEY_AFTER)) == NULL)
        text_addf(&after, " %s=%s%s%llu", key_name(KEY_AFTER), w->last.epoch,
                  w->last.epoch[0] != '\0' ? ":" : "", (unsigned long long)w->last.serial);
    cli_connection_queue(&w->c->connection, w->resumed ? watch : cli_buffer_slice(&w->c->line));
    cli_connection_queue(&w->c->connection, text_slice(&after));
    cli_connection_queue(&w->c->connection, end);
}

static bool is_unread(const struct pollfd *reader)
{
    return (reader->revents & (POLLERR | POLLHUP)) != 0;
}

static enum outcome fail(const struct watch *w, int error, enum cli_exit *status)
{
    cli_message("%s: %s", w->c->path, cli_connection_strerror(error));
    *status = CLI_EXIT_UNAVAILABLE;
    return ENDED;
}

static enum outcome watch_once(struct watch *w, enum cli_exit *status)
{
    struct cli_connection *conn = &w->c->connection;
    struct reply reply;
    bool finished = false;

    send_request(w);
    for (;;) {
        int taken = cli_connection_take(conn, &reply);
        if (taken < 0)
            return fail(w, taken, status);
        if (taken > 0) {
            enum outcome outcome = take_line(w, &reply, status, &finished);
            if (finished)
                return outcome;
            continue;
        }
        cli_output_flush(&w->c->output);
        struct pollfd reader = { .fd = STDOUT_FILENO };
        int error = cli_connection_wait(conn, &reader, -1);
        *status = CLI_EXIT_UNAVAILABLE;
        if (is_unread(&reader))
            return ENDED;
        if (error == -EPROTO)
            return fail(w, error, status);
        w->why = cli_connection_strerror(error);
        if (error != 0)
            return LOST;
    }
}

/* Handle the end of a watch: the daemon is stopping, or cannot do it now.  If it could do it
 * before, try again. */
static enum outcome take_final(struct watch *w, const struct reply *reply, enum cli_exit *status)
{
    w->why = "it is stopping";
    if (reply->kind == ANSWER_OK)
        return LOST;
    if (w->resumed && reply->status != STATUS_COUNT && status_row(reply->status)->retry) {
        w->why = status_row(reply->status)->meaning;
        return LOST;
    }
    *status = cli_request_finish(w->c, reply);
    return ENDED;
}

static enum outcome take_line(struct watch *w, const struct reply *reply, enum cli_exit *status,
                              bool *finished)
{
    uint64_t serial;

    *finished = reply->final;
    if (reply->final)
        return take_final(w, reply, status);
    if (!number_parse(line_get(&reply->line, "serial"), UINT64_MAX, &serial)) {
        *finished = true;
        return fail(w, -EPROTO, status);
    }
    take_epoch(&w->last, line_get(&reply->line, "epoch"));
    if (serial > w->last.serial) {
        cli_output_row(&w->c->output, &reply->line);
        w->last.serial = serial;
        w->retry = RETRY_FIRST;
    }
    return LOST;
}

/* -- reconnecting ----------------------------------------------------------------------------- */

/* Connect again; false if nobody reads standard output any more. */
static bool reconnect(struct watch *w)
{
    struct cli_request *c = w->c;

    cli_output_flush(&c->output);
    cli_message("jetond is away (%s); waiting for it", w->why);
    if (cli_message_clock() - w->since > STABLE)
        w->retry = RETRY_FIRST;
    do {
        struct pollfd reader = { .fd = STDOUT_FILENO };
        cli_connection_close(&c->connection);
        if (poll(&reader, 1, w->retry) > 0 && is_unread(&reader))
            return false;
        w->retry = w->retry * 2 < RETRY_MOST ? w->retry * 2 : RETRY_MOST;
    } while (cli_connection_open(&c->connection, c->path) != 0);
    w->resumed = true;
    w->since = cli_message_clock();
    cli_message("jetond is back; going on after entry %llu", (unsigned long long)w->last.serial);
    return true;
}
