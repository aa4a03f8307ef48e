/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/import.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
    WINDOW = 256,           /* lines on their way; the daemon takes 512 at once */
    QUEUE_MAX = 64 * 1024,  /* bytes not yet sent, before more are read */
    INPUT_STEP = 64 * 1024, /* read at once; more without a line end is no line */
    REFUSALS_SHOWN = 100,
};

/* A line on its way; or one that we refuse ourselves, when its turn has come. */
struct flight {
    uint64_t line;
    const char *why;
};

struct import {
    struct cli *c;
    struct cli_buffer in; /* read, not yet looked at from `looked` on */
    size_t looked;
    bool at_end;                  /* of the input */
    bool stopped;                 /* a line was refused, or cannot be saved */
    bool skipping;                /* the rest of an endless line */
    uint64_t line;                /* number of the last one looked at */
    struct flight flight[WINDOW]; /* a ring */
    unsigned first, flying;
    uint64_t imported, refused;
    uint64_t in_part; /* imports since the last line with a count */
    enum cli_exit worst;
};

static enum cli_exit run(struct import *im);
static void take_lines(struct import *im);
static bool next_line(struct import *im, struct slice *line);
static void take_line(struct import *im, struct slice line);
static void fill(struct import *im);
static int take_replies(struct import *im);
static void refuse(struct import *im, uint64_t line, struct slice message, enum cli_exit status);
static void refuse_ourselves(struct import *im, const char *why);
static void sum_up(const struct import *im);

enum cli_exit cli_import_lines(struct cli *c)
{
    struct import im = { .c = c };
    enum cli_exit status = cli_connect(c);

    if (status != CLI_YES)
        return status;
    if (isatty(STDIN_FILENO))
        cli_message("reading lines to import from the terminal; Ctrl-D ends them");
    status = run(&im);
    im.worst = status > im.worst ? status : im.worst;
    cli_buffer_free(&im.in);
    sum_up(&im);
    return im.worst;
}

/* -- moving ---------------------------------------------------------------------------------- */

static bool has_room(const struct import *im)
{
    return !im->stopped && im->flying < WINDOW && im->c->link.out.len < QUEUE_MAX;
}

static enum cli_exit run(struct import *im)
{
    struct cli *c = im->c;
    int error = 0;

    while (error == 0) {
        take_lines(im);
        bool wants_more = has_room(im) && !im->at_end;
        if (im->flying == 0 && !wants_more)
            return CLI_YES;
        struct pollfd input = { .fd = wants_more ? STDIN_FILENO : -1, .events = POLLIN };
        error = cli_connection_wait(&c->link, &input, im->flying > 0 ? c->link.patience : -1);
        int taken = take_replies(im);
        error = taken < 0 ? taken : error;
        if (input.revents != 0)
            fill(im);
        cli_message_progress("%llu imported", (unsigned long long)im->imported);
    }
    if (im->worst != CLI_UNAVAILABLE)
        cli_message("%s: %s", c->path, cli_connection_why(error));
    return CLI_UNAVAILABLE;
}

/* Reads what there is; a regular file is always ready. */
static void fill(struct import *im)
{
    cli_buffer_drop(&im->in, im->looked);
    im->looked = 0;
    struct text room = cli_buffer_reserve(&im->in, INPUT_STEP);
    ssize_t got = read(STDIN_FILENO, room.at, INPUT_STEP);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got < 0) {
        cli_message("cannot read standard input: %s", strerror(errno));
        im->worst = CLI_USAGE;
    }
    im->at_end = got <= 0;
    room.len = got > 0 ? (size_t)got : 0;
    cli_buffer_commit(&im->in, &room);
    if (im->at_end && (im->in.len > 0 || im->skipping))
        cli_buffer_addc(&im->in, '\n');
}

/* -- lines ----------------------------------------------------------------------------------- */

static void take_lines(struct import *im)
{
    struct slice line;

    while (has_room(im) && next_line(im, &line)) {
        im->line++;
        if (im->skipping)
            refuse_ourselves(im, "longer than any line may be");
        else
            take_line(im, line);
        im->skipping = false;
    }
}

static bool next_line(struct import *im, struct slice *line)
{
    size_t left = im->in.len - im->looked;
    const char *at = left > 0 ? im->in.at + im->looked : NULL;
    const char *end = left > 0 ? memchr(at, '\n', left) : NULL;

    if (end == NULL) {
        im->skipping = im->skipping || left > INPUT_STEP;
        im->looked += im->skipping ? left : 0;
        return false;
    }
    *line = (struct slice){ at, (size_t)(end - at) };
    im->looked += line->len + 1;
    return true;
}

/* The word at the front, taken off with the spaces around it. */
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

/* The last line of an export says how many there were. */
static void check_count(struct import *im, struct slice line)
{
    struct slice word = take_word(&line);
    uint64_t count;

    if (slice_begins(word, "count=") &&
        number_parse((struct slice){ word.at + 6, word.len - 6 }, UINT64_MAX, &count) &&
        count != im->in_part) {
        cli_message("line %llu: the export had %llu tokens, but here are %llu",
                    (unsigned long long)im->line, (unsigned long long)count,
                    (unsigned long long)im->in_part);
        im->worst = CLI_USAGE;
    }
    im->in_part = 0;
}

