/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_verify.h"

#include "daemon/base/clock.h"
#include "daemon/session/pending_verify.h"

void cmd_verify(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct verify_batch *batch = &s->worker->batch;
    struct problem problem;
    struct question q;

    if (verify_batch_read(r, &q, &problem) != STATUS_OK) {
        session_refuse(s, problem.status, problem.message);
        return;
    }
    const struct stack *stack = stacks_find(run->stacks, command_service(r));
    if (stack->table_only && s->first_pending == NULL) {
        verify_batch_add(batch, &q, &stack->series, s->peer.uid, &s->out);
        if (verify_batch_is_full(batch))
            session_flush_batch(s);
    } else if (session_flush_batch(s)) {
        turn_spend(&s->worker->turn, WORK_STACK);
        pending_verify_begin(s, stack, &q, command_service(r), command_client(r), clock_wall());
    }
}
