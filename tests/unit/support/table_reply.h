/* SPDX-License-Identifier: Apache-2.0 */
/* Send a table's descriptor over a socket with the reply of the verb `table`. */
#ifndef JETON_TESTS_UNIT_SUPPORT_TABLE_REPLY_H
#define JETON_TESTS_UNIT_SUPPORT_TABLE_REPLY_H

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/table/token_look.h"

static bool send_table_reply(int to, struct token_table *table, bool final)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .bytes = { 0 } };
    char line[128];
    uint64_t size, generation;
    int fd = token_look_descriptor(table, 0, &size, &generation);

    snprintf(line, sizeof(line), "OK size=%llu final=%s generation=%llu\n",
             (unsigned long long)size, final ? "yes" : "no", (unsigned long long)generation);
    struct iovec out = { line, strlen(line) };
    struct msghdr message = { .msg_iov = &out,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
                           .cmsg_level = SOL_SOCKET,
                           .cmsg_type = SCM_RIGHTS };
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    bool sent = fd >= 0 && sendmsg(to, &message, MSG_NOSIGNAL) > 0;
    close(fd);
    return sent;
}

#endif
