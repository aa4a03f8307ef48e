/* SPDX-License-Identifier: Apache-2.0 */
/* Reads every token of a store.  The calling thread walks over the file, which is mostly
 * waiting for memory, and a second one understands what it finds. */
#ifndef JETON_TRAVERSAL_H
#define JETON_TRAVERSAL_H

#include "daemon/record.h"
#include "daemon/tdbfile.h"
#include "proto/request.h"

/* The key of the record that says whose file this is. */
#define TRAVERSAL_HEAD_KEY "jeton"

/* Calls `visit` for every token, in no order, on the second thread, which has ended when this
 * returns.  `visit` returns false to stop (no memory).  False: *problem says which record cannot be
 * read. */
bool traversal_tokens(struct tdbfile *file,
                      bool (*visit)(void *context, const struct record *record), void *context,
                      struct problem *problem);

#endif
