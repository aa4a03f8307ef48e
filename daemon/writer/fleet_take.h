/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of scans by which the fleet's agent takes changes for the database (fleet_up.h), and answers it.  The writer's thread
 * only. */
#ifndef JETON_DAEMON_WRITER_FLEET_TAKE_H
#define JETON_DAEMON_WRITER_FLEET_TAKE_H

#include "daemon/writer/fleet_request.h"
#include "daemon/writer/scan_step.h"

enum { FLEET_TAKE_MAX = 100 }; /* requests of one answer */

/* Offer requests, or wait until there is one: nothing is written then, and scan->waits is set. */
void fleet_take_step(struct step *s, struct fleet_request *r);

/* Note what became of a request. */
void fleet_take_done(struct step *s, struct fleet_request *r);
void fleet_take_failed(struct step *s, struct fleet_request *r);

#endif
