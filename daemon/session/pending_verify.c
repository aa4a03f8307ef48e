/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/pending_verify.h"

#include <event2/event_struct.h>
#include <stdlib.h>

/* One verification on the list. */
struct matter {
    struct matter *next;
    struct session *session;
    struct stacks *stacks;              /* which it keeps in existence */
    struct errand *errand;              /* under way; or NULL */
    struct event late;                  /* ... and no longer than this */
    bool decided;
    struct hearing hearing;
};

static void go_on(struct matter *m);
static void on_late(evutil_socket_t fd, short what, void *matter);

static struct hearing_place place_of(struct session *s)
{
    return (struct hearing_place){
        .publisher = s->lane->server->publisher,
        .lane = s->lane->reader,
        .peer = &s->peer,
        .group_count = s->group_count,
        .groups = s->groups,
    };
}

static void read_groups(struct session *s)
{
    if (s->groups_read)
        return;
    s->groups_read = true;
    s->groups = peer_groups(s->fd, &s->group_count);
}

/* -- one after the other --------------------------------------------------------------------- */

static bool put_reply(struct session *s, struct hearing *h)
{
    struct text t;

    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return false;
    hearing_end(h, s->lane->reader, &t);
    iobuf_commit(&s->out, t.len);
    return true;
}

static void drop_first(struct session *s)
{
    struct matter *m = s->first_matter;

    s->first_matter = m->next;
    if (m->next == NULL)
        s->last_matter = NULL;
    s->matters--;
    hearing_wipe(&m->hearing);
    atomic_fetch_sub(&m->stacks->hearings, 1);
    free(m);
}

static void flush(struct session *s)
{
    while (s->first_matter != NULL && s->first_matter->decided) {
        put_reply(s, &s->first_matter->hearing);
        drop_first(s);
    }
}

static struct matter *append(struct session *s)
{
    struct matter *m = malloc(sizeof(*m));

    if (m == NULL)
        return NULL;
    m->next = NULL;
    m->session = s;
    m->stacks = atomic_load(&s->lane->stacks);
    m->errand = NULL;
    m->decided = false;
    event_assign(&m->late, s->lane->base, -1, 0, on_late, m);
    atomic_fetch_add(&m->stacks->hearings, 1);
    if (s->last_matter != NULL)
        s->last_matter->next = m;
    else
        s->first_matter = m;
    s->last_matter = m;
    s->matters++;
    return m;
}

bool docket_hear(struct session *s, const struct stack *stack, const struct question *asked,
                 struct slice service, int64_t now)
{
    read_groups(s);
    struct hearing_place place = place_of(s);
    if (s->first_matter == NULL && !stack->waits) {
        struct hearing *h = &s->lane->hearing;
        hearing_begin(h, stack, asked, service, &place, now);
        hearing_go_on(h, &place);
        bool told = put_reply(s, h);
        hearing_wipe(h);
        return told;
    }
    struct matter *m = append(s);
    if (m == NULL) {
        s->ended = true;
        return false;
    }
    hearing_begin(&m->hearing, stack, asked, service, &place, now);
    go_on(m);
    flush(s);
    return true;
}

/* -- errands --------------------------------------------------------------------------------- */

/* Sends the step's question to its pool; false: that cannot be. */
static bool send_errand(struct matter *m, struct step *step)
{
    struct hearing *h = &m->hearing;
    const struct timeval limit = {
        .tv_sec = step->deadline / 1000000000,
        .tv_usec = step->deadline % 1000000000 / 1000,
    };

    h->question.deadline = (int64_t)h->step_began + step->deadline;
    struct errand *e = errand_new(&h->question);
    if (e == NULL)
        return false;
    e->mail.arrive = m->session->errand_arrives;
    e->home = &m->session->lane->box;
    e->sender = m;
    if (step->pool == NULL || evtimer_add(&m->late, &limit) < 0 || !pool_send(step->pool, e)) {
        evtimer_del(&m->late);
        errand_free(e);
        return false;
    }
    m->errand = e;
    m->session->errands++;
    return true;
}

static void go_on(struct matter *m)
{
    struct hearing_place place = place_of(m->session);

    while (m->errand == NULL && !m->decided) {
        m->decided = hearing_go_on(&m->hearing, &place);
        if (!m->decided && !send_errand(m, hearing_step(&m->hearing)))
            hearing_lack(&m->hearing, place.lane, COMPLAINT_BUSY);
    }
}

struct session *docket_resume(struct mail *mail)
{
    struct errand *e = (struct errand *)mail;
    struct matter *m = e->sender;
    struct session *s = m->session;

    evtimer_del(&m->late);
    m->errand = NULL;
    s->errands--;
    if (e->ended_its_thread)
        hearing_lack(&m->hearing, s->lane->reader, COMPLAINT_THREAD);
    else
        hearing_take(&m->hearing, s->lane->reader, e->outcome, &e->answer);
    errand_free(e);
    if (s->closing)
        m->decided = true;
    else
        go_on(m);
    if (!s->closing)
        flush(s);
    else if (s->errands == 0)
        docket_close(s);
    return s;
}

/* Nobody waits for it any longer.  If it is coming home just now, that is as good. */
static void on_late(evutil_socket_t fd, short what, void *matter)
{
    struct matter *m = matter;
    struct session *s = m->session;
    enum errand_fate fate = pool_give_up(m->errand);

    (void)fd;
    (void)what;
    if (fate == ERRAND_COMES)
        return;
    m->errand = NULL;
    s->errands--;
    hearing_lack(&m->hearing, s->lane->reader,
                 fate == ERRAND_HANGS ? COMPLAINT_LATE : COMPLAINT_BUSY);
    go_on(m);
    flush(s);
    s->goes_on(s);
}

void docket_close(struct session *s)
{
    s->closing = true;
    for (struct matter *m = s->first_matter; m != NULL; m = m->next) {
        evtimer_del(&m->late);
        if (m->errand == NULL || pool_give_up(m->errand) == ERRAND_COMES)
            continue;
        m->errand = NULL;
        s->errands--;
    }
    while (s->errands == 0 && s->first_matter != NULL)
        drop_first(s);
}
