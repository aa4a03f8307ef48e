/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the daemon trusts more than anybody who may connect.  Any thread. */
#ifndef JETON_DAEMON_SESSION_TRUSTED_PEER_H
#define JETON_DAEMON_SESSION_TRUSTED_PEER_H

#include "daemon/base/peercred.h"
#include "daemon/config/settings.h"

/* True for root, the daemon's own user, and members of [verify] table_group, if one is set. */
bool trusted_peer(const struct settings *settings, int fd, const struct peercred *peer);

#endif
