/* SPDX-License-Identifier: Apache-2.0 */
/* Keep a write-ahead log: batches of lines, each of which is on the disk when wal_append() returns,
 * after one write and one sync.  It is a ring of segments in one preallocated file, PATH.wal
 * (wal_format.h), so that it needs no space to go on.  It knows nothing of what the lines are about.
 * One thread.
 *
 * Serials number what is logged, without a gap, from batch to batch; each batch has at least one.
 * The caller saves elsewhere what they are about, in an order of its own, and tells up to which
 * serial that is done: the segments before it are written again.  Serials never come again within
 * one epoch, the name of a history; another epoch begins the log anew, with any serial.
 *
 *     open ──▶ epoch ──┬─ none, or another ──▶ begin ──┐
 *                      └─ the same ──────────▶ read ───┴──▶ append, saved ──failed──▶ reopen ─┐
 *                                                                 ▲                          │
 *                                                                 └──────────────────────────┘
 *
 * A write or sync that fails leaves it unknown whether the batch is there.  Reopening finds out, and
 * makes sure of it: a batch that is found is written again, the same bytes, and synced, because the
 * kernel takes for written what it could not write.  So does reading, as the last process may have
 * ended in between. */
#ifndef JETON_DAEMON_STORE_WAL_H
#define JETON_DAEMON_STORE_WAL_H

#include "daemon/store/wal_reader.h"

struct wal;

enum wal_mode { WAL_READ, WAL_WRITE };

enum wal_result {
    WAL_DONE,   /* it is on the disk */
    WAL_FULL,   /* nothing was written: there is no space until more is saved */
    WAL_LARGE,  /* nothing was written: it is larger than wal_batch_max() */
    WAL_FAILED, /* it may be there or not: wal_reopen() */
};

/* Open the log of a store, if there is one; to read it, also beside the process that writes.  NULL:
 * *problem says why not; STATUS_BUSY: another process has it. */
struct wal *wal_open(const char *store, enum wal_mode mode, struct problem *problem);
void wal_close(struct wal *w);

/* Remove the log of a store, which nobody has open; there may be none. */
bool wal_remove(const char *store, struct problem *problem);

/* Return the name of the history that is logged; "": none, there is no log yet. */
const char *wal_epoch(const struct wal *w);

/* Begin a log with this serial, at least 1, in place of what is there, and without more space if it
 * has that shape.  To make a file it calls ioctl(2), so that is done before calls are restricted.
 * False: *problem says why not; if it was there, what was logged before may be
 * lost. */
bool wal_begin(struct wal *w, const char *epoch, uint64_t first, const struct wal_shape *shape,
               struct problem *problem);

/* Visit all batches with serials from `from` on, in order; what is before it is saved.  The visitor
 * may be NULL.  False: *problem says what is damaged or missing, with its place; nothing was changed
 * then.  STATUS_BUSY: it is read beside the process that writes, and must be read again.  If wal_next()
 * is below `from` afterwards, the log ends before what is saved: begin it anew. */
bool wal_read(struct wal *w, uint64_t from, struct wal_visitor *visitor, struct problem *problem);

/* Append a batch with so many serials, from wal_next() on.  WAL_FAILED: *problem says why, and every
 * further call fails until a reopen succeeds.  So it is if the file was moved away or replaced,
 * which is noticed within a second. */
enum wal_result wal_append(struct wal *w, uint32_t count, struct slice body,
                           struct problem *problem);

/* Find out what is there after a failure: wal_next() is behind the last serial that is.  False:
 * *problem says why it is not known; try again later. */
bool wal_reopen(struct wal *w, struct problem *problem);

/* Note that everything before this serial is saved, durably: its segments may be written again. */
void wal_set_saved(struct wal *w, uint64_t next);

/* Return the shape of the file; NULL: there is none. */
const struct wal_shape *wal_shape(const struct wal *w);

/* Return the next serial; 0: there is no log, or it was not read. */
uint64_t wal_next(const struct wal *w);

/* Return where in the file the body of the last batch is: of the one that was appended last, was found by a
 * reopen, or is being visited. */
uint64_t wal_body_offset(const struct wal *w);

/* Return the size of the largest body of a batch. */
size_t wal_batch_max(const struct wal *w);

/* True if a batch may find no space until more is saved: the segment behind the last one is needed. */
bool wal_is_full(const struct wal *w);

/* Return how many bytes of segments hold what is not saved, and how many there are. */
uint64_t wal_unsaved_bytes(const struct wal *w);
uint64_t wal_capacity(const struct wal *w);

#endif
