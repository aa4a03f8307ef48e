/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_touched.h"

#include "daemon/table/table_walk.h"

enum { STEP_SLOTS = 65536, STEP_TOKENS = 64 };

bool fleet_touched_read(struct fleet_request *r, struct slice position)
{
    struct slice slot = { position.at, 0 };
    uint64_t at, of;

    while (slot.len < position.len && position.at[slot.len] != '.')
        slot.len++;
    if (slot.len == position.len)
        return false;
    struct slice slots = { position.at + slot.len + 1, position.len - slot.len - 1 };
    if (!number_parse(slot, UINT32_MAX, &at) || !number_parse(slots, UINT32_MAX, &of) || at >= of)
        return false;
    r->slot = (uint32_t)at;
    r->slots = (uint32_t)of;
    return true;
}

/* Find the slot in the table as it is now; at the beginning of the whole list, note when that was. */
static void begin(struct step *s, struct fleet_request *r)
{
    uint64_t slots = token_table_figures(s->writer->token_table).slots;
    struct fleet *f = s->writer->fleet;

    if (r->slots == 0 || f->touched_began == 0)
        f->touched_began = s->now;
    if (r->slots != 0)
        r->slot = (uint32_t)((uint64_t)r->slot * slots / r->slots);
    r->slots = (uint32_t)slots;
    r->begun = true;
}

/* Send a use, if it is that of a token of the fleet. */
static void put_use(struct step *s, struct fleet_request *r, const struct table_walk_use *use)
{
    uint8_t digest[DIGEST_SIZE];
    int64_t used;

    if ((token_table_look(s->writer->token_table, use->id, digest, &used) & SLOT_FLEET) == 0)
        return;
    text_adds(&s->text, "* digest=");
    text_add_hex(&s->text, digest, DIGEST_SIZE);
    line_put_time(&s->text, "used", use->time);
    text_addc(&s->text, '\n');
    r->count++;
}

static void finish(struct step *s, struct fleet_request *r, bool more)
{
    s->scan->count = r->count;
    step_begin_count(s);
    if (more)
        text_addf(&s->text, " next=%u.%u", (unsigned)r->slot, (unsigned)r->slots);
    else
        s->writer->fleet->touched_since = s->writer->fleet->touched_began;
    step_end_count(s);
}

void fleet_touched_step(struct step *s, struct fleet_request *r)
{
    struct table_walk_use use[STEP_TOKENS];
    uint32_t looked = 0;

    if (!r->begun)
        begin(s, r);
    do {
        uint64_t left = r->limit - r->count;
        uint32_t before = r->slot;
        size_t found = table_walk_uses(s->writer->token_table, &r->slot, STEP_SLOTS - looked,
                                       s->writer->fleet->touched_since, use,
                                       left < STEP_TOKENS ? (size_t)left : STEP_TOKENS);
        for (size_t i = 0; i < found; i++)
            put_use(s, r, &use[i]);
        if (r->slot == 0 || r->count == r->limit || atomic_load(&s->scan->stop)) {
            finish(s, r, r->slot != 0);
            return;
        }
        looked += r->slot - before;
    } while (looked < STEP_SLOTS && step_fits_line(s));
}
