/* SPDX-License-Identifier: Apache-2.0 */
/* Load the configuration while the daemon serves, with all that it names: users and groups, files,
 * verifiers.  A name service or a file system may hang, so a thread of its own does it, one at a
 * time; its result comes by mail.  The main thread's. */
#ifndef JETON_DAEMON_RELOAD_LOADER_H
#define JETON_DAEMON_RELOAD_LOADER_H

#include <event2/event.h>

#include "daemon/base/mailbox.h"
#include "daemon/config/config_load.h"
#include "daemon/config/policy_resolve.h"
#include "daemon/config/resolve.h"
#include "daemon/verify/stack.h"

/* What was loaded. */
struct loaded {
    struct mail mail; /* first */
    bool ok;          /* false: `problem` says why */
    struct problem problem;
    struct config config;
    struct resolved resolved;
    struct policies *policies; /* whoever takes them sets this to NULL; so with the stacks */
    struct stacks *stacks;
};

/* Called in the main thread, once for each start; it takes `loaded` over. */
typedef void loader_done(void *context, struct loaded *loaded);

/* Free what was loaded, and the stacks that nobody took; NULL is allowed. */
void loaded_free(struct loaded *loaded);

struct loader;

/* Make a loader.  Source and metrics must outlive it.  NULL: no memory or descriptor. */
struct loader *loader_new(const struct config_source *source, struct metrics *metrics,
                          struct event_base *base, loader_done *done, void *context);

/* Begin to load; nothing is being loaded yet.  0 or -errno. */
int loader_start(struct loader *l);

/* Return since when it loads, as clock_seconds(); 0: it does not. */
int64_t loader_busy_since(const struct loader *l);

/* Free the loader, with a result that nobody took; NULL is allowed.  False: something that it waits
 * for hangs, so that its thread goes on, and goes on using source and metrics. */
bool loader_free(struct loader *l);

#endif
