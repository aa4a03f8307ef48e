/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process/memory_watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/log.h"

/* Upper bounds of what the daemon itself needs. */
enum {
    TOKEN_BYTES = 256, /* a token, beside its slot and strings */
    CONNECTION_BYTES = 256 * 1024,
    GROWTH_BYTES = 64 * 1024 * 1024, /* growth that is worth a warning */
};

enum { TICKS = 5 }; /* seconds from one look to the next */

void memory_watch_begin(struct memory_watch *m)
{
    *m = (struct memory_watch){ .statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC) };
}

void memory_watch_end(struct memory_watch *m)
{
    if (m->statm >= 0)
        close(m->statm);
}

/* Read how much resident memory is not file-backed, see proc(5); tables are files (memfd), so they
 * are left out. */
static bool read_bytes(const struct memory_watch *m, uint64_t *bytes)
{
    unsigned long long resident, shared;
    char text[128];
    ssize_t len = m->statm >= 0 ? pread(m->statm, text, sizeof(text) - 1, 0) : -1;

    if (len <= 0)
        return false;
    text[len] = '\0';
    if (sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
        return false;
    *bytes = (uint64_t)(resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

static uint64_t count_calls(const struct stack_entry *step)
{
    struct series_part sum;
    uint64_t calls = 0;

    if (step->module == NULL)
        return 0;
    series_read(step->series, &sum);
    for (int o = 0; o < OUTCOME_COUNT; o++)
        calls += sum.count[o];
    return calls;
}

/* Count the calls of all verifiers from shared objects; list their names in `names`. */
static uint64_t count_all_calls(const struct stacks *stacks, struct text *names)
{
    uint64_t all = 0;

    for (size_t i = 0; i < stacks->count; i++)
        for (size_t j = 0; j < stacks->stack[i].entries; j++) {
            const struct stack_entry *step = &stacks->stack[i].entry[j];
            uint64_t calls = count_calls(step);
            if (calls > 0)
                text_addf(names, "%s%s of service %s", all > 0 ? ", " : "", step->name,
                          stacks->stack[i].service);
            all += calls;
        }
    return all;
}

void memory_watch_look(struct memory_watch *m, const struct server *server)
{
    struct client_limit_stats connections = client_limit_stats(server->client_limit);
    uint64_t own = token_table_figures(server->token_table).tokens * TOKEN_BYTES +
                   connections.now * CONNECTION_BYTES;
    char buffer[128];
    struct text names = text_in(buffer, sizeof(buffer) - 1);
    uint64_t calls = count_all_calls(server->stack_set->current, &names), bytes;

    if (!read_bytes(m, &bytes))
        return;
    if (calls > m->calls && bytes > m->bytes + GROWTH_BYTES &&
        bytes - m->bytes > GROWTH_BYTES + (own > m->own ? own - m->own : 0)) {
        buffer[names.len] = '\0';
        log_warning("memory: grew by %llu MiB to %llu MiB while verifiers were called %llu "
                    "times (%s): if that goes on, one of them leaks",
                    (unsigned long long)(bytes - m->bytes) >> 20, (unsigned long long)bytes >> 20,
                    (unsigned long long)(calls - m->calls), buffer);
    } else if (calls > m->calls && bytes > m->bytes && m->bytes > 0) {
        return; /* keep the values to compare with, so that slow growth adds up */
    }
    m->bytes = bytes;
    m->own = own;
    m->calls = calls;
}

void memory_watch_tick(struct memory_watch *m, const struct server *server)
{
    memory_return_tick(&m->memory_return, server);
    if (m->ticks++ % TICKS == 0)
        memory_watch_look(m, server);
}
