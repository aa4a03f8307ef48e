/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session/cmd_scan.h"

#include "daemon/session/self_user.h"
#include "daemon/writer/bulk_request.h"

enum {
    OUT_LOW = 16 * 1024, /* bytes unsent: below this the next chunk is fetched */
    OWN_SCANS_MAX = 8,   /* of one uid on a worker, on sockets that grant ROLE_SELF */
};

/* Let the scan find the user's own tokens alone.  False: it is refused. */
static bool confine(struct session *s, struct scan *scan)
{
    struct slice name = self_user_name(s);

    if (name.at == NULL)
        return false;
    if (s->share->own_scans >= OWN_SCANS_MAX) {
        session_refuse(s, STATUS_BUSY, "you have as many lists under way as you may");
        return false;
    }
    s->share->own_scans++;
    scan_confine(scan, name, s->peer.uid);
    return true;
}

void cmd_scan_begin(struct session *s, struct scan *scan)
{
    scan->reply_to = &s->worker->mailbox;
    scan->sender = s;
    scan->uid = s->peer.uid;
    scan->mail.on_delivery = s->on_chunk;
    s->scan = scan;
    s->holds_scan = s->outstanding > 0;
    if (!s->holds_scan)
        write_queue_scan(s->worker->server->write_queue, scan);
}

void cmd_scan(struct run *run, const struct request *r)
{
    struct session *s = run->session;
    struct problem problem;
    struct scan *scan = scan_new(r, &problem);

    if (scan != NULL)
        scan->users_have_own = s->worker->server->user_names != NULL;
    if (scan == NULL)
        session_refuse(s, problem.status, problem.message);
    else if (s->role == ROLE_SELF && !confine(s, scan))
        scan_free(scan);
    else
        cmd_scan_begin(s, scan);
}

void cmd_scan_change(struct run *run, const struct request *r,
                     const struct change_request_context *context)
{
    struct session *s = run->session;
    struct problem problem;
    struct scan *scan = bulk_request_read(r, context, &problem);

    if (scan == NULL)
        session_refuse(s, problem.status, problem.message);
    else
        cmd_scan_begin(s, scan);
}

bool cmd_scan_next_chunk(struct session *s)
{
    if (!s->holds_scan || s->outstanding > 0)
        return true;
    if (iobuf_len(&s->out) > OUT_LOW)
        return false;
    s->holds_scan = false;
    write_queue_scan(s->worker->server->write_queue, s->scan);
    return true;
}
