/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of this host: the database decides which they are; if the configuration names others, say so.  One
 * thread. */
#ifndef JETON_PLUGIN_FLEET_GROUPS_H
#define JETON_PLUGIN_FLEET_GROUPS_H

#include "plugin/fleet/context.h"

/* Ask the database, and compare. */
void groups_check(struct context *c);

#endif
