/* SPDX-License-Identifier: Apache-2.0 */
/* Load a server with a closed loop of requests over a Unix socket.
 *
 *     load PROTOCOL SOCKET PID KEYS CPU < commands
 *     load values COUNT
 *
 * PROTOCOL is a row of the table below; PID is the server's, for its CPU time; CPU is where this
 * client runs (-1: anywhere).  A command is "KIND CONNECTIONS DEPTH SECONDS [REPLIES]", and ends
 * after SECONDS or REPLIES, whichever comes first; its result is one line of name=value: requests
 * a second, latencies, and CPU of both sides for each request.  The measurement begins when the
 * first DEPTH requests of each connection have been answered and as many more are in flight, as
 * they are at its end.
 *
 * The requests of a kind are made once, in the order in which they are sent, which visits the keys
 * at random: so the client costs a write, a read and a count of line ends for each batch, whatever
 * the server. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "values.h"

enum { CONNECTIONS_MAX = 1024, DEPTH_MAX = 4096, REQUEST_MAX = 512, READ_SIZE = 256 * 1024 };

/* A request is prefix + value + suffix; an expected reply has `lines` lines and begins with
 * `expected`. */
struct kind {
    const char *protocol;
    const char *name;
    const char *prefix;
    const char *suffix;
    enum { PRESENT, ABSENT, MALFORMED, NONE } value;
    unsigned lines;
    const char *expected;
    char *requests;
    size_t request_len;
    size_t count;
    size_t next;
};

static struct kind kinds[] = {
    { "jeton", "hit", "verify ", "\n", PRESENT, 1, "OK id=", 0, 0, 0, 0 },
    { "jeton", "miss", "verify ", "\n", ABSENT, 1, "NO unknown", 0, 0, 0, 0 },
    { "jeton", "malformed", "verify ", "\n", MALFORMED, 1, "NO malformed", 0, 0, 0, 0 },
    { "jeton", "create",
      "create subject=svc-0001 scopes=repo:read,repo:write "
      "description=\"ci deploy\"",
      "\n", NONE, 1, "OK id=", 0, 0, 0, 0 },
    { "jeton", "revoke", "revoke token=", "\n", PRESENT, 1, "OK id=", 0, 0, 0, 0 },
    { "redis", "hit", "*2\r\n$3\r\nGET\r\n$53\r\n", "\r\n", PRESENT, 2, "$6", 0, 0, 0, 0 },
    { "redis", "miss", "*2\r\n$3\r\nGET\r\n$53\r\n", "\r\n", ABSENT, 1, "$-1", 0, 0, 0, 0 },
    { "redis", "create", "*3\r\n$3\r\nSET\r\n$53\r\n",
      "\r\n$64\r\n"
      "id=00000000000000000000 subject=svc-0001 scopes=repo:read,repo:w\r\n",
      ABSENT, 1, "+OK", 0, 0, 0, 0 },
    { "redis", "revoke", "*3\r\n$3\r\nSET\r\n$53\r\n", "\r\n$7\r\nrevoked\r\n", PRESENT, 1, "+OK",
      0, 0, 0, 0 },
    { "memcached", "hit", "mg ", " v\r\n", PRESENT, 2, "VA 6", 0, 0, 0, 0 },
    { "memcached", "miss", "mg ", " v\r\n", ABSENT, 1, "EN", 0, 0, 0, 0 },
    { "echo", "hit", "verify ", "\n", PRESENT, 1, "verify ", 0, 0, 0, 0 },
    { "http", "hit",
      "GET /verify/any HTTP/1.1\r\nHost: jeton\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
      "X-Forwarded-For: 127.0.0.1\r\nAuthorization: Bearer ",
      "\r\n\r\n", PRESENT, 9, "HTTP/1.1 200", 0, 0, 0, 0 },
    { "nginx", "hit", "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", "\r\n\r\n", PRESENT,
      10, "HTTP/1.1 200", 0, 0, 0, 0 },
};

struct connection {
    int fd;
    unsigned lines;       /* received lines of the current reply */
    bool at_reply_start;  /* the next byte begins a reply */
    unsigned first, last; /* ring of batches */
    struct batch {
        uint64_t sent;
        unsigned requests;
    } batch[DEPTH_MAX];
};

static struct connection connection[CONNECTIONS_MAX];
static struct histogram latencies;
static uint64_t replies, wrong;
static const char *protocol, *path;
static uint64_t keys;
static char buffer[READ_SIZE];

