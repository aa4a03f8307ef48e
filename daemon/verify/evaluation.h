/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluate one verification by a stack: ask its verifiers in order until one decides.  The worker's
 * thread; a verifier that may block is meanwhile asked by a job with copies of its own. */
#ifndef JETON_DAEMON_VERIFY_EVALUATION_H
#define JETON_DAEMON_VERIFY_EVALUATION_H

#include "daemon/base/peercred.h"
#include "daemon/table/token_table.h"
#include "daemon/verify/stack.h"

/* Who evaluates, and for whom. */
struct eval_context {
    struct token_table *token_table;
    unsigned worker; /* the thread's number, as a reader of the token table and in metrics */
    const struct peercred *peer;
    int peer_fd; /* the peer's connection, to read its groups by */
    size_t group_count;
    gid_t *groups;       /* the peer's, once an entry needed them; the caller frees them */
    struct slice client; /* for whom the peer says that it asks; eval_begin() copies it */
};

struct evaluation {
    const struct stack *stack;
    struct jeton_question question; /* for modules; its texts lie in `text` */
    struct question asked;          /* likewise; what must fit the identity */
    struct stack_result result;
    size_t index;         /* of the entry to ask, or that is being asked */
    uint64_t began;       /* clock_monotonic() */
    uint64_t entry_began; /* likewise, of a module */
    bool throttled;       /* a throttle refused */
    size_t names;         /* that verifiers gave the credential: token_issued_digest() */
    uint8_t name[SERVICE_ENTRIES_MAX][DIGEST_SIZE];
    bool two_digests; /* the table has tokens by SHA-256, too */
    bool in_table;    /* the table has the value; then its digest: */
    uint8_t digest[DIGEST_SIZE];
    const char *verifier; /* who supplied the identity; NULL: nobody yet */
    struct jeton_identity identity;
    struct jeton_answer answer; /* of the entry that is asked on this thread */
    size_t used;                /* of `text` */
    char text[LINE_MAX_BYTES];  /* all of it was part of one line */
};

/* Begin an evaluation, with copies of what was asked.  The stack must live as long. */
void eval_begin(struct evaluation *e, const struct stack *stack, const struct question *asked,
                struct slice service, const struct eval_context *context, int64_t now);

/* Ask the entries that do not block.  True: it is decided; what would pass was looked up in the
 * table once more, for a denial by any name of the credential.  False: the entry eval_entry() must be
 * asked on its thread pool; pass on what came of it by eval_take_result() or eval_take_failure(),
 * then call this again. */
bool eval_continue(struct evaluation *e, struct eval_context *context);

/* Put the peer's groups into the question if the entry to be asked needs them; they may be as many as
 * 65536.  eval_continue() does it, too. */
void eval_show_groups(struct evaluation *e, struct eval_context *context);

static inline struct stack_entry *eval_entry(const struct evaluation *e)
{
    return &e->stack->entry[e->index];
}

/* Take what the entry answered; or, if it did not answer, why (timeout, busy, thread): that is an
 * error. */
void eval_take_result(struct evaluation *e, unsigned worker, int outcome,
                      struct jeton_answer *answer);
void eval_take_failure(struct evaluation *e, unsigned worker, enum verifier_failure why);

/* Return what a decided evaluation is answered; set `id` to that of the token that the table has for
 * the value, or NULL. */
enum status eval_answer(const struct evaluation *e, const uint8_t **id);

/* Count a decided evaluation and write its reply. */
void eval_finish(struct evaluation *e, unsigned worker, struct text *reply);

/* Wipe an evaluation that ends, decided or not. */
void eval_wipe(struct evaluation *e);

#endif
