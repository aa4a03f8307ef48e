/* SPDX-License-Identifier: Apache-2.0 */
/* redis's publish and subscribe, as a peer of the fleet's way of revoking: many subscribers in one process.
 *
 *     pubsub SOCKET SUBSCRIBERS < commands
 *
 * Each command is answered by one line of name=value, times in ms, as by tests/fleet/simulator:
 *
 *     revoke N PAUSE    publish digests, each PAUSE ms after the last: when each subscriber has it, from the call on
 *     burst N BATCH     publish digests, BATCH at once: seconds until the last subscriber has the last
 *
 * Nothing is saved: who is not connected misses it. */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "histogram.h"
#include "seconds.h"

enum { DIGEST_TEXT = 64, BATCH_MAX = 10000, EVENTS = 64, PATIENCE = 60 };

#define SUBSCRIBE "*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\njeton\r\n"
#define SUBSCRIBED "*3\r\n$9\r\nsubscribe\r\n$5\r\njeton\r\n:1\r\n"
#define PUBLISH "*3\r\n$7\r\nPUBLISH\r\n$5\r\njeton\r\n$64\r\n"
#define MESSAGE "*3\r\n$7\r\nmessage\r\n$5\r\njeton\r\n$64\r\n"

static const size_t frame = sizeof(MESSAGE) - 1 + DIGEST_TEXT + 2;

struct subscriber {
    int fd;
    uint64_t bytes; /* received of messages */
};

static struct subscriber *subscriber;
static unsigned subscribers;
static int poller, publisher;
static uint64_t published, behind; /* messages; subscribers that lack the last */
static struct histogram latencies;
static char buffer[BATCH_MAX * (sizeof(PUBLISH) + DIGEST_TEXT + 2)];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        die(path);
    return fd;
}

static void send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent < 0)
            die("send");
        at += sent;
        len -= (size_t)sent;
    }
}

static void subscribe(struct subscriber *s, const char *path)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = s };
    char reply[sizeof(SUBSCRIBED) - 1];

    s->fd = connect_to(path);
    send_all(s->fd, SUBSCRIBE, sizeof(SUBSCRIBE) - 1);
    if (recv(s->fd, reply, sizeof(reply), MSG_WAITALL) != sizeof(reply) ||
        memcmp(reply, SUBSCRIBED, sizeof(reply)) != 0)
        die("subscribe");
    if (fcntl(s->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &event) != 0)
        die("epoll");
}

/* Read what is there; `called`: when the last message was published, in seconds. */
static void receive(struct subscriber *s, double called)
{
    static char input[256 * 1024];
    ssize_t got = recv(s->fd, input, sizeof(input), 0);

    if (got <= 0)
        die("recv");
    s->bytes += (uint64_t)got;
    if (s->bytes == published * frame) {
        histogram_add(&latencies, (uint64_t)((seconds() - called) * 1e9), 1);
        behind--;
    }
}

/* Take replies of the publisher, so that redis never waits for us. */
static void drop_replies(void)
{
    static char input[64 * 1024];

    while (recv(publisher, input, sizeof(input), MSG_DONTWAIT) > 0)
        ;
}

/* Read for so many seconds, or until all have the last message. */
static void run(double called, double until)
{
    struct epoll_event event[EVENTS];

    while (behind > 0 || seconds() < until) {
        double left = behind > 0 ? PATIENCE : until - seconds();
        int count = epoll_wait(poller, event, EVENTS, left > 0 ? (int)(left * 1e3) + 1 : 0);
        if (count == 0 && behind > 0) {
            fprintf(stderr, "pubsub: a subscriber lacks a message\n");
            exit(1);
        }
        for (int i = 0; i < count; i++)
            receive(event[i].data.ptr, called);
        drop_replies();
    }
}

/* Publish so many at once. */
static void publish(unsigned count)
{
    char *at = buffer;

    for (unsigned i = 0; i < count; i++)
        at += sprintf(at, PUBLISH "%064llx\r\n", (unsigned long long)(published + i));
    published += count;
    behind = subscribers;
    send_all(publisher, buffer, (size_t)(at - buffer));
}

static void publish_each(unsigned calls, unsigned pause)
{
    memset(&latencies, 0, sizeof(latencies));
    for (unsigned c = 0; c < calls; c++) {
        const double called = seconds();
        publish(1);
        run(called, called + pause / 1e3);
    }
    printf("calls=%u call_p50=%.2f call_p99=%.2f\n", calls,
           histogram_percentile(&latencies, 0.5) / 1e6,
           histogram_percentile(&latencies, 0.99) / 1e6);
}

/* Each batch is received before the next, as redis drops subscribers that fall behind. */
static void burst(unsigned count, unsigned batch)
{
    const double began = seconds();

    for (unsigned left = count; left > 0; left -= batch < left ? batch : left) {
        publish(batch < left ? batch : left);
        run(began, 0);
    }
    printf("changes=%u seconds=%.3f\n", count, seconds() - began);
}

int main(int argc, char **argv)
{
    unsigned first, second;
    char line[100], name[16];

    subscribers = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
    subscriber = calloc(subscribers, sizeof(*subscriber));
    poller = epoll_create1(0);
    if (subscribers == 0 || subscriber == NULL || poller < 0)
        die("usage: pubsub SOCKET SUBSCRIBERS");
    for (unsigned i = 0; i < subscribers; i++)
        subscribe(&subscriber[i], argv[1]);
    publisher = connect_to(argv[1]);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (sscanf(line, "%15s %u %u", name, &first, &second) != 3 || second > BATCH_MAX)
            die(line);
        if (strcmp(name, "revoke") == 0)
            publish_each(first, second);
        else if (second > 0)
            burst(first, second);
        fflush(stdout);
    }
    return 0;
}
