/* SPDX-License-Identifier: Apache-2.0 */
/* A closed loop of requests over a Unix socket: what each server is loaded with.
 *
 *     load PROTOCOL SOCKET PID KEYS CPU < commands
 *     load values COUNT
 *
 * PROTOCOL is a row of the table below; PID is the server's, for its CPU time; CPU is where this
 * client runs (-1: anywhere).  A command is "KIND CONNECTIONS DEPTH SECONDS [REPLIES]", and ends
 * with whichever comes first; its answer is one line of name=value: how many requests a second,
 * latencies, and CPU of both sides for each.  What is measured begins when the first DEPTH requests
 * of each connection have been answered and as many again are under way, as they are at its end.
 *
 * The requests of a kind are made once, one after the other in memory in the order in which they
 * are sent, which visits the keys at random: so the client costs a write, a read and a count of
 * line ends for each turn, whatever it talks to. */
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

enum { CONNECTIONS_MAX = 1024, DEPTH_MAX = 4096, REQUEST_MAX = 512, READ_ROOM = 256 * 1024 };

/* A request is before + value + after; a good reply has so many lines and begins with `good`. */
struct kind {
    const char *protocol;
    const char *name;
    const char *before;
    const char *after;
    enum { KNOWN, ABSENT, BROKEN, NONE } value;
    unsigned lines;
    const char *good;
    char *requests;
    size_t request_len;
    size_t count;
    size_t next;
};

static struct kind kinds[] = {
    { "jeton", "hit", "verify ", "\n", KNOWN, 1, "OK id=", 0, 0, 0, 0 },
    { "jeton", "miss", "verify ", "\n", ABSENT, 1, "NO unknown", 0, 0, 0, 0 },
    { "jeton", "malformed", "verify ", "\n", BROKEN, 1, "NO malformed", 0, 0, 0, 0 },
    { "jeton", "create",
      "create subject=svc-0001 scopes=repo:read,repo:write "
      "description=\"ci deploy\"",
      "\n", NONE, 1, "OK id=", 0, 0, 0, 0 },
    { "redis", "hit", "*2\r\n$3\r\nGET\r\n$53\r\n", "\r\n", KNOWN, 2, "$6", 0, 0, 0, 0 },
    { "redis", "miss", "*2\r\n$3\r\nGET\r\n$53\r\n", "\r\n", ABSENT, 1, "$-1", 0, 0, 0, 0 },
    { "redis", "create", "*3\r\n$3\r\nSET\r\n$53\r\n",
      "\r\n$64\r\n"
      "id=00000000000000000000 subject=svc-0001 scopes=repo:read,repo:w\r\n",
      ABSENT, 1, "+OK", 0, 0, 0, 0 },
    { "memcached", "hit", "mg ", " v\r\n", KNOWN, 2, "VA 6", 0, 0, 0, 0 },
    { "memcached", "miss", "mg ", " v\r\n", ABSENT, 1, "EN", 0, 0, 0, 0 },
    { "echo", "hit", "verify ", "\n", KNOWN, 1, "verify ", 0, 0, 0, 0 },
};

struct connection {
    int fd;
    unsigned lines;      /* of the reply that is coming in */
    bool at_start;       /* of a reply */
    unsigned begin, end; /* of the ring below */
    struct turn {
        uint64_t sent;
        unsigned requests;
    } turn[DEPTH_MAX];
};

static struct connection connection[CONNECTIONS_MAX];
static struct histogram latencies;
static uint64_t replies, wrong;
static const char *protocol, *path;
static uint64_t keys;
static char buffer[READ_ROOM];

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

/* CPU time of all threads of a process, in nanoseconds. */
static uint64_t cpu_of(const char *pid)
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

static void put_value(const struct kind *k, size_t i, char *to)
{
    uint64_t number = mix(i) % keys + (k->value == ABSENT ? 2 * keys : 0);

    make_value(number, to);
    if (k->value == BROKEN)
        to[VALUE_LEN - 1] = to[VALUE_LEN - 1] == '0' ? '1' : '0';
}

/* As many as there are keys: each is sent once before one is sent again.  Where no value is in them
 * they are all the same. */
static void prepare(struct kind *k)
{
    size_t before = strlen(k->before), after = strlen(k->after);
    size_t middle = k->value == NONE ? 0 : VALUE_LEN;

    if (k->requests != NULL)
        return;
    k->request_len = before + middle + after;
    k->count = k->value == NONE || keys < DEPTH_MAX ? DEPTH_MAX : keys;
    k->requests = malloc(k->count * k->request_len);
    if (k->requests == NULL)
        die("no memory");
    for (size_t i = 0; i < k->count; i++) {
        char *at = k->requests + i * k->request_len;
        memcpy(at, k->before, before);
        if (middle > 0)
            put_value(k, i, at + before);
        memcpy(at + before + middle, k->after, after);
    }
}

