/* SPDX-License-Identifier: Apache-2.0 */
/* Load the configuration again (SIGHUP) and let all parts of the running daemon use it.  The main
 * thread only. */
#ifndef JETON_DAEMON_RELOAD_RELOAD_H
#define JETON_DAEMON_RELOAD_RELOAD_H

#include "daemon/process/watchdog.h"
#include "daemon/reload/loader.h"
#include "daemon/session/context.h"

struct reload {
    /* set by the caller; the daemon's */
    const struct config *config; /* the one it was started with */
    const struct config_source *source;
    struct sd_notify *notify;
    const struct watchdog *watchdog;
    struct server *server;

    /* private */
    struct loader *loader;
    struct event *on_settle;
    struct loaded *loaded; /* waits for bans; or NULL */
    int64_t loaded_at;     /* clock_seconds() */
    bool again;            /* SIGHUP came during a reload */
    bool slow;             /* it was reported that this one takes long */
};

/* Prepare for reloads.  False: no memory or descriptor. */
bool reload_init(struct reload *r, struct event_base *base);

/* Begin to reload; during a reload, begin once more after it. */
void reload_begin(struct reload *r);

/* Free replaced stacks, and report a reload that takes long; call it once a second. */
void reload_tick(struct reload *r);

/* End a reload.  False: it hangs, and a thread goes on using source and server. */
bool reload_end(struct reload *r);

#endif
