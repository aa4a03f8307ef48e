/* SPDX-License-Identifier: Apache-2.0 */
/* Answer the words of `fleet` that need the writer's thread, which calls it. */
#ifndef JETON_DAEMON_WRITER_FLEET_RUN_H
#define JETON_DAEMON_WRITER_FLEET_RUN_H

#include "daemon/writer/scan_step.h"

void fleet_run_step(struct step *s);

#endif
