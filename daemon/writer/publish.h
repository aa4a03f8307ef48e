/* SPDX-License-Identifier: Apache-2.0 */
/* Make a change visible: in the table and the creation index, in the system's journal, to its
 * sender.  The writer's thread, unless noted. */
#ifndef JETON_DAEMON_WRITER_PUBLISH_H
#define JETON_DAEMON_WRITER_PUBLISH_H

#include "daemon/table/creation_index.h"
#include "daemon/table/token_table.h"
#include "daemon/writer/change.h"
#include "daemon/writer/last_used.h"

/* Let a denial of a token that is here take effect in the table at once, a ban's, too; do nothing for
 * other changes.  A disable then counts as pending until publish_denial_end().  Any thread. */
void publish_denial(struct change *c, struct token_table *token_table);
void publish_denial_end(struct change *c, struct token_table *token_table);

/* Let a ban of these names take effect before it is saved; one that is over only denies tokens that are
 * here.  False: there is no memory for one whose token is not here. */
bool publish_ban(const uint8_t name[][DIGEST_SIZE], size_t names, bool over,
                 struct token_table *token_table);

/* Publish a saved change, for which memory is reserved in table and index.  `last_used` may be
 * NULL. */
void publish_change(const struct change *c, struct token_table *token_table,
                    struct creation_index *index, struct last_used *last_used);

/* Report a saved change to the system's journal. */
void publish_report(const struct change *c);

/* Send changes back to their senders, and leave the list empty; free those without a sender. */
void publish_answers(struct mail_list *changes);

#endif