static void die(const char *what)
{
    fprintf(stderr, "load %s: %s: %s\n", protocol, what, strerror(errno));
    exit(1);
}

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Return the CPU time of all threads of a process, in nanoseconds. */
static uint64_t process_cpu(const char *pid)
{
    char name[600];
    uint64_t sum = 0;

    snprintf(name, sizeof(name), "/proc/%s/task", pid);
    DIR *tasks = opendir(name);
    if (tasks == NULL)
        return 0;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        unsigned long long ran = 0;
        snprintf(name, sizeof(name), "/proc/%s/task/%s/schedstat", pid, task->d_name);
        FILE *file = task->d_name[0] != '.' ? fopen(name, "re") : NULL;
        if (file == NULL)
            continue;
        if (fscanf(file, "%llu", &ran) == 1)
            sum += ran;
        fclose(file);
    }
    closedir(tasks);
    return sum;
}

/* -- requests ---------------------------------------------------------------------------------- */

static void write_value(const struct kind *k, size_t i, char *to)
{
    uint64_t number = mix(i) % keys + (k->value == ABSENT ? 2 * keys : 0);

    make_value(number, to);
    if (k->value == MALFORMED)
        to[VALUE_LEN - 1] = to[VALUE_LEN - 1] == '0' ? '1' : '0';
}

/* Make one request for each key, so that each is sent once before any is sent again.  Requests
 * without a value are all the same. */
static void make_requests(struct kind *k)
{
    size_t prefix = strlen(k->prefix), suffix = strlen(k->suffix);
    size_t value_len = k->value == NONE ? 0 : VALUE_LEN;

    if (k->requests != NULL)
        return;
    k->request_len = prefix + value_len + suffix;
    k->count = k->value == NONE || keys < DEPTH_MAX ? DEPTH_MAX : keys;
    k->requests = malloc(k->count * k->request_len);
    if (k->requests == NULL)
        die("no memory");
    for (size_t i = 0; i < k->count; i++) {
        char *at = k->requests + i * k->request_len;
        memcpy(at, k->prefix, prefix);
        if (value_len > 0)
            write_value(k, i, at + prefix);
        memcpy(at + prefix + value_len, k->suffix, suffix);
    }
}

/* -- batches ----------------------------------------------------------------------------------- */

static void send_requests(struct kind *k, struct connection *c, unsigned requests)
{
    if (k->next + requests > k->count)
        k->next = 0;
    const char *at = k->requests + k->next * k->request_len;
    size_t left = requests * k->request_len;
    k->next += requests;
    c->batch[c->last++ % DEPTH_MAX] = (struct batch){ nanoseconds(CLOCK_MONOTONIC), requests };
    while (left > 0) {
        ssize_t sent = send(c->fd, at, left, MSG_NOSIGNAL);
        if (sent < 0)
            die("send");
        at += sent;
        left -= (size_t)sent;
    }
}

/* Count the replies that end in these bytes. */
static unsigned count_replies(const struct kind *k, struct connection *c, const char *at,
                              size_t len)
{
    const char *end = at + len, *lf;
    size_t expected = strlen(k->expected);
    unsigned count = 0;

    while (at < end) {
        if (c->at_reply_start && (size_t)(end - at) >= expected &&
            memcmp(at, k->expected, expected) != 0)
            wrong++;
        c->at_reply_start = false;
        lf = memchr(at, '\n', (size_t)(end - at));
        if (lf == NULL)
            break;
        at = lf + 1;
        if (++c->lines < k->lines)
            continue;
        c->lines = 0;
        c->at_reply_start = true;
        count++;
    }
    return count;
}

static void record_latencies(struct connection *c, unsigned count)
{
    uint64_t now = nanoseconds(CLOCK_MONOTONIC);

    replies += count;
    while (count > 0) {
        struct batch *t = &c->batch[c->first % DEPTH_MAX];
        unsigned of_batch = count < t->requests ? count : t->requests;
        histogram_add(&latencies, now - t->sent, of_batch);
        t->requests -= of_batch;
        count -= of_batch;
        c->first += t->requests == 0;
    }
}

