/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_trace.h"

#include "daemon/session/cmd_change.h"
#include "proto/token.h"

/* Return the status of a text that is no value; STATUS_OK: it may be one. */
static enum status form_fault(const struct session *s, const struct request *r)
{
    switch (token_form(r->value[KEY_TOKEN], s->worker->server->settings.prefix)) {
    case TOKEN_ID:
        return STATUS_IDENTIFIER;
    case TOKEN_BAD_LENGTH:
    case TOKEN_BAD_CHECK:
        return STATUS_MALFORMED;
    case TOKEN_OURS:
    case TOKEN_FOREIGN:
        break;
    }
    return STATUS_OK;
}

/* Keep the scan at hand until its change is saved: nothing is begun meanwhile, as while it runs. */
void cmd_trace(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct problem problem;
    enum status fault = form_fault(s, r);

    if (fault != STATUS_OK) {
        session_refuse(s, fault, status_row(fault)->meaning);
        return;
    }
    struct scan *scan = scan_new(r, &problem);
    if (scan == NULL) {
        session_refuse(s, problem.status, problem.message);
        return;
    }
    scan->reply_to = &s->worker->mailbox;
    scan->sender = s;
    scan->mail.on_delivery = s->on_chunk;
    unsigned before = s->outstanding;
    cmd_change(run, r);
    if (s->outstanding == before) {
        scan_free(scan);
        return;
    }
    s->scan = scan;
    s->holds_scan = false;
}
