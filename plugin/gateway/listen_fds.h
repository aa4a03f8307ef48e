/* SPDX-License-Identifier: Apache-2.0 */
/* Take the sockets that the service manager passes, by their names: http and admin (sd_listen_fds(3),
 * FileDescriptorName= in systemd.socket(5)). */
#ifndef JETON_PLUGIN_GATEWAY_LISTEN_FDS_H
#define JETON_PLUGIN_GATEWAY_LISTEN_FDS_H

#include "plugin/gateway/context.h"

enum { LISTEN_FDS_MAX = 16 };

struct listen_fds {
    unsigned count;
    struct {
        int fd;
        enum side side;
    } socket[LISTEN_FDS_MAX];
};

/* Take them out of the environment.  NULL, or what is wrong. */
const char *listen_fds_take(struct listen_fds *l);

#endif
