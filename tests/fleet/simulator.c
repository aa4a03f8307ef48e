/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts of a fleet in one process, against a real database: the agent's protocol for each, without a jetond behind
 * it.
 *
 *     simulator CONNINFO [VERIFY-SOCKET FLEET-SOCKET] < commands
 *
 * CONNINFO is of the owner of the schema, on a server that trusts who connects; hosts are the roles sim-1, sim-2 …
 * of the group `sim`, and sim-issuer makes the changes.  The sockets are those of one real jetond, whose agent is a
 * member of that group, too.  Each command is answered by one line of name=value, times in ms if not said otherwise:
 *
 *     members N         make N hosts members
 *     fill FIRST N      make N tokens be there, numbered from FIRST on, without their changes
 *     accepts NUMBER    wait until the real host accepts the token with this number
 *     join N            connect N more hosts, from nothing: each reads a snapshot
 *     return N          connect N more hosts that were there before: from the newest place on
 *     deaf 1|0          connect all hosts again, which do not LISTEN, only poll; or do
 *     create N BATCH    create tokens, and wait until all hosts have them: seconds
 *     revoke N PAUSE    revoke tokens, each PAUSE ms after the last: when each host has it, from the call and from the
 *                       answer on; when the last has it; when the real one refuses it, and has saved that
 *     burst N BATCH     revoke tokens in statements of BATCH: seconds until the last host has the last
 *     storm             cut all connections at once: until all follow again
 *     rest TENTHS       let time pass, in tenths of a second
 *     check SECONDS     wait until all have all, and compare what each was given with the table of changes
 *
 * Between commands the hosts go on.  Its memory is 64 KiB a host, and HOST_PAGE rows for those that read at the same
 * time. */
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "tests/fleet/host.h"
#include "tests/fleet/phases.h"

struct input {
    char line[200];
    size_t len;
    bool ended;
};

static void on_input(evutil_socket_t fd, short what, void *input)
{
    struct input *in = input;
    ssize_t got = read(fd, in->line + in->len, sizeof(in->line) - 1 - in->len);

    (void)what;
    if (got <= 0)
        in->ended = true;
    else
        in->len += (size_t)got;
}

/* Run the whole lines that are there. */
static void run_lines(struct phases *p, struct input *in)
{
    char *end;

    while ((end = memchr(in->line, '\n', in->len)) != NULL) {
        *end = '\0';
        phases_run(p, in->line);
        in->len -= (size_t)(end + 1 - in->line);
        memmove(in->line, end + 1, in->len);
    }
    if (in->len == sizeof(in->line) - 1)
        die("input", "the line is too long");
}

static struct event_base *precise_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    if (config == NULL || event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) != 0 ||
        (base = event_base_new_with_config(config)) == NULL)
        die("event loop", "no memory");
    event_config_free(config);
    return base;
}

int main(int argc, char **argv)
{
    struct simulation s = { .base = precise_base() };
    struct input in = { .len = 0 };
    struct real *real = NULL;

    if ((argc != 2 && argc != 4) || sodium_init() < 0)
        die("usage", "simulator CONNINFO [VERIFY-SOCKET FLEET-SOCKET] < commands");
    s.conninfo = argv[1];
    s.next_created = s.next_revoked = (uint64_t)time(NULL) << 20; /* not those of a run before */
    s.host = calloc(HOSTS_MAX, sizeof(*s.host));
    struct event *input = event_new(s.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &in);
    if (s.host == NULL || input == NULL || event_add(input, NULL) != 0)
        die("start", "no memory");
    if (argc == 4)
        real = real_new(&s, argv[2], argv[3]);
    struct phases *p = phases_new(&s, real);
    while (!in.ended) {
        event_base_loop(s.base, EVLOOP_ONCE);
        run_lines(p, &in);
    }
    phases_free(p);
    real_free(real);
    event_free(input);
    event_base_free(s.base);
    free(s.host);
    return 0;
}
