/* SPDX-License-Identifier: Apache-2.0 */
/* Read every token of a store with two threads: the calling one walks over the file, which is
 * mostly waiting for memory, and a second one parses the records. */
#ifndef JETON_DAEMON_STORE_BULK_READ_H
#define JETON_DAEMON_STORE_BULK_READ_H

#include "daemon/store/overlay.h"
#include "daemon/store/record.h"
#include "daemon/store/tdb_file.h"
#include "proto/request.h"

/* Give every token, and every ban, to the visitor, in no order and on the second thread, which has ended when this
 * returns; those of `newer` (NULL: none) in place of the file's.  False: *problem says which record cannot be read. */
bool bulk_read_tokens(struct tdb_file *file, const struct overlay *newer,
                      struct record_visitor *visitor, struct problem *problem);

#endif
