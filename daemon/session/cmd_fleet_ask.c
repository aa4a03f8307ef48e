/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_fleet_ask.h"

#include "daemon/session/cmd_scan.h"

void cmd_fleet_ask(struct session *s, struct fleet_request *request)
{
    const struct request bare = { .verb = VERB_FLEET };
    struct problem problem;
    struct scan *scan = request != NULL ? scan_new(&bare, &problem) : NULL;

    if (scan == NULL) {
        fleet_request_free(request);
        session_refuse(s, STATUS_INTERNAL, "no memory");
        return;
    }
    scan->fleet = request;
    cmd_scan_begin(s, scan);
}
