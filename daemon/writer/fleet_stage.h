/* SPDX-License-Identifier: Apache-2.0 */
/* Stage a delivery: find out what each of its changes makes of its token, given what there is, and give that to the
 * cache.  Nothing is saved nor published here but denials, which take effect first.  The writer's thread only. */
#ifndef JETON_DAEMON_WRITER_FLEET_STAGE_H
#define JETON_DAEMON_WRITER_FLEET_STAGE_H

#include "daemon/writer/fleet_delivery.h"
#include "daemon/writer/writer_state.h"

struct fleet_staging {
    struct writer *w;
    struct problem *problem; /* why it failed */
    uint64_t serial;         /* of the place to which the delivery leads; UINT64_MAX: a snapshot */
    struct fleet_effect effect; /* of the change that is looked at */
};

/* Stage one change.  Not STATUS_OK: nothing of the delivery may be saved. */
typedef enum status fleet_stage(struct fleet_staging *s, const struct fleet_change *c);

fleet_stage fleet_stage_change; /* of a delivery that continues */
fleet_stage
    fleet_stage_of_snapshot; /* of a snapshot, whose effects are those of the merged entries */

/* True if a ban of this host holds for a token that the fleet brings, or that cannot be found out. */
bool fleet_stage_is_banned(struct writer *w, const uint8_t digest[DIGEST_SIZE]);

/* Let the denials of a delivery take effect. */
void fleet_stage_denials(struct fleet_staging *s, const struct fleet_delivery *delivery);

/* Stage all changes, note their effects in place of the last delivery's, and reserve memory for publishing them. */
enum status fleet_stage_all(struct fleet_staging *s, const struct fleet_delivery *delivery,
                            fleet_stage *one);

/* Fill the problem, and return its status: for this reason; or because disk or memory refused (-errno), which is
 * counted, and logged once. */
enum status fleet_stage_refuse(struct fleet_staging *s, enum status status, const char *message);
enum status fleet_stage_fail(struct fleet_staging *s, int error);

#endif
