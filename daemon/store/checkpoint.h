/* SPDX-License-Identifier: Apache-2.0 */
/* Save a layer of the overlay in the store's file, as one transaction, which also notes up to where the
 * file then has all of the log: here, or in a thread of its own.
 *
 *     writer's thread    begin ───────── look, look ───────── wait ──▶ outcome
 *     checkpoint thread    └─▶ put all, commit, or find out what became of it ─▶┘
 *
 * From checkpoint_begin() until it has ended the file is that thread's, and the layer is constant.
 * Meanwhile others read single records beside it (tdb_lookup.h). */
#ifndef JETON_DAEMON_STORE_CHECKPOINT_H
#define JETON_DAEMON_STORE_CHECKPOINT_H

#include "daemon/store/log_note.h"
#include "daemon/store/overlay.h"
#include "daemon/store/store_file.h"
#include "daemon/store/tdb_lookup.h"

struct checkpoint;

struct checkpoint_outcome {
    bool done;
    uint64_t nanoseconds; /* that it took */
    uint64_t size;        /* of the file */
    struct problem problem;
};

/* Make one for a store; `on_end` (NULL: nothing) is called in its thread when a
 * checkpoint there has ended, and must not wait.  NULL: no
 * memory. */
struct checkpoint *checkpoint_new(struct store_file *store);
void checkpoint_set_end(struct checkpoint *c, void (*on_end)(void *context), void *context);

/* Wait for the thread to end, and free it. */
void checkpoint_free(struct checkpoint *c);

/* Save a layer now, which the log has, or which is empty.  False: the outcome's problem says why not; it is
 * tried again with the same layer, as it may be done all the same. */
bool checkpoint_save(struct checkpoint *c, const struct overlay *layer,
                     const struct log_note *note);

/* Save it in the thread; without one, now. */
void checkpoint_begin(struct checkpoint *c, const struct overlay *layer,
                      const struct log_note *note);

/* Have this called once, when the next one has ended or failed, while the file is not changed yet: in that
 * one's thread.  None is running. */
void checkpoint_then(struct checkpoint *c, void (*then)(void *context, bool done), void *context);

bool checkpoint_is_running(struct checkpoint *c);

/* Wait until it has ended, at most so many milliseconds (-1: for ever); false: it has not. */
bool checkpoint_wait(struct checkpoint *c, int milliseconds);

/* Have the file open to be read, while none is running: a failure may have closed it.  False: it cannot be
 * opened. */
bool checkpoint_open(struct checkpoint *c);

/* True if the last one failed, and it is not known whether it is done; none is running. */
bool checkpoint_is_in_doubt(const struct checkpoint *c);

/* Return how the last one ended; none is running. */
const struct checkpoint_outcome *checkpoint_outcome(const struct checkpoint *c);

/* Find the number of the file's hash chain for a key, while none is running; false: it cannot be known. */
bool checkpoint_chain(struct checkpoint *c, struct slice key, uint32_t *chain);

/* Read a record of the file, while one is running. */
enum lookup_found checkpoint_look(struct checkpoint *c, struct slice key, char *value, size_t size,
                                  size_t *len);

#endif
