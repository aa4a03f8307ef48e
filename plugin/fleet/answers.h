/* SPDX-License-Identifier: Apache-2.0 */
/* Tell jetond what became of requests.  One thread. */
#ifndef JETON_PLUGIN_FLEET_ANSWERS_H
#define JETON_PLUGIN_FLEET_ANSWERS_H

#include "plugin/fleet/context.h"
#include "plugin/fleet/change_request.h"

/* They are done, each at its place: say so, and free them. */
void answers_done(struct context *c, struct change_request_list *list);

/* They failed: say so, and free them.  Code "unavailable": it is certain that they were not done; "not-confirmed": perhaps
 * they were. */
void answers_failed(struct context *c, struct change_request_list *list, const char *code,
                    const char *message);

/* Answer a request that could not be read. */
void answers_bad(struct context *c, uint64_t number);

/* Return the code for an SQLSTATE. */
const char *answers_code(const char *sqlstate);

#endif
