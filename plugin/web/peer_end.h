/* SPDX-License-Identifier: Apache-2.0 */
/* One end of a TCP connection, as getsockname(2) and getpeername(2) have it. */
#ifndef JETON_PLUGIN_WEB_PEER_END_H
#define JETON_PLUGIN_WEB_PEER_END_H

#include <netinet/in.h>
#include <sys/socket.h>

union peer_end {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_storage space;
};

#endif
