/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fleet/phases_private.h"

#include <string.h>
#include <sys/resource.h>

#include "tests/fleet/owner.h"

static const double nanoseconds = 1e9, milliseconds = 1e6 /* nanoseconds in one */;

/* -- waiting ------------------------------------------------------------------------------------- */

bool phases_run_until(struct phases *p, phases_condition *holds, uint64_t argument, double seconds)
{
    const int64_t end = clock_now() + (int64_t)(seconds * nanoseconds);

    while (!holds(p, argument)) {
        if (clock_now() > end)
            return false;
        event_base_loop(p->simulation->base, EVLOOP_ONCE);
    }
    return true;
}

void phases_must(struct phases *p, phases_condition *holds, uint64_t argument, const char *what)
{
    if (!phases_run_until(p, holds, argument, PATIENCE))
        die(what, p->simulation->errors > 0 ? p->simulation->error : "not in time");
}

bool phases_is_late(struct phases *p, uint64_t moment)
{
    (void)p;
    return clock_now() >= (int64_t)moment;
}

bool phases_all_have(struct phases *p, uint64_t serial)
{
    for (unsigned i = 0; i < p->simulation->count; i++) {
        const struct host *h = &p->simulation->host[i];
        if (!h->begun || h->follows_at == 0 || h->history.place.serial < serial)
            return false;
    }
    return true;
}

bool phases_real_has(struct phases *p, uint64_t serial)
{
    return p->real == NULL || real_serial(p->real) >= serial;
}

/* -- hosts --------------------------------------------------------------------------------------- */

static void print_catching_up(struct phases *p, unsigned first, int64_t began)
{
    const struct simulation *s = p->simulation;

    printf("hosts=%u seconds=%.3f", s->count - first, (double)(clock_now() - began) / nanoseconds);
    for (unsigned i = first; i < s->count; i++)
        samples_add(&p->samples, s->host[i].follows_at - s->host[i].began_at);
    samples_print(&p->samples, "follow");
}

/* Tokens that are there already: the table alone, without their changes. */
static void fill(struct phases *p, unsigned first, unsigned count)
{
    const int64_t began = clock_now();

    owner_fill(p->simulation, first, count);
    printf("tokens=%u seconds=%.3f", count, (double)(clock_now() - began) / nanoseconds);
}

static bool is_accepted(struct phases *p, uint64_t number)
{
    return real_accepts(p->real, number);
}

static void accepts(struct phases *p, unsigned number)
{
    const int64_t began = clock_now();

    if (p->real == NULL)
        die("accepts", "there is no real host");
    phases_must(p, is_accepted, number, "the real host accepts the token");
    printf("seconds=%.3f", (double)(clock_now() - began) / nanoseconds);
}

static void members(struct phases *p, unsigned count)
{
    owner_join(p->simulation, count);
    printf("members=%u", count);
}

static void begin_hosts(struct phases *p, unsigned count, bool at_newest)
{
    struct simulation *s = p->simulation;
    const unsigned first = s->count;
    const int64_t began = clock_now();

    if (count > HOSTS_MAX - first)
        die("hosts", "too many");
    for (unsigned i = first; i < first + count; i++) {
        host_init(&s->host[i], s, i + 1);
        s->count++;
        host_begin(&s->host[i], at_newest);
    }
    phases_must(p, phases_all_have, 0, "all hosts follow");
    print_catching_up(p, first, began);
}

/* From an empty host on. */
static void join(struct phases *p, unsigned count)
{
    begin_hosts(p, count, false);
}

/* As hosts that were there before, and missed nothing. */
static void come_back(struct phases *p, unsigned count)
{
    begin_hosts(p, count, true);
}

static void cut_all(struct phases *p)
{
    for (unsigned i = 0; i < p->simulation->count; i++)
        host_cut(&p->simulation->host[i]);
}

static void storm(struct phases *p)
{
    const int64_t began = clock_now();
    uint64_t before = 0, after = 0;

    for (unsigned i = 0; i < p->simulation->count; i++)
        before += p->simulation->host[i].refused;
    cut_all(p);
    phases_must(p, phases_all_have, 0, "all hosts follow again");
    print_catching_up(p, 0, began);
    for (unsigned i = 0; i < p->simulation->count; i++)
        after += p->simulation->host[i].refused;
    printf(" refused=%llu", (unsigned long long)(after - before));
}

/* Without notifications there is only the poll each second; with them again: deaf 0. */
static void deaf(struct phases *p, unsigned is)
{
    p->simulation->deaf = is > 0;
    cut_all(p);
    phases_must(p, phases_all_have, 0, "all hosts follow again");
    printf("deaf=%u", is > 0);
}

