/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/writer/fleet_note.h"

#include <unistd.h>

void fleet_note_token(struct fleet_note *n, uint64_t *count, const uint8_t id[ID_SIZE])
{
    (*count)++;
    if (n->ids < FLEET_NOTE_IDS)
        memcpy(n->id[n->ids++], id, ID_SIZE);
}

static bool tells_something(const struct fleet_note *n)
{
    return n->puts + n->denies + n->drops > 0 || n->snapshot || n->rewound;
}

void fleet_notes_step(struct fleet_notes *n, const struct fleet_place *place,
                      struct mail_list *changes)
{
    if (n->queued || !tells_something(&n->next))
        return;
    struct change *c = change_new(&change_fleet);

    if (c == NULL)
        return;
    n->sent = n->next;
    n->sent.place = *place;
    n->next = (struct fleet_note){ 0 };
    n->queued = true;
    c->uid = getuid();
    c->pid = getpid();
    c->fleet_notes = n;
    mail_append(changes, &c->mail);
}

static enum status apply_fleet(struct change *c, struct store *store, int64_t now)
{
    (void)store;
    (void)now;
    c->fleet_notes->queued = false;
    c->after = &c->want;
    c->notes = true;
    return STATUS_OK;
}

static void put_ids(struct text *entry, const struct fleet_note *n)
{
    for (size_t i = 0; i < n->ids; i++) {
        text_adds(entry, i == 0 ? " ids=" : ",");
        text_add_hex(entry, n->id[i], ID_SIZE);
    }
}

static void put_note(const struct change *c, struct text *entry)
{
    const struct fleet_note *n = &c->fleet_notes->sent;

    line_put_key(entry, "place");
    fleet_place_put(entry, &n->place);
    line_put_u64(entry, "puts", n->puts);
    line_put_u64(entry, "denies", n->denies);
    line_put_u64(entry, "drops", n->drops);
    if (n->snapshot)
        line_puts(entry, "snapshot", "yes");
    if (n->rewound)
        line_puts(entry, "rewound", "yes");
    put_ids(entry, n);
}

const struct change_kind change_fleet = { .event = "fleet", .apply = apply_fleet, .put = put_note };
