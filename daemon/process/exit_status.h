/* SPDX-License-Identifier: Apache-2.0 */
/* Exit statuses of jetond beside EXIT_SUCCESS and EXIT_FAILURE. */
#ifndef JETON_DAEMON_PROCESS_EXIT_STATUS_H
#define JETON_DAEMON_PROCESS_EXIT_STATUS_H

enum {
    EXIT_WRONG_CONFIG = 2 /* what jetond was given is wrong: trying again does not help */
};

#endif
