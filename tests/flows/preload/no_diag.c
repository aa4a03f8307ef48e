/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: a kernel that has no netlink sockets, and so no sock_diag(7).
 *
 * Built by the test that needs it: cc -shared -fPIC no_diag.c */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int domain, int type, int protocol)
{
    if (domain == AF_NETLINK) {
        errno = EPROTONOSUPPORT;
        return -1;
    }
    return (int)syscall(SYS_socket, domain, type, protocol);
}
