/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/process/exit_status.h"

#include <stdlib.h>

int exit_status_of(const struct problem *problem)
{
    switch (problem->status) {
    case STATUS_STORE:
    case STATUS_BUSY:
    case STATUS_FULL:
    case STATUS_INTERNAL:
        return EXIT_FAILURE;
    default:
        return EXIT_WRONG_CONFIG;
    }
}
