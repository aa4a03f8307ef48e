/* SPDX-License-Identifier: Apache-2.0 */
/* Whose socket is one end of a TCP connection?  Asked of the kernel for exactly that socket (sock_diag(7)):
 * it takes the same time however many sockets there are. */
#ifndef JETON_PLUGIN_WEB_PEER_DIAG_H
#define JETON_PLUGIN_WEB_PEER_DIAG_H

#include <stdbool.h>
#include <sys/types.h>

#include "plugin/web/peer_end.h"

/* Open what it is asked by, before the sandbox closes, and try it on a listening TCP socket of our own.
 * False: this kernel does not answer, or not rightly. */
bool peer_diag_open(int listener);

/* Find the user whose process holds the peer's end.  False: no process does, in this network namespace. */
bool peer_diag_find(const union peer_end *peer, const union peer_end *own, uid_t *uid);

#endif
