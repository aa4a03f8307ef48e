/* SPDX-License-Identifier: Apache-2.0 */
/* Signals are unblocked only while waiting for input, so that none arrives between a change of the
 * terminal and the record of it. */
#include "plugin/cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int caught_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGPIPE, SIGTSTP };
enum { CAUGHT_SIGNALS = sizeof(caught_signals) / sizeof(caught_signals[0]) };

static volatile sig_atomic_t caught;

struct terminal {
    int fd;
    bool opened; /* opened here, so it is closed here */
    struct termios before;
    struct sigaction action[CAUGHT_SIGNALS];
    sigset_t mask;
};

static ssize_t read_line(int fd, const sigset_t *mask, char *value, size_t size);
static ssize_t ask(struct terminal *t, const char *prompt, char *value, size_t size);
static int disable_echo(struct terminal *t);
static void restore(struct terminal *t);

ssize_t cli_prompt_read(const char *prompt, char *value, size_t size)
{
    struct terminal t = { .fd = STDIN_FILENO };
    ssize_t len;

    if (!isatty(STDIN_FILENO))
        return read_line(STDIN_FILENO, NULL, value, size);
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) {
        t.fd = fd;
        t.opened = true;
    }
    do
        len = ask(&t, prompt, value, size);
    while (len == -EINTR);
    if (t.opened)
        close(t.fd);
    return len;
}

/* Ask once.  Return -EINTR after a signal that did not end the process, as when it is stopped and
 * continued. */
static ssize_t ask(struct terminal *t, const char *prompt, char *value, size_t size)
{
    int error = disable_echo(t);

    if (error != 0)
        return error;
    int to = t->opened ? t->fd : STDERR_FILENO;
    ssize_t len = write(to, prompt, strlen(prompt));
    len = len < 0 ? -errno : read_line(t->fd, &t->mask, value, size);
    if (write(to, "\n", 1) < 0 && len >= 0)
        len = -errno;
    restore(t);
    return len;
}

static void catch_signal(int signal_number)
{
    caught = signal_number;
}

/* Turn echo off and catch signals.  Signals that are ignored (as under nohup) stay ignored. */
static int disable_echo(struct terminal *t)
{
    const struct sigaction catching = { .sa_handler = catch_signal };
    struct termios no_echo;
    sigset_t set;

    if (tcgetattr(t->fd, &t->before) < 0)
        return -errno;
    sigemptyset(&set);
    for (size_t i = 0; i < CAUGHT_SIGNALS; i++)
        sigaddset(&set, caught_signals[i]);
    sigprocmask(SIG_BLOCK, &set, &t->mask);
    caught = 0;
    for (size_t i = 0; i < CAUGHT_SIGNALS; i++) {
        sigaction(caught_signals[i], NULL, &t->action[i]);
        if (t->action[i].sa_handler != SIG_IGN)
            sigaction(caught_signals[i], &catching, NULL);
    }
    no_echo = t->before;
    no_echo.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(t->fd, TCSAFLUSH, &no_echo);
    return 0;
}

/* Restore terminal and signals.  Send a signal that was caught again, so that it takes effect. */
static void restore(struct terminal *t)
{
    tcsetattr(t->fd, TCSAFLUSH, &t->before);
    for (size_t i = 0; i < CAUGHT_SIGNALS; i++)
        sigaction(caught_signals[i], &t->action[i], NULL);
    if (caught != 0)
        kill(getpid(), caught);
    sigprocmask(SIG_SETMASK, &t->mask, NULL);
}

/* Read one byte, and wait for it with this signal mask; NULL: the current one. */
static ssize_t read_byte(int fd, const sigset_t *mask, char *byte)
{
    struct pollfd input = { .fd = fd, .events = POLLIN };

    if (ppoll(&input, 1, NULL, mask) < 0)
        return -errno;
    ssize_t got = read(fd, byte, 1);
    return got < 0 ? -errno : got;
}

static ssize_t read_line(int fd, const sigset_t *mask, char *value, size_t size)
{
    size_t len = 0;
    ssize_t got = 0;
    char byte = '\0';

    while (len < size && byte != '\n') {
        got = read_byte(fd, mask, &byte);
        if (got <= 0)
            break;
        value[len++] = byte;
    }
    if (got < 0)
        return got;
    if (len == 0)
        return -ENODATA;
    while (len > 0 && (value[len - 1] == '\n' || value[len - 1] == '\r'))
        len--;
    return (ssize_t)len;
}
