/* SPDX-License-Identifier: Apache-2.0 */
/* What a change that was saved does beyond the store: in the table, and in the index of lists; and
 * who is told.  The writer's thread. */
#ifndef JETON_DAEMON_WRITER_PUBLISH_H
#define JETON_DAEMON_WRITER_PUBLISH_H

#include "daemon/writer/change.h"
#include "daemon/writer/last_used.h"
#include "daemon/table/creation_index.h"
#include "daemon/table/token_table.h"

/* Lets a denial take effect in the table at once; does nothing for other changes.  A disable then counts
 * as pending until publish_denial_end().  Any thread. */
void publish_denial(struct change *c, struct token_table *token_table);
void publish_denial_end(struct change *c, struct token_table *token_table);

/* There is room for it in table and index.  `last_used` may be NULL. */
void publish_change(const struct change *c, struct token_table *token_table,
                    struct creation_index *index, struct last_used *last_used);

/* Tells the system's journal. */
void publish_report(const struct change *c);

/* Sends changes home, and leaves the list empty; those that have no home are freed. */
void publish_answers(struct mail_list *changes);

#endif
