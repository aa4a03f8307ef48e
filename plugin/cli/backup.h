/* SPDX-License-Identifier: Apache-2.0 */
/* jeton backup FILE|-: receive a copy of the daemon's store, and write it. */
#ifndef JETON_PLUGIN_CLI_BACKUP_H
#define JETON_PLUGIN_CLI_BACKUP_H

#include "plugin/cli/request.h"

enum cli_exit cli_backup(struct cli_request *c, const struct cli_view *view);

#endif
