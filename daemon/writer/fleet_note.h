/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's entries about what the fleet brings: one a second at most, for all that came meanwhile, so that no
 * delivery waits for it.
 *
 *     event=fleet by=uid:N pid=N place=SERIAL:NONCE puts=N denies=N drops=N [snapshot=yes] [rewound=yes] [ids=ID,…]
 *
 * The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_FLEET_NOTE_H
#define JETON_DAEMON_WRITER_FLEET_NOTE_H

#include "daemon/writer/change.h"
#include "proto/fleet.h"

enum { FLEET_NOTE_IDS = 32 }; /* that an entry names */

struct fleet_note {
    uint64_t puts, denies, drops;
    bool snapshot; /* a whole one came */
    bool rewound;
    struct fleet_place place; /* where the host is after that */
    size_t ids;
    uint8_t id[FLEET_NOTE_IDS][ID_SIZE]; /* the first ones */
};

struct fleet_notes {
    struct fleet_note next; /* what no entry tells yet */
    struct fleet_note sent; /* what the one that is queued tells */
    bool queued;
};

extern const struct change_kind change_fleet;

/* Note a token that was put, denied or dropped; `count` is the note's counter for that. */
void fleet_note_token(struct fleet_note *n, uint64_t *count, const uint8_t id[ID_SIZE]);

/* Queue an entry to `changes`, if there is something to tell, and none is queued. */
void fleet_notes_step(struct fleet_notes *n, const struct fleet_place *place,
                      struct mail_list *changes);

#endif