/* -- turns ------------------------------------------------------------------------------------- */

static void send_requests(struct kind *k, struct connection *c, unsigned requests)
{
    if (k->next + requests > k->count)
        k->next = 0;
    const char *at = k->requests + k->next * k->request_len;
    size_t left = requests * k->request_len;
    k->next += requests;
    c->turn[c->end++ % DEPTH_MAX] = (struct turn){ nanoseconds(CLOCK_MONOTONIC), requests };
    while (left > 0) {
        ssize_t sent = send(c->fd, at, left, MSG_NOSIGNAL);
        if (sent < 0)
            die("send");
        at += sent;
        left -= (size_t)sent;
    }
}

/* How many replies end in these bytes. */
static unsigned count_replies(const struct kind *k, struct connection *c, const char *at,
                              size_t len)
{
    const char *end = at + len, *lf;
    size_t good = strlen(k->good);
    unsigned count = 0;

    while (at < end) {
        if (c->at_start && (size_t)(end - at) >= good && memcmp(at, k->good, good) != 0)
            wrong++;
        c->at_start = false;
        lf = memchr(at, '\n', (size_t)(end - at));
        if (lf == NULL)
            break;
        at = lf + 1;
        if (++c->lines < k->lines)
            continue;
        c->lines = 0;
        c->at_start = true;
        count++;
    }
    return count;
}

static void record(struct connection *c, unsigned count)
{
    uint64_t now = nanoseconds(CLOCK_MONOTONIC);

    replies += count;
    while (count > 0) {
        struct turn *t = &c->turn[c->begin % DEPTH_MAX];
        unsigned of_turn = count < t->requests ? count : t->requests;
        histogram_add(&latencies, now - t->sent, of_turn);
        t->requests -= of_turn;
        count -= of_turn;
        c->begin += t->requests == 0;
    }
}

/* One read; then as many requests go out as replies came in. */
static void turn(struct kind *k, struct connection *c, bool go_on)
{
    ssize_t len = recv(c->fd, buffer, sizeof(buffer), 0);

    if (len <= 0)
        die("recv");
    unsigned count = count_replies(k, c, buffer, (size_t)len);
    record(c, count);
    if (count > 0 && go_on)
        send_requests(k, c, count);
}

/* -- a run ------------------------------------------------------------------------------------- */

static void open_all(unsigned connections, int poll)
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
        c->at_start = true;
        c->lines = c->begin = c->end = 0;
    }
}

static bool is_idle(const struct connection *c)
{
    return c->begin == c->end;
}

static void drain(struct kind *k, unsigned connections)
{
    for (unsigned i = 0; i < connections; i++)
        while (!is_idle(&connection[i]))
            turn(k, &connection[i], false);
}

/* One connection is waited for in recv() itself. */
static void go_round(struct kind *k, unsigned connections, int poll, uint64_t until, uint64_t most)
{
    struct epoll_event event[64];

    replies = 0;
    while (nanoseconds(CLOCK_MONOTONIC) < until && replies < most) {
        if (connections == 1) {
            turn(k, &connection[0], true);
            continue;
        }
        int count = epoll_wait(poll, event, 64, 1000);
        for (int i = 0; i < count; i++)
            turn(k, &connection[event[i].data.u32], true);
    }
}

static void run(struct kind *k, unsigned connections, unsigned depth, double seconds, uint64_t most,
                const char *server)
{
    int poll = epoll_create1(EPOLL_CLOEXEC);

    prepare(k);
    open_all(connections, poll);
    wrong = 0;
    for (unsigned i = 0; i < connections; i++)
        send_requests(k, &connection[i], depth);
    go_round(k, connections, poll, UINT64_MAX, (uint64_t)connections * depth);
    latencies = (struct histogram){ 0 };
    uint64_t server_cpu = cpu_of(server), client_cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t began = nanoseconds(CLOCK_MONOTONIC);
    go_round(k, connections, poll, began + (uint64_t)(seconds * 1e9), most);
    double took = (double)(nanoseconds(CLOCK_MONOTONIC) - began), each = (double)replies;
    printf("rate=%.1f client=%.1f server=%.1f", each / took * 1e9,
           (double)(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - client_cpu) / each,
           (double)(cpu_of(server) - server_cpu) / each);
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

static struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].protocol, protocol) == 0 && strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    errno = EINVAL;
    die(name);
    return NULL;
}

/* The first values, one a line, for who fills a server. */
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
    unsigned long long most;
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
        most = UINT64_MAX;
        if (sscanf(line, "%31s %u %u %lf %llu", name, &connections, &depth, &seconds, &most) < 4 ||
            connections < 1 || connections > CONNECTIONS_MAX || depth < 1 || depth > DEPTH_MAX)
            return 2;
        run(kind_named(name), connections, depth, seconds, most, argv[3]);
    }
    return 0;
}
