/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/import.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "plugin/cli/import_counts.h"
#include "plugin/cli/import_format.h"
#include "plugin/cli/import_part.h"
#include "plugin/cli/show.h"

enum {
    IN_FLIGHT_MAX = 256,    /* lines without a reply; the daemon accepts 512 at once */
    QUEUE_MAX = 64 * 1024,  /* bytes not sent yet, before more input is read */
    INPUT_STEP = 64 * 1024, /* bytes read at once; a longer line is refused */
    REFUSALS_SHOWN = 100,
};

/* A line without a reply; or one that is refused locally, once the lines before it are answered. */
struct in_flight {
    uint64_t line;
    const char *why; /* why it is refused locally; or NULL */
    bool is_ban;
};

struct import {
    struct cli_request *c;
    struct cli_buffer in; /* input; the lines from `parsed` on are not parsed yet */
    size_t parsed;
    bool at_end;                               /* of the input */
    bool asked;                                /* a request was sent */
    bool skipping;                             /* skip the rest of a line that is too long */
    struct in_flight in_flight[IN_FLIGHT_MAX]; /* a ring */
    unsigned first, count;                     /* of the ring */
    struct import_part part;
    struct import_converter converter; /* of another format than jeton's own */
    struct import_counts counts;       /* stopped: a line was refused, or cannot be saved */
    enum cli_exit worst;               /* exit status so far */
};

static enum cli_exit run(struct import *im);
static void send_lines(struct import *im);
static enum cli_exit check_end(struct import *im);
static bool next_line(struct import *im, struct slice *line);
static void send_line(struct import *im, struct slice line);
static void convert_line(struct import *im, struct slice line);
static void read_input(struct import *im);
static int take_replies(struct import *im);
static void refuse(struct import *im, uint64_t number, const struct line *reason,
                   enum cli_exit status);
static void refuse_locally(struct import *im, const char *why);

const char *cli_import_set_format(struct cli_request *c, const char *name)
{
    static char fault[128];

    c->import_format = import_format_named(name);
    if (c->import_format != NULL)
        return NULL;
    snprintf(fault, sizeof(fault), "a format is %s", import_format_names);
    return fault;
}

/* True unless the line read last was the last one. */
static bool has_more_input(struct import *im)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

    while (!im->at_end && im->parsed == im->in.len && poll(&input, 1, 0) == 1)
        read_input(im);
    return !im->at_end || im->parsed < im->in.len;
}

static void sum_up(struct import *im)
{
    unsigned last = (im->first + im->count + IN_FLIGHT_MAX - 1) % IN_FLIGHT_MAX;

    if (im->count > 0) {
        im->counts.unknown_from = im->in_flight[im->first].line;
        im->counts.unknown_to = im->in_flight[last].line;
    }
    im->counts.unread = im->counts.stopped && has_more_input(im);
    import_format_advise(&im->converter);
    import_counts_sum_up(&im->counts, im->c, im->worst);
}

static enum cli_exit import_lines(struct cli_request *c)
{
    struct import im = { .c = c, .converter.format = c->import_format };
    enum cli_exit status = cli_request_connect(c);

    if (status != CLI_EXIT_YES)
        return status;
    if (isatty(STDIN_FILENO))
        cli_message("reading lines to import from the terminal; press Ctrl-D to end");
    status = run(&im);
    im.worst = status > im.worst ? status : im.worst;
    sum_up(&im);
    cli_buffer_free(&im.in);
    import_format_free(&im.converter);
    return im.worst;
}

enum cli_exit cli_import(struct cli_request *c, const struct cli_view *view)
{
    return c->arguments > 0 || c->read_value ? cli_show_object(c, view) : import_lines(c);
}

/* Ask whether the socket grants imports, by one without arguments, which does nothing: that is not
 * known where there was no line. */
static enum cli_exit check_granted(struct import *im)
{
    struct reply reply = { .final = false };
    enum cli_exit status = im->asked ? CLI_EXIT_YES : cli_request_send(im->c);

    while (!im->asked && status == CLI_EXIT_YES && !reply.final)
        status = cli_request_receive(im->c, &reply);
    return !im->asked && status == CLI_EXIT_YES && reply.status == STATUS_FORBIDDEN ?
               cli_request_finish(im->c, &reply) :
               status;
}

/* -- the loop --------------------------------------------------------------------------------- */

static bool may_send(const struct import *im)
{
    return !im->counts.stopped && im->count < IN_FLIGHT_MAX &&
           im->c->connection.out.len < QUEUE_MAX;
}

