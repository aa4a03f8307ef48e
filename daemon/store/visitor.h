/* SPDX-License-Identifier: Apache-2.0 */
/* Who is shown all tokens of a store, one after the other. */
#ifndef JETON_DAEMON_STORE_VISITOR_H
#define JETON_DAEMON_STORE_VISITOR_H

#include "daemon/store/record.h"

struct visitor {
    struct record *room; /* where the next token is put */

    /* It is there.  May give other room for the next one; false: no memory for more. */
    bool (*visit)(struct visitor *visitor);
};

#endif
