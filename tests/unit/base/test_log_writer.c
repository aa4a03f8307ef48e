/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for standard error, which is a pipe here that is read or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log_writer.h"

enum { LINES = 10000, DEADLINE = 50 };

static int reader, standard_error;
static bool hangs; /* a thread that could not end */
static char *text;
static size_t length;

static size_t put_notice(char *line, uint64_t dropped)
{
    return (size_t)snprintf(line, LOG_LINE_MAX, "dropped %llu\n", (unsigned long long)dropped);
}

/* Let standard error lead into a pipe, and start the thread.  A test that hangs is ended. */
static int begin(void **state)
{
    int ends[2];

    (void)state;
    alarm(DEADLINE);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    reader = ends[0];
    standard_error = dup(STDERR_FILENO);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    text = calloc(LINES + 10, 64);
    length = 0;
    return log_writer_start(put_notice);
}

static int end(void **state)
{
    (void)state;
    close(reader);
    /* A thread that hung goes on into the closed pipe. */
    if (!hangs)
        dup2(standard_error, STDERR_FILENO);
    close(standard_error);
    free(text);
    alarm(0);
    return 0;
}

static void put_number(int number)
{
    char line[64];

    log_writer_put(line, (size_t)snprintf(line, sizeof(line), "line %040d\n", number));
}

static void read_some(void)
{
    ssize_t got = read(reader, text + length, (size_t)(LINES + 10) * 64 - length - 1);

    assert_true(got > 0);
    length += (size_t)got;
    text[length] = '\0';
}

/* Read until the text ends with this. */
static void read_until(const char *last)
{
    while (length < strlen(last) || strcmp(text + length - strlen(last), last) != 0)
        read_some();
}

/* Put more than pipe and buffer can hold: nobody reads yet. */
static uint64_t overfill(void)
{
    uint64_t dropped = log_writer_dropped();

    for (int i = 0; i < LINES; i++)
        put_number(i);
    dropped = log_writer_dropped() - dropped;
    assert_in_range(dropped, 1, LINES - 1);
    return dropped;
}

static void lines_are_written_whole_and_in_order(void **state)
{
    (void)state;
    char *at, *rest;

    for (int i = 0; i < 1000; i++)
        put_number(i);
    uint64_t dropped = log_writer_dropped();
    read_until("0999\n");
    at = strtok_r(text, "\n", &rest);
    for (int i = 0; i < 1000; i++, at = strtok_r(NULL, "\n", &rest))
        assert_int_equal(atoi(at + strlen("line ")), i);
    assert_null(at);
    log_writer_stop();
    assert_int_equal(dropped, 0);
}

static void lines_that_nobody_takes_are_dropped_and_reported_in_their_place(void **state)
{
    (void)state;
    uint64_t dropped = overfill(), reported = 0;
    char *rest;
    int next = 0;

    while (next < LINES) { /* there is one gap, or more if the thread began late */
        read_some();
        next = 0;
        reported = 0;
        for (char *at = text; (rest = strchr(at, '\n')) != NULL; at = rest + 1) {
            int number = atoi(at + strcspn(at, " "));
            bool notice = at[0] == 'd';
            assert_true(notice || number == next);
            next += notice ? number : 1;
            reported += notice ? (uint64_t)number : 0;
        }
    }
    assert_int_equal(next, LINES);
    assert_int_equal(reported, dropped);
    put_number(LINES);
    read_until("10000\n");
    log_writer_stop();
}

static void a_failed_write_is_reported_once_another_works(void **state)
{
    (void)state;
    int pipe_end = dup(STDERR_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    uint64_t before = log_writer_dropped();

    if (full < 0)
        skip();
    dup2(full, STDERR_FILENO);
    for (int i = 0; i < 5; i++) {
        put_number(i);
        log_writer_flush();
    }
    assert_int_equal(log_writer_dropped() - before, 5);
    dup2(pipe_end, STDERR_FILENO);
    put_number(5);
    read_until("0005\n"); /* "5\n" would be the report alone */
    assert_int_equal(strncmp(text, "dropped 5\nline ", 15), 0);
    log_writer_stop();
    close(pipe_end);
    close(full);
}

/* And no more than that, though a second may last long here: otherwise the alarm ends the test. */
static void the_end_waits_a_second_for_a_reader_that_hangs(void **state)
{
    (void)state;
    struct pollfd readable = { .fd = reader, .events = POLLIN };

    overfill();
    int64_t began = clock_seconds();
    log_writer_stop();
    assert_true(clock_seconds() - began >= 1);
    uint64_t dropped = log_writer_dropped();
    put_number(0);
    assert_int_equal(log_writer_dropped(), dropped + 1);
    assert_int_equal(poll(&readable, 1, 0), 1);
    hangs = true;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    /* The last one leaves a thread that hangs. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_written_whole_and_in_order, begin, end),
        cmocka_unit_test_setup_teardown(
            lines_that_nobody_takes_are_dropped_and_reported_in_their_place, begin, end),
        cmocka_unit_test_setup_teardown(a_failed_write_is_reported_once_another_works, begin, end),
        cmocka_unit_test_setup_teardown(the_end_waits_a_second_for_a_reader_that_hangs, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
