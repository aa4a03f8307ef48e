/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fleet/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STACK_BYTES = 1024 * 1024 };

/* What threads tell the resolver by; the last of them frees it. */
struct bell {
    atomic_uint users;
    int fd;
};

/* Shared by the resolver and a thread; the last of both frees it. */
struct lookup {
    LIST_ENTRY(lookup) link; /* the resolver's */
    atomic_uint users;
    struct bell *bell;
    char name[RESOLVER_NAME_SIZE];
    atomic_bool done; /* then `answer` is there */
    struct resolver_answer answer;
};

struct resolver {
    LIST_HEAD(, lookup) lookups;
    unsigned count;
    struct bell *bell;
    struct event *event;
    void (*answered)(void *context);
    void *context;
};

/* -- shared by threads -------------------------------------------------------------------------- */

static void release_bell(struct bell *b)
{
    if (atomic_fetch_sub(&b->users, 1) > 1)
        return;
    close(b->fd);
    free(b);
}

static void release_lookup(struct lookup *l)
{
    if (atomic_fetch_sub(&l->users, 1) > 1)
        return;
    release_bell(l->bell);
    free(l);
}

static void take_addresses(struct resolver_answer *a, const struct addrinfo *list)
{
    for (; list != NULL && a->count < RESOLVER_ADDRESSES_MAX; list = list->ai_next)
        if (getnameinfo(list->ai_addr, list->ai_addrlen, a->address[a->count],
                        RESOLVER_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0)
            a->count++;
    if (a->count == 0)
        snprintf(a->why, sizeof(a->why), "it has no address");
}

/* Look a name up as libpq does. */
static void *run(void *lookup)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    const uint64_t one = 1;
    struct lookup *l = lookup;
    struct addrinfo *list = NULL;
    const int error = getaddrinfo(l->name, NULL, &hints, &list);

    if (error == 0) {
        take_addresses(&l->answer, list);
        freeaddrinfo(list);
    } else {
        snprintf(l->answer.why, sizeof(l->answer.why), "%s", gai_strerror(error));
    }
    atomic_store(&l->done, true);
    (void)!write(l->bell->fd, &one, sizeof(one)); /* a counter; it is never full */
    release_lookup(l);
    return NULL;
}

/* -- threads -------------------------------------------------------------------------------------- */

/* Start a thread that gets no signals, which are the event loop's. */
static bool start_thread(struct lookup *l)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&thread, &attributes, run, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

static void start(struct lookup *l)
{
    atomic_fetch_add(&l->users, 1);
    if (start_thread(l))
        return;
    snprintf(l->answer.why, sizeof(l->answer.why), "no thread can be started");
    atomic_store(&l->done, true);
    release_lookup(l);
}

/* -- the resolver --------------------------------------------------------------------------------- */

static void on_bell(evutil_socket_t fd, short what, void *resolver)
{
    struct resolver *r = resolver;
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof(count)) > 0)
        r->answered(r->context);
}

static struct bell *bell_new(void)
{
    struct bell *b = malloc(sizeof(*b));

    if (b == NULL)
        return NULL;
    atomic_init(&b->users, 1);
    b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->fd >= 0)
        return b;
    free(b);
    return NULL;
}

struct resolver *resolver_new(struct event_base *base, void (*answered)(void *context),
                              void *context)
{
    struct resolver *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->answered = answered;
    r->context = context;
    r->bell = bell_new();
    if (r->bell != NULL)
        r->event = event_new(base, r->bell->fd, EV_READ | EV_PERSIST, on_bell, r);
    if (r->event != NULL && event_add(r->event, NULL) == 0)
        return r;
    resolver_free(r);
    return NULL;
}

static void drop(struct resolver *r, struct lookup *l)
{
    LIST_REMOVE(l, link);
    r->count--;
    release_lookup(l);
}

void resolver_free(struct resolver *r)
{
    struct lookup *l;

    if (r == NULL)
        return;
    while ((l = LIST_FIRST(&r->lookups)) != NULL)
        drop(r, l);
    if (r->event != NULL)
        event_free(r->event);
    if (r->bell != NULL)
        release_bell(r->bell);
    free(r);
}

static struct lookup *find(const struct resolver *r, struct slice name)
{
    struct lookup *l;

    LIST_FOREACH(l, &r->lookups, link)
    if (slice_is(name, l->name))
        return l;
    return NULL;
}

void resolver_ask(struct resolver *r, struct slice name)
{
    if (name.len >= RESOLVER_NAME_SIZE || find(r, name) != NULL || r->count == RESOLVER_NAMES_MAX)
        return;
    struct lookup *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return;
    memcpy(l->name, name.at, name.len);
    atomic_init(&l->users, 1);
    l->bell = r->bell;
    atomic_fetch_add(&l->bell->users, 1);
    LIST_INSERT_HEAD(&r->lookups, l, link);
    r->count++;
    start(l);
}

const struct resolver_answer *resolver_answer(const struct resolver *r, struct slice name)
{
    static const struct resolver_answer none = { .why = "it cannot be looked up" };
    const struct lookup *l = find(r, name);

    if (l == NULL)
        return &none;
    return atomic_load(&l->done) ? &l->answer : NULL;
}

void resolver_forget(struct resolver *r)
{
    for (struct lookup *l = LIST_FIRST(&r->lookups), *next; l != NULL; l = next) {
        next = LIST_NEXT(l, link);
        if (atomic_load(&l->done))
            drop(r, l);
    }
}
