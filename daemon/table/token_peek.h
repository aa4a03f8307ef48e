/* SPDX-License-Identifier: Apache-2.0 */
/* Look at many tokens in the table at once, for what a list selects by.  Any thread; changes wait
 * meanwhile, so `count` is small. */
#ifndef JETON_DAEMON_TABLE_TOKEN_PEEK_H
#define JETON_DAEMON_TABLE_TOKEN_PEEK_H

#include "daemon/table/token_table.h"

enum { TOKEN_PEEK_MAX = 64 };

/* What the table has of a token. */
struct token_peek {
    uint32_t flags; /* 0: it is not there */
    int64_t activates;
    int64_t expires;
    int64_t used; /* 0: not since the daemon has started */
    struct slice subject;
    struct slice scopes;
};

/* Receives the token of number `at`; the strings are valid until it returns.  It takes no lock. */
typedef void token_peek_visit(void *context, size_t at, const struct token_peek *token);

/* Give the tokens of these identifiers to the visitor, at most TOKEN_PEEK_MAX. */
void token_peek_each(struct token_table *t, const uint8_t *const id[], size_t count,
                     token_peek_visit *visit, void *context);

/* Have the processor fetch where a token is, which is to be looked at soon. */
void token_peek_prefetch(struct token_table *t, const uint8_t digest[DIGEST_SIZE]);

#endif