/* -- what is so ---------------------------------------------------------------------------------- */

static bool is_settled(struct phases *p, uint64_t unused)
{
    (void)unused;
    if (!phases_all_have(p, 0) || clock_now() < p->ask_owner_at)
        return false;
    p->ask_owner_at = clock_now() + OWNER_PAUSE_NS;
    const int64_t newest = owner_newest(p->simulation);
    return newest >= 0 && phases_all_have(p, (uint64_t)newest) &&
           phases_real_has(p, (uint64_t)newest);
}

/* Wait until all hosts have all changes, and compare what they were given with the table. */
static void check(struct phases *p, unsigned seconds)
{
    struct simulation *s = p->simulation;
    struct host sum = { 0 };
    struct rusage usage;
    int64_t lease = INT64_MAX;

    const bool settled = phases_run_until(p, is_settled, 0, seconds);
    const int64_t now = clock_now();
    for (unsigned i = 0; i < s->count; i++) {
        const struct host *h = &s->host[i];
        sum.rewinds += h->rewinds;
        sum.snapshots += h->snapshots;
        sum.gaps += h->gaps;
        sum.lapses += h->lapses + (h->lease != 0 && h->lease < now);
        lease = h->lease < lease ? h->lease : lease;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("settled=%d hosts=%u differ=%u gaps=%llu rewinds=%llu snapshots=%llu lapses=%llu "
           "errors=%llu lease_ms=%.0f memory_mb=%.1f",
           settled, s->count, owner_compare(s), (unsigned long long)sum.gaps,
           (unsigned long long)sum.rewinds, (unsigned long long)sum.snapshots,
           (unsigned long long)sum.lapses, (unsigned long long)s->errors,
           lease == 0 || s->count == 0 ? 0.0 : (double)(lease - now) / milliseconds,
           (double)usage.ru_maxrss / 1024);
    if (s->errors > 0)
        fprintf(stderr, "simulator: %s\n", s->error);
}

/* Let time pass: tenths of a second. */
static void rest(struct phases *p, unsigned tenths)
{
    phases_run_until(p, phases_is_late, (uint64_t)(clock_now() + (int64_t)tenths * 100000000),
                     PATIENCE);
    printf("rested=%u", tenths);
}

/* -- commands ------------------------------------------------------------------------------------ */

static const struct command {
    const char *name;
    int arguments;
    void (*with_none)(struct phases *p);
    void (*with_one)(struct phases *p, unsigned);
    void (*with_two)(struct phases *p, unsigned, unsigned);
} commands[] = {
    { "members", 1, NULL, members, NULL },     { "fill", 2, NULL, NULL, fill },
    { "accepts", 1, NULL, accepts, NULL },     { "join", 1, NULL, join, NULL },
    { "return", 1, NULL, come_back, NULL },    { "deaf", 1, NULL, deaf, NULL },
    { "storm", 0, storm, NULL, NULL },         { "create", 2, NULL, NULL, changes_create },
    { "burst", 2, NULL, NULL, changes_burst }, { "revoke", 2, NULL, NULL, changes_revoke },
    { "check", 1, NULL, check, NULL },         { "rest", 1, NULL, rest, NULL },
};

void phases_run(struct phases *p, const char *line)
{
    unsigned first = 0, second = 0;
    char name[16] = "";
    const int given = sscanf(line, "%15s %u %u", name, &first, &second) - 1;

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->name, name) != 0 || c->arguments != given)
            continue;
        if (c->with_none != NULL)
            c->with_none(p);
        else if (c->with_one != NULL)
            c->with_one(p, first);
        else
            c->with_two(p, first, second);
        putchar('\n');
        fflush(stdout);
        return;
    }
    die(line, "no such command");
}

static void on_tick(evutil_socket_t fd, short what, void *unused)
{
    (void)fd;
    (void)what;
    (void)unused;
}

struct phases *phases_new(struct simulation *s, struct real *real)
{
    static const struct timeval tick = { 0, 10000 };
    struct phases *p = calloc(1, sizeof(*p));

    if (p == NULL)
        die("phases", "no memory");
    p->simulation = s;
    p->real = real;
    samples_init(&p->samples, (size_t)CALLS_MAX * HOSTS_MAX);
    p->ticker = event_new(s->base, -1, EV_PERSIST, on_tick, NULL);
    if (p->ticker == NULL || event_add(p->ticker, &tick) != 0)
        die("phases", "no memory");
    return p;
}

void phases_free(struct phases *p)
{
    for (unsigned i = 0; i < p->simulation->count; i++)
        host_end(&p->simulation->host[i]);
    writer_free(p->writer);
    event_free(p->ticker);
    samples_free(&p->samples);
    free(p);
}
