/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/cli/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* While the pager runs, the keys that interrupt are for it, and that the user leaves it before the
 * end is no fault. */
static const int ignored[] = { SIGINT, SIGQUIT, SIGPIPE };
enum { SIGNALS = sizeof(ignored) / sizeof(ignored[0]) };

static struct {
    pid_t pid;    /* 0: it does not run */
    int terminal; /* a copy of standard output as it was */
    void (*before[SIGNALS])(int);
} pager;

/* True if another user than the caller has lent his rights: what a pager can do, such as to run a
 * shell, must not come with them. */
static bool is_lent(void)
{
    return geteuid() != getuid() || getegid() != getgid() || getenv("SUDO_UID") != NULL ||
           getenv("DOAS_USER") != NULL || getenv("PKEXEC_UID") != NULL;
}

static const char *command(void)
{
    const char *own = getenv("JETON_PAGER"), *named = own != NULL ? own : getenv("PAGER");

    return named != NULL ? named : "less";
}

unsigned cli_pager_lines(void)
{
    const char *term = getenv("TERM"), *named = command();
    struct winsize size;

    if (!isatty(STDOUT_FILENO) || term == NULL || strcmp(term, "dumb") == 0 ||
        named[strspn(named, " ")] == '\0' || strcmp(named, "cat") == 0)
        return 0;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row - 1u : 0;
}

bool cli_pager_runs(void)
{
    return pager.pid > 0;
}

/* Become less in its secure mode, which runs no other programs and writes no files, with nothing of
 * the caller's that could change that. */
static void become_secure_less(void)
{
    static const char *const kept[] = { "TERM", "LC_ALL", "LC_CTYPE", "LANG" };
    enum { KEPT = sizeof(kept) / sizeof(kept[0]) };
    char *value[KEPT];

    for (size_t i = 0; i < KEPT; i++)
        value[i] = getenv(kept[i]) != NULL ? strdup(getenv(kept[i])) : NULL;
    clearenv();
    for (size_t i = 0; i < KEPT; i++)
        if (value[i] != NULL)
            setenv(kept[i], value[i], 1);
    setenv("LESS", "FRX", 1);
    setenv("LESSSECURE", "1", 1);
    setenv("LESSHISTFILE", "-", 1);
    setenv("LESSKEY", "/dev/null", 1);
    setenv("LESSKEYIN", "/dev/null", 1);
    execl("/usr/bin/less", "less", NULL);
    execl("/bin/less", "less", NULL);
}

/* Become the pager.  If that fails, write one byte to `failed`. */
static void become_pager(int input, int failed)
{
    const char *named = command();

    dup2(input, STDIN_FILENO);
    setenv("LESS", "FRX", 0);
    setenv("LV", "-c", 0);
    if (is_lent()) {
        become_secure_less();
    } else if (strcmp(named, "less") == 0) {
        execlp("less", "less", NULL);
    } else {
        execl("/bin/sh", "sh", "-c", named, NULL);
    }
    if (write(failed, "", 1) < 0)
        _exit(126);
    _exit(127);
}

/* Wait until the child has become the pager, which closes its end; false: it cannot. */
static bool has_started(int failed)
{
    char byte;
    ssize_t got;

    do
        got = read(failed, &byte, 1);
    while (got < 0 && errno == EINTR);
    return got == 0;
}

/* Run the pager with this input; return its process, or -1. */
static pid_t spawn(int input)
{
    int failed[2];

    if (pipe2(failed, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        become_pager(input, failed[1]);
    close(failed[1]);
    if (pid > 0 && !has_started(failed[0])) {
        waitpid(pid, NULL, 0);
        pid = -1;
    }
    close(failed[0]);
    return pid;
}

bool cli_pager_start(void)
{
    int to[2], terminal = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

    if (terminal < 0)
        return false;
    pid_t pid = pipe2(to, O_CLOEXEC) == 0 ? spawn(to[0]) : -1;
    if (pid < 0) {
        close(terminal);
        return false;
    }
    dup2(to[1], STDOUT_FILENO);
    close(to[0]);
    close(to[1]);
    pager.pid = pid;
    pager.terminal = terminal;
    for (size_t i = 0; i < SIGNALS; i++)
        pager.before[i] = signal(ignored[i], SIG_IGN);
    return true;
}

void cli_pager_end(void)
{
    if (pager.pid == 0)
        return;
    dup2(pager.terminal, STDOUT_FILENO); /* the pager finds the end of its input */
    close(pager.terminal);
    while (waitpid(pager.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    pager.pid = 0;
    for (size_t i = 0; i < SIGNALS; i++)
        signal(ignored[i], pager.before[i]);
}
