/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_run.h"

#include <errno.h>
#include "daemon/base/log.h"
#include "daemon/writer/fleet.h"
#include "daemon/writer/fleet_apply.h"
#include "daemon/writer/fleet_request.h"
#include "daemon/writer/fleet_sweep.h"
#include "daemon/writer/fleet_take.h"
#include "daemon/writer/fleet_touched.h"
#include "daemon/writer/fleet_up_kept.h"
#include "proto/reply.h"

enum { PLACES_STEP = 256 }; /* lines of one step */

typedef void word_step(struct step *s, struct fleet_request *r);
static word_step step_places, step_rewind, step_end;

static word_step *const words[FLEET_WORDS] = {
    [FLEET_WORD_PLACES] = step_places,
    [FLEET_WORD_REWIND] = step_rewind,
    [FLEET_WORD_END] = step_end,
    [FLEET_WORD_TAKE] = fleet_take_step,
    [FLEET_WORD_DONE] = fleet_take_done,
    [FLEET_WORD_FAILED] = fleet_take_failed,
    [FLEET_WORD_TOUCHED] = fleet_touched_step,
};

void fleet_run_step(struct step *s)
{
    struct fleet_request *r = s->scan->fleet;

    words[r->word](s, r);
}

static void put_place(struct text *t, const struct fleet_place *place)
{
    line_put_key(t, "place");
    fleet_place_put(t, place);
}

static void finish_count(struct step *s, const struct fleet_request *r)
{
    s->scan->count = r->count;
    step_begin_count(s);
    step_end_count(s);
}

static void step_places(struct step *s, struct fleet_request *r)
{
    struct fleet_place places[PLACES_STEP];
    uint64_t left = r->limit - r->count;
    size_t most = left < PLACES_STEP ? (size_t)left : PLACES_STEP;
    size_t found = fleet_cache_places(s->writer->fleet->cache, r->serial, places, most);

    for (size_t i = 0; i < found; i++) {
        text_addc(&s->text, '*');
        put_place(&s->text, &places[i]);
        text_addc(&s->text, '\n');
        r->serial = places[i].serial;
        r->count++;
    }
    if (found < PLACES_STEP || atomic_load(&s->scan->stop))
        finish_count(s, r);
}

static void step_rewind(struct step *s, struct fleet_request *r)
{
    struct fleet *f = s->writer->fleet;

    fleet_apply_check_holder(s->writer); /* a snapshot that was given up a moment ago */
    int error = f->snapshot != 0 ? -EBUSY : fleet_cache_rewind(f->cache, &r->place);

    if (error == 0) {
        fleet_up_kept_pass(s->writer->fleet_up, UINT64_MAX); /* its history has other places */
        f->figures.rewinds++;
        f->notes.next.rewound = true;
        log_warning(
            "fleet: went back to serial %llu, which is the newest that the database knows, too",
            (unsigned long long)r->place.serial);
    }
    fleet_show(f);
    if (error == -ENOENT) {
        step_finish(s, STATUS_UNKNOWN, "that is not among the places that this host knows");
    } else if (error == -EBUSY) {
        step_finish(s, STATUS_BUSY, "a snapshot is under way");
    } else if (error < 0) {
        step_finish(s, STATUS_STORE, fleet_cache_problem(f->cache)->message);
    } else {
        reply_begin(&s->text, STATUS_OK);
        put_place(&s->text, &f->figures.place);
        step_end_count(s);
    }
}

static void finish_end(struct step *s, uint64_t changes)
{
    reply_begin(&s->text, STATUS_OK);
    put_place(&s->text, &s->writer->fleet->figures.place);
    line_put_u64(&s->text, "changes", changes);
    step_end_count(s);
}

static void refuse_end(struct step *s, const struct problem *problem)
{
    reply_begin(&s->text, problem->status);
    if (problem->status == STATUS_PLACE)
        put_place(&s->text, &s->writer->fleet->figures.place);
    reply_end(&s->text, problem->status, problem->message);
    s->scan->finished = true;
}

/* The request keeps its delivery for the next part of a snapshot alone; otherwise the session has none any more. */
static void step_end(struct step *s, struct fleet_request *r)
{
    struct problem problem;

    fleet_apply_check_holder(s->writer); /* what was given up a moment ago is taken back first */
    if (fleet_sweep_step(s->writer))
        return;
    enum status status = fleet_apply_delivery(s->writer, r, &problem);
    if (status == STATUS_OK)
        finish_end(s, r->delivery->count);
    else
        refuse_end(s, &problem);
    if (status == STATUS_OK && r->more) {
        fleet_delivery_clear(r->delivery);
    } else {
        fleet_delivery_free(r->delivery);
        r->delivery = NULL;
    }
}
