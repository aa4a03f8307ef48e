/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line asks for. */
#ifndef JETON_PLUGIN_WEB_SETTINGS_H
#define JETON_PLUGIN_WEB_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/web/address.h"
#include "plugin/web/origin.h"

struct settings {
    const char *socket; /* of the daemon */
    const char *page;   /* directory */
    struct address address;
    struct origin origin; /* none: that of the address, once its port is known */
    int64_t idle;         /* seconds; 0: for ever */
    bool browser;         /* may be opened */
};

/* Exit statuses: those of jeton(1). */
enum { EXIT_OK = 0, EXIT_WRONG_USAGE = 2, EXIT_UNAVAILABLE = 3 };

#endif
