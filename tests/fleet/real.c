/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fleet/real.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/limits.h"
#include "tests/fleet/writer.h"

enum { PAUSE_NS = 250000, REPLY_SIZE = 4096 };

struct real {
    int verify, fleet;
    struct event *timer;
    uint64_t number, serial; /* watched for; serial 0: not known yet */
    int64_t refused, saved;
};

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path))
        die(path, "too long");
    strcpy(address.sun_path, path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        die(path, "nobody listens");
    return fd;
}

/* Send a line, and receive the line that answers it. */
static void request(int fd, const char *line, char reply[REPLY_SIZE])
{
    size_t len = 0;

    if (send(fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
        die(line, "the daemon does not take it");
    do {
        ssize_t got = recv(fd, reply + len, REPLY_SIZE - 1 - len, 0);
        if (got <= 0)
            die(line, "the daemon does not answer");
        len += (size_t)got;
    } while (reply[len - 1] != '\n' && len < REPLY_SIZE - 1);
    reply[len] = '\0';
}

static void verify(struct real *r, uint64_t number, char reply[REPLY_SIZE])
{
    char value[64], line[100];

    snprintf(line, sizeof(line), "verify %.*s\n", (int)writer_value(number, value), value);
    request(r->verify, line, reply);
}

bool real_accepts(struct real *r, uint64_t number)
{
    char reply[REPLY_SIZE];

    verify(r, number, reply);
    return strncmp(reply, "OK", 2) == 0;
}

uint64_t real_serial(struct real *r)
{
    char reply[REPLY_SIZE];

    request(r->fleet, "fleet place\n", reply);
    const char *place = strstr(reply, " place=");
    if (strncmp(reply, "OK", 2) != 0 || place == NULL)
        die("fleet place", reply);
    return strtoull(place + strlen(" place="), NULL, 10); /* none: 0 */
}

static void on_timer(evutil_socket_t fd, short what, void *real)
{
    struct real *r = real;
    char reply[REPLY_SIZE];

    (void)fd;
    (void)what;
    if (r->refused == 0) {
        verify(r, r->number, reply);
        if (strncmp(reply, "NO revoked", strlen("NO revoked")) == 0)
            r->refused = clock_now();
    }
    if (r->saved == 0 && r->serial != 0 && real_serial(r) >= r->serial)
        r->saved = clock_now();
    if (r->refused == 0 || r->saved == 0)
        arm(r->timer, PAUSE_NS);
}

void real_watch(struct real *r, uint64_t number)
{
    r->number = number;
    r->serial = 0;
    r->refused = r->saved = 0;
    arm(r->timer, PAUSE_NS);
}

void real_expect(struct real *r, uint64_t serial)
{
    r->serial = serial;
}

int64_t real_refused(const struct real *r)
{
    return r->refused;
}

int64_t real_saved(const struct real *r)
{
    return r->saved;
}

struct real *real_new(struct simulation *s, const char *verify_path, const char *fleet_path)
{
    struct real *r = calloc(1, sizeof(*r));

    if (r == NULL || (r->timer = evtimer_new(s->base, on_timer, r)) == NULL)
        die("a real host", "no memory");
    r->verify = connect_to(verify_path);
    r->fleet = connect_to(fleet_path);
    return r;
}

void real_free(struct real *r)
{
    if (r == NULL)
        return;
    event_free(r->timer);
    close(r->verify);
    close(r->fleet);
    free(r);
}
