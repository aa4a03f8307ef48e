/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_take.h"

#include "daemon/base/clock.h"
#include "daemon/writer/fleet_reply.h"
#include "daemon/writer/fleet_up.h"

void fleet_take_step(struct step *s, struct fleet_request *r)
{
    struct fleet_up_queue *q = &s->writer->fleet_up->queue;
    uint64_t now = clock_monotonic(), count = 0;
    bool stops = atomic_load(&s->scan->stop);

    fleet_up_find_taker(s->writer); /* what another has taken is offered to this one */
    for (; !stops && count < FLEET_TAKE_MAX && step_fits_line(s); count++) {
        const struct fleet_up_request *request = fleet_up_queue_offer(q, now);
        if (request == NULL)
            break;
        fleet_reply_offer(&s->text, request);
    }
    s->scan->waits = count == 0 && !stops && now < r->until;
    if (s->scan->waits)
        return;
    s->scan->count = count;
    step_begin_count(s);
    step_end_count(s);
}

static void finish(struct step *s, bool known)
{
    step_finish(s, known ? STATUS_OK : STATUS_UNKNOWN,
                known ? NULL : "no such request is offered, or not any more");
}

void fleet_take_done(struct step *s, struct fleet_request *r)
{
    const struct change_fleet_outcome outcome = {
        .place = r->place, .has_seen = r->has_seen, .seen = r->seen, .hosts = r->hosts
    };

    finish(s, fleet_up_done(s->writer->fleet_up, r->request, &outcome));
}

void fleet_take_failed(struct step *s, struct fleet_request *r)
{
    finish(s, fleet_up_failed(s->writer, r->request, (struct slice){ r->code, r->code_len },
                              (struct slice){ r->message, r->message_len }));
}
