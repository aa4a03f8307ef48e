/* SPDX-License-Identifier: Apache-2.0 */
/* Keep a second daemon away from a store: by flock() on PATH.lock, and on the file itself, whatever
 * its name.  Closing any descriptor of the file would drop TDB's own locks.  One thread. */
#ifndef JETON_DAEMON_STORE_STORE_LOCK_H
#define JETON_DAEMON_STORE_STORE_LOCK_H

#include "proto/request.h"

struct store_lock {
    int fd;      /* of PATH.lock; -1: none */
    bool shared; /* another daemon has it: only read, while it makes no transaction */
};

/* Lock PATH.lock, which is created if the store is to be written.  False: *problem says why not. */
bool store_lock_take(struct store_lock *l, const char *path, bool write, struct problem *problem);
void store_lock_release(struct store_lock *l);

/* Lock an open file, PATH with this suffix, for writing.  An error other than another's lock counts
 * as well: it may mean that there are no locks. */
bool store_lock_file(int fd, const char *path, const char *suffix, struct problem *problem);

/* Set *problem: another daemon has the store. */
void store_lock_blame(const char *path, struct problem *problem);

#endif
