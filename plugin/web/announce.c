/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/announce.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugin/web/log.h"
#include "proto/stamp.h"

void announce_put_link(struct text *t, const struct settings *s, const struct secret *secret)
{
    const struct slice origin = origin_slice(&s->origin);

    text_add(t, origin.at, origin.len);
    text_adds(t, "/#");
    secret_put(secret, t);
}

/* Who reads it with $(...) waits for the end of standard output, not of this process. */
bool announce_link(struct slice link)
{
    char line[ANNOUNCE_LINK_MAX + 1];
    struct text t = text_in(line, sizeof(line));

    text_add(&t, link.at, link.len);
    text_addc(&t, '\n');
    const bool written = write(STDOUT_FILENO, t.at, t.len) == (ssize_t)t.len;
    explicit_bzero(line, sizeof(line));
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0) {
        dup2(nothing, STDOUT_FILENO);
        close(nothing);
    }
    return written;
}

/* Read the host and its port from SSH_CONNECTION, as sshd(8) sets it: the server's address is the third
 * word. */
static bool read_ssh(char host[64], unsigned *port)
{
    const char *connection = getenv("SSH_CONNECTION");

    return connection != NULL && sscanf(connection, "%*s %*s %63s %u", host, port) == 2 &&
           strspn(host, "0123456789abcdefABCDEF.:") == strlen(host) && host[0] != '\0';
}

/* Return the port under which a browser finds the page, at the other end of ssh. */
static unsigned browser_port(const struct settings *s)
{
    const struct origin *o = &s->origin;
    const char *colon = memrchr(o->text + o->host, ':', o->len - o->host);
    uint64_t port;

    if (colon != NULL &&
        number_parse((struct slice){ colon + 1, (size_t)(o->text + o->len - colon - 1) }, 65535,
                     &port))
        return (unsigned)port;
    return slice_begins(origin_slice(o), "https:") ? 443 : 80;
}

/* Put a word of a command that people copy into a shell. */
static void put_word(struct text *t, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+@:";

    if (word[strspn(word, plain)] == '\0') {
        text_adds(t, word);
        return;
    }
    text_addc(t, '\'');
    for (; *word != '\0'; word++)
        if (*word == '\'')
            text_adds(t, "'\\''");
        else
            text_addc(t, *word);
    text_addc(t, '\'');
}

static void announce_ssh(const struct settings *s)
{
    const struct address *a = &s->address;
    char host[64], option[16] = "", path[4 * sizeof(a->local.sun_path) + 3];
    struct text word = text_in(path, sizeof(path) - 1);
    unsigned port;

    if (!read_ssh(host, &port))
        return;
    if (port != 22)
        snprintf(option, sizeof(option), "-p %u ", port);
    if (address_is_local(a)) {
        put_word(&word, a->local.sun_path);
        log_write("from your own machine: ssh %s-L %u:%.*s %s", option, browser_port(s),
                  (int)word.len, word.at, host);
    } else
        log_write("from your own machine: ssh %s-L %u:%s:%u %s", option, browser_port(s),
                  address_host(a), address_port(a), host);
}

void announce_people(const struct settings *s, const struct daemon_socket *daemon)
{
    const uid_t uid = geteuid();
    const struct passwd *user = getpwuid(uid);
    char idle[32];
    struct text t = text_in(idle, sizeof(idle) - 1);

    log_write("the page uses %s (role %s) as %s, uid %u: what is done there is recorded as theirs",
              daemon->path, daemon->role, user != NULL ? user->pw_name : "this user",
              (unsigned)uid);
    announce_ssh(s);
    duration_write(&t, s->idle);
    idle[t.len] = '\0';
    if (s->idle > 0)
        log_write(
            "the link is a secret, as it gives these rights; Ctrl-C ends it, or %s without use",
            idle);
    else
        log_write("the link is a secret, as it gives these rights; Ctrl-C ends it");
}
