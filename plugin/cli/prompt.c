/* SPDX-License-Identifier: Apache-2.0 */
/* Signals are let in only while we wait for input, so that none comes between a change of the
 * terminal and the note of it. */
#include "plugin/cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGPIPE, SIGTSTP };
enum { WATCHED = sizeof(watched) / sizeof(watched[0]) };

static volatile sig_atomic_t caught;

struct terminal {
    int fd;
    bool opened; /* by us */
    struct termios before;
    struct sigaction action[WATCHED];
    sigset_t mask;
};

static ssize_t read_line(int fd, const sigset_t *mask, char *value, size_t room);
static ssize_t ask(struct terminal *t, const char *prompt, char *value, size_t room);
static int hide(struct terminal *t);
static void restore(struct terminal *t);

ssize_t cli_prompt_read(const char *prompt, char *value, size_t room)
{
    struct terminal t = { .fd = STDIN_FILENO };
    ssize_t len;

    if (!isatty(STDIN_FILENO))
        return read_line(STDIN_FILENO, NULL, value, room);
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) {
        t.fd = fd;
        t.opened = true;
    }
    do
        len = ask(&t, prompt, value, room);
    while (len == -EINTR);
    if (t.opened)
        close(t.fd);
    return len;
}

/* Asks once; -EINTR if a signal came that we have outlived: stopped, and told to go on. */
static ssize_t ask(struct terminal *t, const char *prompt, char *value, size_t room)
{
    int error = hide(t);

    if (error != 0)
        return error;
    int to = t->opened ? t->fd : STDERR_FILENO;
    ssize_t len = write(to, prompt, strlen(prompt));
    len = len < 0 ? -errno : read_line(t->fd, &t->mask, value, room);
    if (write(to, "\n", 1) < 0 && len >= 0)
        len = -errno;
    restore(t);
    return len;
}

static void note(int signal_number)
{
    caught = signal_number;
}

/* What is ignored (as under nohup) stays so. */
static int hide(struct terminal *t)
{
    const struct sigaction noting = { .sa_handler = note };
    struct termios hidden;
    sigset_t set;

    if (tcgetattr(t->fd, &t->before) < 0)
        return -errno;
    sigemptyset(&set);
    for (size_t i = 0; i < WATCHED; i++)
        sigaddset(&set, watched[i]);
    sigprocmask(SIG_BLOCK, &set, &t->mask);
    caught = 0;
    for (size_t i = 0; i < WATCHED; i++) {
        sigaction(watched[i], NULL, &t->action[i]);
        if (t->action[i].sa_handler != SIG_IGN)
            sigaction(watched[i], &noting, NULL);
    }
    hidden = t->before;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(t->fd, TCSAFLUSH, &hidden);
    return 0;
}

/* The signal that was noted comes again here, and does what it always does. */
static void restore(struct terminal *t)
{
    tcsetattr(t->fd, TCSAFLUSH, &t->before);
    for (size_t i = 0; i < WATCHED; i++)
        sigaction(watched[i], &t->action[i], NULL);
    if (caught != 0)
        kill(getpid(), caught);
    sigprocmask(SIG_SETMASK, &t->mask, NULL);
}

/* Waits with `mask` in force; NULL: the one that is. */
static ssize_t read_byte(int fd, const sigset_t *mask, char *byte)
{
    struct pollfd input = { .fd = fd, .events = POLLIN };

    if (ppoll(&input, 1, NULL, mask) < 0)
        return -errno;
    ssize_t got = read(fd, byte, 1);
    return got < 0 ? -errno : got;
}

static ssize_t read_line(int fd, const sigset_t *mask, char *value, size_t room)
{
    size_t len = 0;
    ssize_t got = 0;
    char byte = '\0';

    while (len < room && byte != '\n') {
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