static enum cli_exit run(struct import *im)
{
    struct cli_request *c = im->c;
    int error = 0;

    while (error == 0) {
        send_lines(im);
        bool wants_more = may_send(im) && !im->at_end;
        if (im->count == 0 && !wants_more) {
            enum cli_exit granted = check_granted(im), status = check_end(im);
            return status > granted ? status : granted;
        }
        struct pollfd input = { .fd = wants_more ? STDIN_FILENO : -1, .events = POLLIN };
        error = cli_connection_wait(&c->connection, &input,
                                    im->count > 0 ? c->connection.timeout : -1);
        int taken = take_replies(im);
        error = taken < 0 ? taken : error;
        if (input.revents != 0)
            read_input(im);
        import_counts_progress(&im->counts);
    }
    if (im->worst != CLI_EXIT_UNAVAILABLE)
        cli_message("%s: %s", c->path, cli_connection_strerror(error));
    return CLI_EXIT_UNAVAILABLE;
}

/* Read the input that is available.  A regular file is always ready. */
static void read_input(struct import *im)
{
    cli_buffer_drop(&im->in, im->parsed);
    im->parsed = 0;
    struct text space = cli_buffer_reserve(&im->in, INPUT_STEP);
    ssize_t got = read(STDIN_FILENO, space.at, INPUT_STEP);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got < 0) {
        cli_message("cannot read standard input: %s", strerror(errno));
        im->worst = CLI_EXIT_USAGE;
    }
    im->at_end = got <= 0;
    space.len = got > 0 ? (size_t)got : 0;
    cli_buffer_commit(&im->in, &space);
}

/* -- lines ------------------------------------------------------------------------------------ */

static void send_lines(struct import *im)
{
    struct slice line;

    while (may_send(im) && next_line(im, &line)) {
        im->counts.line++;
        if (im->skipping)
            refuse_locally(im, "the line is too long");
        else if (im->converter.format != NULL)
            convert_line(im, line);
        else
            send_line(im, line);
        im->skipping = false;
    }
}

static bool next_line(struct import *im, struct slice *line)
{
    size_t left = im->in.len - im->parsed;
    const char *at = left > 0 ? im->in.at + im->parsed : NULL;
    const char *end = left > 0 ? memchr(at, '\n', left) : NULL;

    if (end == NULL) {
        im->skipping = im->skipping || left > INPUT_STEP;
        im->parsed += im->skipping ? left : 0;
        return false;
    }
    *line = (struct slice){ at, (size_t)(end - at) };
    im->parsed += line->len + 1;
    return true;
}

/* Check whether the input was cut off.  In a line without its end, ` revoked=` may be missing, and
 * in an export without its last line, the tokens that were revoked last. */
static enum cli_exit check_end(struct import *im)
{
    bool torn = im->in.len > im->parsed || im->skipping;
    const char *fault = import_format_end(&im->converter);

    if (im->counts.stopped || (!torn && !im->part.begun && fault == NULL))
        return CLI_EXIT_YES;
    if (torn) {
        im->counts.line++;
        im->counts.refused++;
        cli_message("line %llu: it has no line end, so it is not imported",
                    (unsigned long long)im->counts.line);
    }
    if (im->c->partial && fault == NULL)
        return CLI_EXIT_YES;
    if (fault != NULL)
        cli_message("the input was cut off: %s", fault);
    else
        cli_message(im->part.begun ?
                        "the input was cut off: the line \"OK count=N\", which ends an export, is "
                        "missing (--partial takes a part of an export)" :
                        "the input was cut off");
    return CLI_EXIT_USAGE;
}

/* Take the first word off the line, with the spaces before it. */
static struct slice take_word(struct slice *line)
{
    size_t begin = 0, end;

    while (begin < line->len && line->at[begin] == ' ')
        begin++;
    for (end = begin; end < line->len && line->at[end] != ' ';)
        end++;
    struct slice word = { line->at + begin, end - begin };
    *line = (struct slice){ line->at + end, line->len - end };
    return word;
}

static void push(struct import *im, const char *why, bool is_ban)
{
    im->in_flight[(im->first + im->count++) % IN_FLIGHT_MAX] = (struct in_flight){ im->counts.line,
                                                                                   why, is_ban };
}

static void send_request(struct import *im, bool is_ban, struct slice arguments)
{
    static const struct slice import = SLICE("import "), ban = SLICE("ban "), end = SLICE("\n");

    cli_connection_queue(&im->c->connection, is_ban ? ban : import);
    cli_connection_queue(&im->c->connection, arguments);
    cli_connection_queue(&im->c->connection, end);
    push(im, NULL, is_ban);
    im->asked = true;
    im->part.lines++;
}

