/* SPDX-License-Identifier: Apache-2.0 */
/* What a change that was saved does beyond the store: in the table, and in the order of lists; and
 * who is told.  The writer's thread. */
#ifndef JETON_EFFECT_H
#define JETON_EFFECT_H

#include "daemon/writer/change.h"
#include "daemon/writer/last_used.h"
#include "daemon/table/creation_index.h"
#include "daemon/table/token_table.h"

/* There is room for it in table and order.  `lastuse` may be NULL. */
void effect_publish(const struct change *c, struct publisher *publisher, struct order *order,
                    struct lastuse *lastuse);

/* Tells the system's journal. */
void effect_report(const struct change *c);

/* Sends changes home, and leaves the list empty; those that have no home are freed. */
void effect_answer(struct mail_list *changes);

#endif
