/* SPDX-License-Identifier: Apache-2.0 */
/* Answer the verb backup, once the copy is there.  The writer's thread. */
#ifndef JETON_DAEMON_WRITER_SCAN_BACKUP_H
#define JETON_DAEMON_WRITER_SCAN_BACKUP_H

#include "daemon/writer/scan_step.h"

void scan_backup_step(struct step *s);

#endif