static void end_part(struct import *im, struct slice arguments)
{
    enum cli_exit status = import_part_end(&im->part, arguments, im->counts.line, im->c->partial);

    im->worst = status > im->worst ? status : im->worst;
}

/* Send what a line of another format means. */
static void convert_line(struct import *im, struct slice line)
{
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    switch (import_format_convert(&im->converter, line)) {
    case IMPORT_LINE:
        send_request(im, false, cli_buffer_slice(&im->converter.out));
        break;
    case IMPORT_NOTHING:
        break;
    case IMPORT_REFUSED:
        im->counts.stopped = im->counts.stopped || im->converter.fatal;
        refuse_locally(im, im->converter.why);
        break;
    case IMPORT_UNJUDGED:
        im->counts.refused++;
        im->worst = im->worst > CLI_EXIT_NO ? im->worst : CLI_EXIT_NO;
        break;
    }
}

/* Send the line as an import or a ban, whatever it is: a file cannot ask for anything else. */
static void send_line(struct import *im, struct slice line)
{
    struct slice rest = line, whole, word;

    if (line.len > 0 && line.at[line.len - 1] == '\r')
        rest.len = --line.len;
    whole = line;
    word = take_word(&rest);
    if (word.len == 0 || word.at[0] == '#')
        return;
    if (slice_is(word, "*")) {
        line = rest;
        word = take_word(&rest);
        if (slice_is(word, "import") || slice_is(word, "ban"))
            import_part_add(&im->part, whole);
    }
    if (slice_is(word, "OK"))
        end_part(im, rest);
    else if (slice_is(word, "import") || slice_is(word, "ban"))
        send_request(im, slice_is(word, "ban"), rest);
    else if (word.len > 0 && memchr(word.at, '=', word.len) != NULL)
        send_request(im, false, line);
    else
        refuse_locally(im, "the line is not one of an export");
}

/* -- replies ---------------------------------------------------------------------------------- */

static struct in_flight pop(struct import *im)
{
    struct in_flight oldest = im->in_flight[im->first];

    im->first = (im->first + 1) % IN_FLIGHT_MAX;
    im->count--;
    return oldest;
}

/* Report lines that were refused locally as soon as all lines before them are answered. */
static void report_local_refusals(struct import *im)
{
    while (im->count > 0 && im->in_flight[im->first].why != NULL) {
        struct in_flight line = pop(im);
        struct line reason = { 1, { { SLICE("message"), slice_of(line.why) } } };
        refuse(im, line.line, &reason, CLI_EXIT_USAGE);
    }
}

static int take_replies(struct import *im)
{
    struct reply reply;
    int taken;

    while ((taken = cli_connection_take(&im->c->connection, &reply)) > 0) {
        if (!reply.final)
            continue;
        if (im->count == 0) { /* the daemon refused the connection */
            cli_request_finish(im->c, &reply);
            im->worst = CLI_EXIT_UNAVAILABLE;
            im->counts.stopped = true;
            return reply.kind == ANSWER_ERR ? 0 : -EPROTO;
        }
        struct in_flight line = pop(im);
        if (!import_counts_add(&im->counts, &reply, line.is_ban))
            refuse(im, line.line, &reply.line, cli_request_exit(&reply));
        report_local_refusals(im);
    }
    return taken;
}

static void refuse(struct import *im, uint64_t number, const struct line *reason,
                   enum cli_exit status)
{
    struct cli_buffer b = { .at = NULL };
    bool silent = im->counts.refused++ >= REFUSALS_SHOWN || im->worst == CLI_EXIT_UNAVAILABLE;

    im->worst = status > im->worst ? status : im->worst;
    im->counts.stopped = im->counts.stopped || !im->c->keep_going || status == CLI_EXIT_UNAVAILABLE;
    if (silent)
        return;
    cli_escape_put(&b, line_get(reason, "message"), SIZE_MAX);
    cli_request_put_fields(&b, reason);
    cli_message("line %llu: %.*s%s", (unsigned long long)number, (int)b.len, b.len > 0 ? b.at : "",
                im->counts.refused == REFUSALS_SHOWN ? "\nFurther refused lines are only counted." :
                                                       "");
    cli_buffer_free(&b);
}

/* Queue the refusal, so that refusals are reported in the order of the lines. */
static void refuse_locally(struct import *im, const char *why)
{
    im->counts.stopped = im->counts.stopped || !im->c->keep_going;
    push(im, why, false);
    report_local_refusals(im);
}
