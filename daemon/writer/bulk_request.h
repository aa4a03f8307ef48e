/* SPDX-License-Identifier: Apache-2.0 */
/* Read requests for a change of many tokens (bulk.h).  No state; any thread. */
#ifndef JETON_DAEMON_WRITER_BULK_REQUEST_H
#define JETON_DAEMON_WRITER_BULK_REQUEST_H

#include "daemon/writer/change_request.h"
#include "daemon/writer/scan.h"

/* Read a filter, and what is to be done to what it selects.  NULL: *problem says what is wrong. */
struct scan *bulk_request_read(const struct request *r,
                               const struct change_request_context *context,
                               struct problem *problem);

#endif
