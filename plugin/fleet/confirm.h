/* SPDX-License-Identifier: Apache-2.0 */
/* Changes that are to be in force on all hosts: count the hosts that have them, until all do or the time is over.
 * One thread. */
#ifndef JETON_PLUGIN_FLEET_CONFIRM_H
#define JETON_PLUGIN_FLEET_CONFIRM_H

#include "plugin/fleet/context.h"
#include "plugin/fleet/change_request.h"

struct confirm;

/* NULL: no memory. */
struct confirm *confirm_new(struct context *c);
void confirm_free(struct confirm *f);

/* Take requests that were committed; their `since` says when. */
void confirm_add(struct confirm *f, struct change_request_list *list);

/* True if this request of jetond's is among them. */
bool confirm_has(const struct confirm *f, uint64_t number);

#endif
