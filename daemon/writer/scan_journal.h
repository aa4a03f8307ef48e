/* SPDX-License-Identifier: Apache-2.0 */
/* The scans of the journal: what has changed, or what changes.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_SCAN_JOURNAL_H
#define JETON_DAEMON_WRITER_SCAN_JOURNAL_H

#include "daemon/writer/scan_step.h"

/* Fill the next chunk of `journal`, and of `watch`. */
void scan_journal_step(struct step *s);
void scan_journal_watch(struct step *s);

/* Return the serial that a scan of the whole journal goes on behind: that before the oldest entry
 * that is here or, backwards, that which will follow the newest. */
uint64_t scan_journal_begin(const struct step *s);

/* Add the entries behind scan->entry that the scan's filter takes, each behind `head`, from at most
 * one block; backwards, if the scan goes back.  False: that is not possible, and the scan has
 * ended. */
bool scan_journal_read(struct step *s, const char *head);

/* True if there are entries behind scan->entry, in the scan's direction. */
bool scan_journal_has_more(const struct step *s);

#endif
