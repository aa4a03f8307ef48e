/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of change: what each does to a token's record.  The writer's thread. */
#ifndef JETON_DAEMON_WRITER_CHANGE_APPLY_H
#define JETON_DAEMON_WRITER_CHANGE_APPLY_H

#include "daemon/writer/change.h"

extern const struct change_kind change_create, change_import, change_update, change_revoke,
    change_disable, change_enable, change_rotate, change_delete, change_purge;

#endif
