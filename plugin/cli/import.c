/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/import.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

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
    bool stopped;                              /* a line was refused, or cannot be saved */
    bool skipping;                             /* skip the rest of a line that is too long */
    bool in_export;                            /* lines of an export came, and no OK line yet */
    uint64_t line;                             /* number of the last one parsed */
    struct in_flight in_flight[IN_FLIGHT_MAX]; /* a ring */
    unsigned first, count;                     /* of the ring */
    uint64_t imported, refused;
    uint64_t bans;       /* lines that ban something */
    uint64_t banned;     /* tokens that are banned there, and not imported */
    uint64_t in_part;    /* imports since the last OK line, which has a count */
    enum cli_exit worst; /* exit status so far */
};

static enum cli_exit run(struct import *im);
static void send_lines(struct import *im);
static enum cli_exit check_end(struct import *im);
static bool next_line(struct import *im, struct slice *line);
static void send_line(struct import *im, struct slice line);
static void read_input(struct import *im);
static int take_replies(struct import *im);
static void refuse(struct import *im, uint64_t line, struct slice message, enum cli_exit status);
static void refuse_locally(struct import *im, const char *why);
static void sum_up(const struct import *im);

enum cli_exit cli_import_lines(struct cli_request *c)
{
    struct import im = { .c = c };
    enum cli_exit status = cli_request_connect(c);

    if (status != CLI_EXIT_YES)
        return status;
    if (isatty(STDIN_FILENO))
        cli_message("reading lines to import from the terminal; press Ctrl-D to end");
    status = run(&im);
    im.worst = status > im.worst ? status : im.worst;
    cli_buffer_free(&im.in);
    sum_up(&im);
    return im.worst;
}

/* -- the loop --------------------------------------------------------------------------------- */

static bool may_send(const struct import *im)
{
    return !im->stopped && im->count < IN_FLIGHT_MAX && im->c->connection.out.len < QUEUE_MAX;
}

static enum cli_exit run(struct import *im)
{
    struct cli_request *c = im->c;
    int error = 0;