static void depart(struct import *im, const char *why)
{
    im->flight[(im->first + im->flying++) % WINDOW] = (struct flight){ im->line, why };
}

static void send_import(struct import *im, struct slice arguments)
{
    static const struct slice verb = SLICE("import "), end = SLICE("\n");

    cli_connection_put(&im->c->link, verb);
    cli_connection_put(&im->c->link, arguments);
    cli_connection_put(&im->c->link, end);
    depart(im, NULL);
    im->in_part++;
}

/* Whatever else a file holds, it asks for imports only. */
static void take_line(struct import *im, struct slice line)
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
    }
    if (slice_is(word, "OK"))
        check_count(im, rest);
    else if (slice_is(word, "import"))
        send_import(im, rest);
    else if (word.len > 0 && memchr(word.at, '=', word.len) != NULL)
        send_import(im, line);
    else
        refuse_ourselves(im, "not a line to import");
}

/* -- replies --------------------------------------------------------------------------------- */

static struct flight arrive(struct import *im)
{
    struct flight flight = im->flight[im->first];

    im->first = (im->first + 1) % WINDOW;
    im->flying--;
    return flight;
}

/* Deals with those whose turn it is and that no reply will come for. */
static void settle(struct import *im)
{
    while (im->flying > 0 && im->flight[im->first].why != NULL) {
        struct flight flight = arrive(im);
        refuse(im, flight.line, slice_of(flight.why), CLI_USAGE);
    }
}

static int take_replies(struct import *im)
{
    struct reply reply;
    int taken;

    while ((taken = cli_connection_take(&im->c->link, &reply)) > 0) {
        if (!reply.final)
            continue;
        if (im->flying == 0) { /* turned away */
            cli_conclude(&reply);
            im->worst = CLI_UNAVAILABLE;
            im->stopped = true;
            return reply.kind == ANSWER_ERR ? 0 : -EPROTO;
        }
        uint64_t line = arrive(im).line;
        if (reply.kind == ANSWER_OK)
            im->imported++;
        else
            refuse(im, line, line_get(&reply.line, "message"), cli_exit_of(&reply));
        settle(im);
    }
    return taken;
}

static void refuse(struct import *im, uint64_t line, struct slice message, enum cli_exit status)
{
    struct cli_buffer b = { .at = NULL };
    bool said = im->refused++ >= REFUSALS_SHOWN || im->worst == CLI_UNAVAILABLE;

    im->worst = status > im->worst ? status : im->worst;
    im->stopped = im->stopped || !im->c->keeps_going || status == CLI_UNAVAILABLE;
    if (said)
        return;
    cli_escape_put(&b, message, SIZE_MAX);
    cli_message("line %llu: %.*s%s", (unsigned long long)line, (int)b.len, b.len > 0 ? b.at : "",
                im->refused == REFUSALS_SHOWN ? "\nFurther refusals are counted only." : "");
    cli_buffer_free(&b);
}

/* In its turn, so that refusals are told in the order of the lines. */
static void refuse_ourselves(struct import *im, const char *why)
{
    im->stopped = im->stopped || !im->c->keeps_going;
    depart(im, why);
    settle(im);
}

static void sum_up(const struct import *im)
{
    static const char *const reasons[] = {
        [CLI_YES] = "",
        [CLI_NO] = "refused",
        [CLI_USAGE] = "refused",
        [CLI_UNAVAILABLE] = "unavailable",
    };
    char imported[24], refused[24], unknown[128] = "", stopped[160] = "";
    unsigned last = (im->first + im->flying + WINDOW - 1) % WINDOW;
    struct line line = {
        2, { { SLICE("imported"), { imported, 0 } }, { SLICE("refused"), { refused, 0 } } }
    };

    cli_message_progress_end();
    snprintf(imported, sizeof(imported), "%llu", (unsigned long long)im->imported);
    snprintf(refused, sizeof(refused), "%llu", (unsigned long long)im->refused);
    line.argument[0].value.len = strlen(imported);
    line.argument[1].value.len = strlen(refused);
    if (im->c->output.form == CLI_JSON)
        cli_output_object(&im->c->output, NULL, &line, slice_of(reasons[im->worst]));
    if (im->flying > 0)
        snprintf(unknown, sizeof(unknown), "\nWhether lines %llu to %llu were taken is not known.",
                 (unsigned long long)im->flight[im->first].line,
                 (unsigned long long)im->flight[last].line);
    else if (im->stopped)
        snprintf(stopped, sizeof(stopped), "\nStopped: what follows line %llu was not looked at.%s",
                 (unsigned long long)im->line,
                 im->worst == CLI_UNAVAILABLE ? "" : "  --keep-going passes over what is refused.");
    cli_output_flush(&im->c->output);
    cli_message("imported %s token%s, refused %s line%s%s%s", imported,
                im->imported == 1 ? "" : "s", refused, im->refused == 1 ? "" : "s", unknown,
                stopped);
}
