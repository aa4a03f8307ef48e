/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a configuration, all of it, so that it can be mended at once; and how its file is
 * opened.  One thread. */
#ifndef JETON_PLUGIN_SERVICE_CONFIG_FAULTS_H
#define JETON_PLUGIN_SERVICE_CONFIG_FAULTS_H

#include <stdio.h>

enum {
    CONFIG_FAULTS_MAX = 16, /* that are kept; others are counted */
    CONFIG_FAULT_SIZE = 320,
};

struct config_faults {
    unsigned count;
    char text[CONFIG_FAULTS_MAX][CONFIG_FAULT_SIZE];
};

/* Add a fault. */
void config_blame(struct config_faults *faults, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Open a file for reading, without waiting for the other end of a pipe.  NULL and errno on failure. */
FILE *config_open_file(const char *file);

#endif