    while (error == 0) {
        send_lines(im);
        bool wants_more = may_send(im) && !im->at_end;
        if (im->count == 0 && !wants_more)
            return check_end(im);
        struct pollfd input = { .fd = wants_more ? STDIN_FILENO : -1, .events = POLLIN };
        error = cli_connection_wait(&c->connection, &input,
                                    im->count > 0 ? c->connection.timeout : -1);
        int taken = take_replies(im);
        error = taken < 0 ? taken : error;
        if (input.revents != 0)
            read_input(im);
        cli_message_progress("%llu imported", (unsigned long long)im->imported);
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
        im->line++;
        if (im->skipping)
            refuse_locally(im, "the line is too long");
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

    if (im->stopped || (!torn && !im->in_export))
        return CLI_EXIT_YES;
    if (torn) {
        im->line++;
        im->refused++;
        cli_message("line %llu: it has no line end, so it is not imported",
                    (unsigned long long)im->line);
    }
    cli_message(im->in_export ?
                    "the input was cut off: the line \"OK count=N\", which ends an export, is "
                    "missing" :
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

/* Take the last line of an export, and compare its count with the number of lines. */
static void end_export(struct import *im, struct slice line)
{
    struct slice word = take_word(&line);
    uint64_t count;

    if (slice_begins(word, "count=") &&
        number_parse((struct slice){ word.at + 6, word.len - 6 }, UINT64_MAX, &count)) {
        im->in_export = false;
        if (count != im->in_part) {
            cli_message("line %llu: the export had %llu tokens, but here are %llu",
                        (unsigned long long)im->line, (unsigned long long)count,
                        (unsigned long long)im->in_part);
            im->worst = CLI_EXIT_USAGE;
        }
    }
    im->in_part = 0;
}

static void push(struct import *im, const char *why, bool is_ban)
{
    im->in_flight[(im->first + im->count++) % IN_FLIGHT_MAX] = (struct in_flight){ im->line, why,
                                                                                   is_ban };
}

static void send_request(struct import *im, bool is_ban, struct slice arguments)
{
    static const struct slice import = SLICE("import "), ban = SLICE("ban "), end = SLICE("\n");

    cli_connection_queue(&im->c->connection, is_ban ? ban : import);
    cli_connection_queue(&im->c->connection, arguments);
    cli_connection_queue(&im->c->connection, end);
    push(im, NULL, is_ban);
    im->in_part++;
}

/* Send the line as an import or a ban, whatever it is: a file cannot ask for anything else. */
static void send_line(struct import *im, struct slice line)
{
    struct slice rest = line, word;

    if (line.len > 0 && line.at[line.len - 1] == '\r')
        rest.len = --line.len;
    word = take_word(&rest);
    if (word.len == 0 || word.at[0] == '#')
        return;
    if (slice_is(word, "*")) {
        line = rest;
        word = take_word(&rest);
        im->in_export = im->in_export || slice_is(word, "import") || slice_is(word, "ban");
    }
    if (slice_is(word, "OK"))
        end_export(im, rest);
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
        refuse(im, line.line, slice_of(line.why), CLI_EXIT_USAGE);
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
            im->stopped = true;
            return reply.kind == ANSWER_ERR ? 0 : -EPROTO;
        }
        struct in_flight line = pop(im);
        if (reply.kind == ANSWER_OK)
            *(line.is_ban ? &im->bans : &im->imported) += 1;
        else if (reply.status == STATUS_BANNED)
            im->banned++; /* as it should be */
        else
            refuse(im, line.line, line_get(&reply.line, "message"), cli_request_exit(&reply));
        report_local_refusals(im);
    }
    return taken;
}

static void refuse(struct import *im, uint64_t line, struct slice message, enum cli_exit status)
{
    struct cli_buffer b = { .at = NULL };
    bool silent = im->refused++ >= REFUSALS_SHOWN || im->worst == CLI_EXIT_UNAVAILABLE;

    im->worst = status > im->worst ? status : im->worst;
    im->stopped = im->stopped || !im->c->keep_going || status == CLI_EXIT_UNAVAILABLE;
    if (silent)
        return;
    cli_escape_put(&b, message, SIZE_MAX);
    cli_message("line %llu: %.*s%s", (unsigned long long)line, (int)b.len, b.len > 0 ? b.at : "",
                im->refused == REFUSALS_SHOWN ? "\nFurther refused lines are only counted." : "");
    cli_buffer_free(&b);
}

/* Queue the refusal, so that refusals are reported in the order of the lines. */
static void refuse_locally(struct import *im, const char *why)
{
    im->stopped = im->stopped || !im->c->keep_going;
    push(im, why, false);
    report_local_refusals(im);
}

static struct slice number_in(char text[24], uint64_t number)
{
    return (struct slice){ text, (size_t)snprintf(text, 24, "%llu", (unsigned long long)number) };
}

static const char *reason(const struct import *im)
{
    static const char *const reasons[] = {
        [CLI_EXIT_YES] = "",
        [CLI_EXIT_NO] = "refused",
        [CLI_EXIT_USAGE] = "refused",
        [CLI_EXIT_UNAVAILABLE] = "unavailable",
        [CLI_EXIT_FORBIDDEN] = "refused",
    };

    return reasons[im->worst];
}

static void sum_up(const struct import *im)
{
    char imported[24], refused[24], bans[24], banned[24], unknown[128] = "", stopped[160] = "",
                                                          denied[128] = "";
    unsigned last = (im->first + im->count + IN_FLIGHT_MAX - 1) % IN_FLIGHT_MAX;
    struct line line = { 4,
                         { { SLICE("imported"), number_in(imported, im->imported) },
                           { SLICE("refused"), number_in(refused, im->refused) },
                           { SLICE("bans"), number_in(bans, im->bans) },
                           { SLICE("banned"), number_in(banned, im->banned) } } };

    cli_message_progress_end();
    if (im->c->output.form == CLI_OUTPUT_JSON)
        cli_output_object(&im->c->output, NULL, &line, slice_of(reason(im)));
    if (im->count > 0)
        snprintf(unknown, sizeof(unknown),
                 "\nIt is not known whether lines %llu to %llu were imported.",
                 (unsigned long long)im->in_flight[im->first].line,
                 (unsigned long long)im->in_flight[last].line);
    else if (im->stopped)
        snprintf(stopped, sizeof(stopped), "\nStopped: the lines after line %llu were not read.%s",
                 (unsigned long long)im->line,
                 im->worst == CLI_EXIT_UNAVAILABLE ?
                     "" :
                     "  With --keep-going, refused lines are skipped.");
    cli_output_flush(&im->c->output);
    if (im->bans > 0 || im->banned > 0)
        snprintf(denied, sizeof(denied), "; %s ban%s, %s token%s not imported because banned", bans,
                 im->bans == 1 ? "" : "s", banned, im->banned == 1 ? "" : "s");
    (im->worst == CLI_EXIT_YES ? cli_message_remark :
                                 cli_message)("imported %s token%s, refused %s line%s%s%s%s",
                                              imported, im->imported == 1 ? "" : "s", refused,
                                              im->refused == 1 ? "" : "s", denied, unknown,
                                              stopped);
}
