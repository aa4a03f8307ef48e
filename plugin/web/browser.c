/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/browser.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/web/log.h"

enum { FILE_MAX = 1024 };

extern char **environ;
static char path[PATH_MAX];

const char *browser_file(void)
{
    return path[0] != '\0' ? path : NULL;
}

void browser_forget(void)
{
    if (path[0] != '\0')
        unlink(path);
    path[0] = '\0';
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0';
}

/* Nobody's desktop is asked for root's browser, nor one at the other end of ssh. */
static bool has_desktop(void)
{
    return (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")) && !is_set("SSH_CONNECTION") &&
           geteuid() != 0;
}

/* A directory that others can write to is none for this. */
static bool is_private(const char *directory)
{
    struct stat st;

    return directory != NULL && directory[0] == '/' && lstat(directory, &st) == 0 &&
           S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 0077) == 0;
}

/* Write a page that leads to the link.  Nothing in an origin or a secret means anything in HTML. */
static bool write_file(struct slice link)
{
    const char *directory = getenv("XDG_RUNTIME_DIR");
    char bytes[FILE_MAX];
    struct text t = text_in(bytes, sizeof(bytes));

    if (!is_private(directory) || (size_t)snprintf(path, sizeof(path), "%s/jeton-web-XXXXXX.html",
                                                   directory) >= sizeof(path)) {
        path[0] = '\0';
        return false;
    }
    int fd = mkostemps(path, sizeof(".html") - 1, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        path[0] = '\0';
        return false;
    }
    text_addf(&t,
              "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>jeton</title>\n"
              "<meta name=\"referrer\" content=\"no-referrer\">\n"
              "<meta http-equiv=\"refresh\" content=\"0; url=%.*s\">\n"
              "<a href=\"%.*s\">API Access Tokens</a>\n",
              (int)link.len, link.at, (int)link.len, link.at);
    const bool written = !t.cut && write(fd, t.at, t.len) == (ssize_t)t.len;
    sodium_memzero(bytes, sizeof(bytes));
    close(fd);
    if (!written)
        browser_forget();
    return written;
}

/* Start xdg-open with a session of its own, so that Ctrl-C here does not end the browser, and without
 * our standard streams. */
static int start(void)
{
    char *arguments[] = { "xdg-open", path, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t usual;
    pid_t pid;

    sigemptyset(&usual);
    sigaddset(&usual, SIGCHLD);
    sigaddset(&usual, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawnp(&pid, arguments[0], &files, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

void browser_open(struct slice link)
{
    if (!has_desktop())
        return;
    signal(SIGCHLD, SIG_IGN); /* nobody waits for it */
    int error = write_file(link) ? start() : 0;
    if (browser_file() == NULL)
        log_write("open the link yourself: XDG_RUNTIME_DIR names no private directory");
    else if (error != 0)
        log_write("open the link yourself: xdg-open cannot be started: %s", strerror(error));
    if (error != 0)
        browser_forget();
}
