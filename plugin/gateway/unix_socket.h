/* SPDX-License-Identifier: Apache-2.0 */
/* Make a listening Unix socket with a mode and a group, and remove its file again; connect to one. */
#ifndef JETON_PLUGIN_GATEWAY_UNIX_SOCKET_H
#define JETON_PLUGIN_GATEWAY_UNIX_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

/* Which file it is: another process may replace it. */
struct unix_socket_file {
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* "": none */
    dev_t device;
    ino_t inode;
};

/* Find a group by name or number; "": -1.  False: there is none. */
bool unix_socket_group(const char *name, gid_t *gid);

/* Connect without waiting.  Return the descriptor, or a negative errno. */
int unix_socket_connect(const char *path);

/* Return the socket, or -1 and the reason in `fault`. */
int unix_socket_listen(const char *path, unsigned mode, const char *group, int backlog,
                       struct unix_socket_file *file, char *fault, size_t size);

/* Remove the file, if it is still the one that was created. */
void unix_socket_remove(const struct unix_socket_file *file);

#endif
