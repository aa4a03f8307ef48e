/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_table.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "daemon/base/log.h"
#include "daemon/base/log_limit.h"
#include "daemon/session/trusted_peer.h"
#include "daemon/table/token_look.h"
#include "daemon/verify/fallback.h"
#include "proto/reply.h"

bool cmd_table_allowed(struct session *s)
{
    const struct settings *settings = &s->worker->server->settings;

    return atomic_load(&settings->table_gid) == RESOLVED_EVERYBODY ||
           trusted_peer(settings, s->fd, &s->peer);
}

bool cmd_table_is_under_way(const struct session *s)
{
    int unread = 0;

    return s->passed && (ioctl(s->fd, SIOCOUTQ, &unread) < 0 || unread > 0);
}

static void put_terms(struct text *t, const struct stack *stack)
{
    static const char *const words[] = {
        [TERMS_FINAL] = "yes",
        [TERMS_IF] = "if",
        [TERMS_HITS] = "no",
    };

    line_puts(t, "final", words[stack->terms]);
    if (stack->terms == TERMS_IF)
        line_puts(t, "scope", stack->scopes);
}

/* Return why the table is refused, and set the status; NULL: it is not refused. */
static const char *table_fault(struct session *s, const struct stack *stack, enum status *status)
{
    *status = STATUS_FORBIDDEN;
    if (cmd_table_is_under_way(s)) {
        *status = STATUS_BUSY;
        return "read the reply to the last table first: descriptors under way are limited";
    }
    if (!cmd_table_allowed(s))
        return "the table is for root and members of [verify] table_group; verify over this socket "
               "instead";
    if (stack->terms == TERMS_NONE)
        return "this service's verifiers need more than the table to decide; verify over this "
               "socket instead";
    return NULL;
}

static void refuse_descriptor(struct session *s, int error)
{
    static struct log_limit limit;
    char more[LOG_LIMIT_MORE];

    if (error == EBUSY) {
        session_refuse(s, STATUS_BUSY, "clients hold too many old tables; verify over this socket");
        return;
    }
    if (log_limit_passes(&limit, more))
        log_error("table: cannot open a descriptor to hand out: %s%s", strerror(error), more);
    session_refuse(s, STATUS_INTERNAL,
                   "the table cannot be handed out now; the reason is in jetond's log");
}

void cmd_table(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    const struct stack *stack = stacks_find(run->stacks, command_service(r));
    uint64_t size, generation;
    enum status status;
    struct text t;

    if (fallback_is(stack, command_service(r)))
        fallback_log(command_service(r));
    const char *fault = table_fault(s, stack, &status);
    if (fault != NULL) {
        session_refuse(s, status, fault);
        return;
    }
    int fd = token_look_descriptor(s->worker->server->token_table, s->worker->reader, &size,
                                   &generation);
    if (fd < 0) {
        refuse_descriptor(s, -fd);
        return;
    }
    s->passing = fd;
    if (!session_begin_reply(s, LINE_MAX_BYTES, &t))
        return;
    reply_begin(&t, STATUS_OK);
    line_put_u64(&t, "size", size);
    put_terms(&t, stack);
    line_put_u64(&t, "generation", generation);
    reply_end(&t, STATUS_OK, NULL);
    session_end_reply(s, &t);
    worker_count(&s->worker->counters.tables);
}
