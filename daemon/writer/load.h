/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a store as a start does: the journal, and all tokens into a table and an order of their
 * own, before there is any reader. */
#ifndef JETON_LOADER_H
#define JETON_LOADER_H

#include "daemon/table/creation_index.h"
#include "daemon/table/token_table.h"
#include "daemon/store/store.h"

/* Journal and order are empty; *publisher is NULL, and the caller's to free whatever becomes of it.
 * False: *problem says why. */
bool loader_run(struct store *store, const char *prefix, struct journal *journal,
                struct publisher **publisher, struct order *order, struct problem *problem);

#endif