/* Read once, and send as many requests as replies were received. */
static void batch(struct kind *k, struct connection *c, bool resend)
{
    ssize_t len = recv(c->fd, buffer, sizeof(buffer), 0);

    if (len <= 0)
        die("recv");
    unsigned count = count_replies(k, c, buffer, (size_t)len);
    record_latencies(c, count);
    if (count > 0 && resend)
        send_requests(k, c, count);
}

/* -- a run ------------------------------------------------------------------------------------- */

static void open_connections(unsigned connections, int poll)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    for (unsigned i = 0; i < connections; i++) {
        struct connection *c = &connection[i];
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
        c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
            die(path);
        epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
        c->at_reply_start = true;
        c->lines = c->first = c->last = 0;
    }
}

static bool is_idle(const struct connection *c)
{
    return c->first == c->last;
}

static void drain(struct kind *k, unsigned connections)
{
    for (unsigned i = 0; i < connections; i++)
        while (!is_idle(&connection[i]))
            batch(k, &connection[i], false);
}

/* Run up to a time or a number of replies.  Read a single connection by blocking recv(). */
static void run_until(struct kind *k, unsigned connections, int poll, uint64_t until,
                      uint64_t replies_max)
{
    struct epoll_event event[64];

    replies = 0;
    while (nanoseconds(CLOCK_MONOTONIC) < until && replies < replies_max) {
        if (connections == 1) {
            batch(k, &connection[0], true);
            continue;
        }
        int count = epoll_wait(poll, event, 64, 1000);
        for (int i = 0; i < count; i++)
            batch(k, &connection[event[i].data.u32], true);
    }
}

static void run(struct kind *k, unsigned connections, unsigned depth, double seconds,
                uint64_t replies_max, const char *server)
{
    int poll = epoll_create1(EPOLL_CLOEXEC);

    make_requests(k);
    open_connections(connections, poll);
    wrong = 0;
    for (unsigned i = 0; i < connections; i++)
        send_requests(k, &connection[i], depth);
    run_until(k, connections, poll, UINT64_MAX, (uint64_t)connections * depth);
    latencies = (struct histogram){ 0 };
    uint64_t server_cpu = process_cpu(server), client_cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t start = nanoseconds(CLOCK_MONOTONIC);
    run_until(k, connections, poll, start + (uint64_t)(seconds * 1e9), replies_max);
    double elapsed = (double)(nanoseconds(CLOCK_MONOTONIC) - start), each = (double)replies;
    printf("rate=%.1f client=%.1f server=%.1f", each / elapsed * 1e9,
           (double)(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - client_cpu) / each,
           (double)(process_cpu(server) - server_cpu) / each);
    drain(k, connections);
    for (unsigned i = 0; i < connections; i++)
        close(connection[i].fd);
    close(poll);
    printf(" p50=%.0f p99=%.0f p999=%.0f most=%.0f replies=%llu wrong=%llu\n",
           histogram_percentile(&latencies, 0.5), histogram_percentile(&latencies, 0.99),
           histogram_percentile(&latencies, 0.999), histogram_percentile(&latencies, 1),
           (unsigned long long)replies, (unsigned long long)wrong);
    fflush(stdout);
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set) < 0)
        die("sched_setaffinity");
}

static struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].protocol, protocol) == 0 && strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    errno = EINVAL;
    die(name);
    return NULL;
}

/* Print the first values, one a line, to fill another server with. */
static int print_values(uint64_t count)
{
    char line[VALUE_LEN + 1];

    line[VALUE_LEN] = '\n';
    for (uint64_t number = 0; number < count; number++) {
        make_value(number, line);
        fwrite(line, sizeof(line), 1, stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    char line[256], name[32];
    unsigned connections, depth;
    unsigned long long replies_max;
    double seconds;

    if (argc == 3 && strcmp(argv[1], "values") == 0)
        return print_values(strtoull(argv[2], NULL, 10));
    if (argc != 6)
        return 2;
    protocol = argv[1];
    path = argv[2];
    keys = strtoull(argv[4], NULL, 10);
    pin(atoi(argv[5]));
    while (fgets(line, sizeof(line), stdin) != NULL) {
        replies_max = UINT64_MAX;
        if (sscanf(line, "%31s %u %u %lf %llu", name, &connections, &depth, &seconds,
                   &replies_max) < 4 ||
            connections < 1 || connections > CONNECTIONS_MAX || depth < 1 || depth > DEPTH_MAX)
            return 2;
        run(find_kind(name), connections, depth, seconds, replies_max, argv[3]);
    }
    return 0;
}
