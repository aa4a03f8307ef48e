/* SPDX-License-Identifier: Apache-2.0 */
/* Read a configuration file: INI, by libinih, with the line numbers that libinih does not give. */
#ifndef JETON_PLUGIN_GATEWAY_CONFIG_FILE_H
#define JETON_PLUGIN_GATEWAY_CONFIG_FILE_H

#include "plugin/gateway/config.h"

/* Where a configuration comes from. */
struct config_source {
    const char *file;
    bool file_required; /* it was named; the default one need not be there */
    unsigned assignments;
    const char *assignment[64]; /* of --set */
};

/* Load a whole configuration.  False: *faults got all that is wrong with it. */
bool config_load(const struct config_source *source, struct config *c,
                 struct config_faults *faults);

#endif
