/* SPDX-License-Identifier: Apache-2.0 */
/* A program that verifies by libjeton while each call that the library makes fails in turn: it
 * gets the right verdict or JETON_UNAVAILABLE, and leaves nothing behind.
 *
 *     failing_client SOCKET SECONDS [TURN [SEED]] <VALUES
 *
 * VALUES are lines: a token that is valid for a day, one that was revoked, one that does not exist,
 * one that has expired, and one that is not active yet. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "failing_turns.h"
#include "plugin/lib/jeton.h"

enum { VALUES = 5, TIMEOUT = 200, PATIENCE = 20000 }; /* milliseconds */

static const char *const calls[] = {
    "malloc",     "mmap",       "madvise",       "socket",       "connect", "fcntl",
    "setsockopt", "getsockopt", "lstat",         "fstatfs",      "send",    "recvmsg",
    "recv",       "poll",       "clock_gettime", "sched_getcpu", NULL,
};

static const char *path;
static char value[VALUES][600];
static const enum jeton_status right[VALUES] = {
    JETON_OK, JETON_REVOKED, JETON_UNKNOWN, JETON_EXPIRED, JETON_PENDING,
};
static bool strict;         /* nothing fails: only the correct verdict is right */
static struct jeton *asker; /* a handle that was opened while nothing failed */

/* -- asking ------------------------------------------------------------------------------------ */

static void judge(int i, enum jeton_status status, const struct jeton_claims *claims)
{
    bool judged = status == right[i];

    turns_demand(judged || (status == JETON_UNAVAILABLE && !strict),
                 right[i] == JETON_OK ? "what is good passes" : "what must be refused is refused");
    turns_demand((jeton_source(claims) == JETON_NOBODY) == !judged, "an answer has a source");
    turns_demand((status == JETON_OK) == (claims->verifier[0] != '\0'),
                 "a pass names its verifier");
}

static void ask_each(struct jeton *h)
{
    for (int i = 0; i < VALUES; i++) {
        struct jeton_claims claims = JETON_CLAIMS_INIT;
        judge(i, jeton_verify(h, value[i], strlen(value[i]), "a", NULL, &claims), &claims);
    }
}

static void ask_all(struct jeton *h)
{
    struct jeton_claims claims[VALUES];
    struct jeton_check check[VALUES];
    size_t passed = 0;

    for (int i = 0; i < VALUES; i++) {
        claims[i] = (struct jeton_claims)JETON_CLAIMS_INIT;
        check[i] = (struct jeton_check){
            .value = value[i],
            .length = strlen(value[i]),
            .claims = &claims[i],
        };
    }
    size_t counted = jeton_verify_batch(h, check, VALUES);
    for (int i = 0; i < VALUES; i++) {
        judge(i, (enum jeton_status)check[i].status, &claims[i]);
        passed += check[i].status == JETON_OK;
    }
    turns_demand(counted == passed, "as many passed as it counted");
}

struct pending {
    int i;
    bool done;
    struct jeton_claims claims;
};

static void answered(void *context, enum jeton_status status)
{
    struct pending *p = context;

    turns_demand(!p->done, "an answer comes once");
    p->done = true;
    judge(p->i, status, &p->claims);
}

static void dispatch(struct jeton *h)
{
    struct pollfd fd = { .fd = jeton_fd(h), .events = jeton_events(h) };
    int timeout = jeton_timeout(h);

    turns_demand(timeout >= 0 && timeout <= PATIENCE, "it waits for an answer, but not for long");
    poll(&fd, 1, timeout);
    jeton_dispatch(h);
}

/* Ask by the calls that do not wait. */
static void ask_in_a_loop(struct jeton *h)
{
    struct pending pending[VALUES];

    for (int i = 0; i < VALUES; i++) {
        struct pending *p = &pending[i];
        *p = (struct pending){ .i = i, .claims = JETON_CLAIMS_INIT };
        enum jeton_status status = jeton_verify_start(h, value[i], strlen(value[i]), NULL, NULL,
                                                      &p->claims, answered, p);
        if (status != JETON_WAITING)
            answered(p, status);
    }
    for (int i = 0; i < VALUES; i++)
        while (!pending[i].done)
            dispatch(h);
}

static void ask(struct jeton *h)
{
    ask_each(h);
    ask_all(h);
    ask_in_a_loop(h);
}

/* -- a round ----------------------------------------------------------------------------------- */

static void life(unsigned flags)
{
    struct jeton *h;
    int error = jeton_open(&h, path, NULL, flags);

    turns_demand((error == 0) == (h != NULL), "a handle, or an error");
    turns_demand(error == 0 || !strict, "a handle is had");
    if (h == NULL)
        return;
    turns_demand(jeton_set_timeout(h, strict ? PATIENCE : TIMEOUT) == 0, "a timeout can be set");
    ask(h);
    jeton_close(h);
}

/* Ask with handles opened meanwhile, and with the one that was opened while nothing failed. */
static void faulty(void)
{
    life(0);
    life(JETON_NO_TABLE);
    ask(asker);
}

static void before(void)
{
    turns_demand(jeton_open(&asker, path, NULL, JETON_NO_TABLE) == 0, "a handle is had");
    ask(asker);
    jeton_set_timeout(asker, TIMEOUT);
}

static void after(void)
{
    strict = true;
    jeton_set_timeout(asker, PATIENCE);
    faulty();
    jeton_close(asker);
    strict = false;
}

/* -- a long life ------------------------------------------------------------------------------- */

static bool by_table(struct jeton *h)
{
    struct jeton_claims claims = JETON_CLAIMS_INIT;

    return jeton_verify(h, value[0], strlen(value[0]), NULL, NULL, &claims) == JETON_OK &&
           jeton_source(&claims) == JETON_TABLE;
}

static void begin_long(void)
{
    turns_demand(jeton_open(&asker, path, NULL, 0) == 0, "a handle is had");
    jeton_set_timeout(asker, TIMEOUT);
}

static void ask_long(void)
{
    for (int i = 0; i < 100; i++)
        ask(asker);
}

/* Wait for the table, which is requested once a second. */
static void end_long(void)
{
    strict = true;
    jeton_set_timeout(asker, PATIENCE);
    ask(asker);
    for (int waited = 0; !by_table(asker); waited += 10) {
        turns_demand(waited < PATIENCE, "the table comes back");
        poll(NULL, 0, 10);
    }
    jeton_close(asker);
    strict = false;
}

int main(int argc, char **argv)
{
    const struct play play = { before, faulty, after };
    const struct play long_play = { begin_long, ask_long, end_long };

    if (argc < 3 || argc > 5)
        return 2;
    path = argv[1];
    for (int i = 0; i < VALUES; i++) {
        if (fgets(value[i], sizeof(value[i]), stdin) == NULL)
            return 2;
        value[i][strcspn(value[i], "\n")] = '\0';
    }
    if (argc > 3) {
        turns_take_one(argv[3], argc > 4 ? (unsigned)atol(argv[4]) : 0, &play);
        return 0;
    }
    turns_take(calls, atof(argv[2]), &play);
    turns_take_one("any:10", (unsigned)time(NULL), &long_play);
    return 0;
}
