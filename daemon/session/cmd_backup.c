/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_backup.h"

#include "daemon/session/cmd_scan.h"
#include "daemon/session/cmd_table.h"

void cmd_backup(struct run *run, const struct request *r)
{
    if (cmd_table_is_under_way(run->session))
        session_refuse(run->session, STATUS_BUSY,
                       "read the last reply first: descriptors under way are limited");
    else
        cmd_scan(run, r);
}
