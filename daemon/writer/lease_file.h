/* SPDX-License-Identifier: Apache-2.0 */
/* The file STORE.lease tells the next daemon whether this one ended its table.  One line:
 *
 *     v=1 boot=ID state=running|stopped
 *
 * A daemon that was killed leaves `running`, and clients may believe its table until the lease runs
 * out (table/lease.h), unless the machine was booted since; so does one that ends before the lease of
 * the last one has run out.  The boot's ID is that of /proc, or where a unit hides it
 * (ProcSubset=pid), of the variable JETOND_BOOT_ID; 0, if it is unknown, is never another boot.  A
 * file that is missing or cannot be read counts as `running`.  It is not synced: after a power
 * failure there are no such clients. */
#ifndef JETON_DAEMON_WRITER_LEASE_FILE_H
#define JETON_DAEMON_WRITER_LEASE_FILE_H

#include <stdbool.h>

enum { LEASE_FILE_BOOT_ID = 36 };

struct lease_file {
    int fd;                               /* -1: the file could not be made */
    char boot_id[LEASE_FILE_BOOT_ID + 1]; /* the kernel's name of this boot; "0": unknown */
};

/* What the file says of the last daemon that had the store. */
enum lease_file_state {
    LEASE_FILE_STOPPED, /* its table is not believed any more */
    LEASE_FILE_RUNNING, /* its table, or one before, was not ended */
    LEASE_FILE_MISSING, /* there was no file */
    LEASE_FILE_FAILED,  /* this start could not be noted: the reason is logged; do not go on */
};

/* Read the file, then mark the store's daemon as running.  The caller has the store's lock, so the
 * last daemon is dead. */
enum lease_file_state lease_file_begin(struct lease_file *f, const char *store);

/* Close the file; first mark the daemon as stopped, if it has ended its table. */
void lease_file_end(struct lease_file *f, bool stopped);

#endif
