/* SPDX-License-Identifier: Apache-2.0 */
/* Exit statuses of jetond beside EXIT_SUCCESS and EXIT_FAILURE. */
#ifndef JETON_DAEMON_PROCESS_EXIT_STATUS_H
#define JETON_DAEMON_PROCESS_EXIT_STATUS_H

#include "proto/request.h"

enum {
    EXIT_WRONG_CONFIG = 2 /* what jetond was given is wrong: trying again does not help */
};

/* Return the exit status for a problem that keeps the daemon from starting. */
int exit_status_of(const struct problem *problem);

#endif
