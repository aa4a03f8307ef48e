/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/web/peer_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_SIZE = 4096 };

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 request;
};

static int kernel = -1; /* a netlink socket that is connected to it */
static uint32_t asked;  /* questions so far */

static void put_end(const union peer_end *end, __be16 *port, __be32 address[4])
{
    if (end->any.sa_family == AF_INET) {
        *port = end->four.sin_port;
        address[0] = end->four.sin_addr.s_addr;
    } else {
        *port = end->six.sin6_port;
        memcpy(address, &end->six.sin6_addr, sizeof(end->six.sin6_addr));
    }
}

static struct question question_about(const union peer_end *end, const union peer_end *other)
{
    struct question q = {
        .head = { .nlmsg_len = sizeof(q),
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST,
                  .nlmsg_seq = ++asked },
        .request = { .sdiag_family = (uint8_t)end->any.sa_family, .sdiag_protocol = IPPROTO_TCP },
    };
    struct inet_diag_sockid *id = &q.request.id;

    put_end(end, &id->idiag_sport, id->idiag_src);
    put_end(other, &id->idiag_dport, id->idiag_dst);
    id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return q;
}

/* The kernel has answered when send() returns.  An answer to an earlier question is none. */
static bool receive(struct inet_diag_msg *answer)
{
    union {
        struct nlmsghdr head;
        char bytes[ANSWER_SIZE];
    } in;
    ssize_t got;

    do
        got = recv(kernel, &in, sizeof(in), MSG_DONTWAIT);
    while ((got < 0 && errno == EINTR) ||
           (got >= (ssize_t)sizeof(in.head) && in.head.nlmsg_seq != asked));
    if (got < (ssize_t)(NLMSG_HDRLEN + sizeof(*answer)) ||
        in.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    memcpy(answer, in.bytes + NLMSG_HDRLEN, sizeof(*answer));
    return true;
}

/* Find the socket with these ends.  Where there is none, the kernel answers with one that listens there,
 * which has no other end. */
static bool find(const union peer_end *end, const union peer_end *other,
                 struct inet_diag_msg *found)
{
    const struct question q = question_about(end, other);
    const struct inet_diag_sockid *id = &q.request.id;

    return send(kernel, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(q) &&
           receive(found) && found->id.idiag_sport == id->idiag_sport &&
           found->id.idiag_dport == id->idiag_dport;
}

/* Does it know our own listening socket? */
static bool is_right(int listener)
{
    union peer_end own, none;
    struct inet_diag_msg found;
    socklen_t len = sizeof(own);
    struct stat st;

    if (getsockname(listener, &own.any, &len) < 0 || fstat(listener, &st) < 0)
        return false;
    memset(&none, 0, sizeof(none));
    none.any.sa_family = own.any.sa_family;
    return find(&own, &none, &found) && found.idiag_inode == (uint32_t)st.st_ino &&
           found.idiag_uid == geteuid();
}

bool peer_diag_open(int listener)
{
    const struct sockaddr_nl address = { .nl_family = AF_NETLINK };

    kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    if (kernel < 0)
        return false;
    /* Connected: no process can send us an answer. */
    if (connect(kernel, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        is_right(listener))
        return true;
    close(kernel);
    kernel = -1;
    return false;
}

/* An end without an inode belongs to no process any more, and its uid means nothing. */
bool peer_diag_find(const union peer_end *peer, const union peer_end *own, uid_t *uid)
{
    struct inet_diag_msg found;

    if (!find(peer, own, &found) || found.idiag_inode == 0)
        return false;
    *uid = found.idiag_uid;
    return true;
}
