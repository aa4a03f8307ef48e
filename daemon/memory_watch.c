/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/memory_watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/log.h"

/* Generous: what it takes at most. */
enum {
    TOKEN_BYTES = 256, /* of a token, beside its slot and strings */
    CONNECTION_BYTES = 256 * 1024,
    GROWTH_BYTES = 64 * 1024 * 1024, /* worth a line in the log */
};

void memory_watch_begin(struct memory_watch *g)
{
    *g = (struct memory_watch){ .statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC) };
}

void memory_watch_end(struct memory_watch *g)
{
    if (g->statm >= 0)
        close(g->statm);
}

/* Resident pages that are not of a file; tables are files in memory.  proc(5) */
static bool read_bytes(const struct memory_watch *g, uint64_t *bytes)
{
    unsigned long long resident, shared;
    char text[128];
    ssize_t len = g->statm >= 0 ? pread(g->statm, text, sizeof(text) - 1, 0) : -1;

    if (len <= 0)
        return false;
    text[len] = '\0';
    if (sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
        return false;
    *bytes = (uint64_t)(resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

static uint64_t asked_of(const struct stack_entry *step)
{
    struct series_part sum;
    uint64_t asked = 0;

    if (step->module == NULL)
        return 0;
    series_read(step->series, &sum);
    for (int o = 0; o < OUTCOME_COUNT; o++)
        asked += sum.count[o];
    return asked;
}

/* How often all of them were asked; in `names`, who they are. */
static uint64_t ask_all(const struct stacks *stacks, struct text *names)
{
    uint64_t all = 0;

    for (size_t i = 0; i < stacks->count; i++)
        for (size_t j = 0; j < stacks->stack[i].steps; j++) {
            const struct stack_entry *step = &stacks->stack[i].step[j];
            uint64_t asked = asked_of(step);
            if (asked > 0)
                text_addf(names, "%s%s of service %s", all > 0 ? ", " : "", step->name,
                          stacks->stack[i].service);
            all += asked;
        }
    return all;
}

void memory_watch_look(struct memory_watch *g, const struct server *server)
{
    struct client_limit_figures connections = client_limit_figures(server->client_limit);
    uint64_t own = token_table_figures(server->token_table).tokens * TOKEN_BYTES +
                   connections.now * CONNECTION_BYTES;
    char room[128];
    struct text names = text_in(room, sizeof(room) - 1);
    uint64_t asked = ask_all(atomic_load(&server->stacks), &names), bytes;

    if (!read_bytes(g, &bytes))
        return;
    if (asked > g->asked && bytes > g->bytes + GROWTH_BYTES &&
        bytes - g->bytes > GROWTH_BYTES + (own > g->own ? own - g->own : 0)) {
        room[names.len] = '\0';
        log_warning("jetond's memory grew by %llu MiB, to %llu, while verifiers were asked %llu "
                    "times (%s): if that goes on, one of them leaks",
                    (unsigned long long)(bytes - g->bytes) >> 20, (unsigned long long)bytes >> 20,
                    (unsigned long long)(asked - g->asked), room);
    } else if (asked > g->asked && bytes > g->bytes && g->bytes > 0) {
        return; /* slowly is also growing: keep what it is compared with */
    }
    g->bytes = bytes;
    g->own = own;
    g->asked = asked;
}
