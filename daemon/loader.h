/* SPDX-License-Identifier: Apache-2.0 */
/* Fills an empty table and order with a store's tokens, before there is any reader. */
#ifndef JETON_LOADER_H
#define JETON_LOADER_H

#include "daemon/order.h"
#include "daemon/publish.h"
#include "daemon/store.h"

/* `tokens` is how many there must be.  False: *problem says why. */
bool loader_run(struct store *store, uint64_t tokens, struct publisher *publisher,
                struct order *order, struct problem *problem);

#endif
