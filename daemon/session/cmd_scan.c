/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_scan.h"

enum { OUT_LOW = 16 * 1024 }; /* bytes unsent: below this the next chunk is fetched */

void cmd_scan(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct problem problem;
    struct scan *scan = scan_new(r, &problem);

    if (scan == NULL) {
        session_refuse(s, problem.status, problem.message);
        return;
    }
    scan->reply_to = &s->worker->mailbox;
    scan->sender = s;
    scan->mail.on_delivery = s->on_chunk;
    s->scan = scan;
    s->holds_scan = false;
    write_queue_scan(s->worker->server->write_queue, scan);
}

bool cmd_scan_next_chunk(struct session *s)
{
    if (!s->holds_scan)
        return true;
    if (iobuf_len(&s->out) > OUT_LOW)
        return false;
    s->holds_scan = false;
    write_queue_scan(s->worker->server->write_queue, s->scan);
    return true;
}
