# SPDX-License-Identifier: Apache-2.0
"""Which server of a Unix socket is trusted: the rule of libjeton and of the command jeton."""
from __future__ import annotations

import errno
import os
import socket
import stat
import struct


def refuse(error: int, path: str, why: str) -> OSError:
    return OSError(error, why, path)


def check_entry(path: str, last: bool, sticky: bool, server: int, own: int) -> os.stat_result:
    """Check what a part of the path leads to, in a directory that others can write to (sticky) or not."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise refuse(errno.ELOOP, path, "is a symbolic link")
    if not (stat.S_ISSOCK if last else stat.S_ISDIR)(found.st_mode):
        raise refuse(errno.ENOTSOCK if last else errno.ENOTDIR, path, "is not a socket" if last else "is not a directory")
    if found.st_uid not in (0, own) and (sticky or found.st_uid != server):
        raise refuse(errno.EPERM, path, "belongs to somebody else")
    return found


def check_path(path: str, server: int, own: int) -> None:
    """Raise OSError unless a server of this user may be trusted on this absolute path.

    Every directory, and the socket, belongs to root, to us or to the server; none can be written by others, unless
    it is sticky and what lies in it is root's or ours; nothing is a symbolic link; and the server is root, we, or
    the owner of the socket."""
    if not path.startswith("/"):
        raise refuse(errno.EINVAL, path, "is not an absolute path")
    names = [name for name in path.split("/") if name]
    sticky, owner = False, -1
    for count in range(len(names) + 1):
        part, last = "/" + "/".join(names[:count]), count == len(names)
        found = check_entry(part, last, sticky, server, own)
        owner, sticky = found.st_uid, bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
        if not last and sticky and not found.st_mode & stat.S_ISVTX:
            raise refuse(errno.EPERM, part, "can be written by group or others")
    if server not in (0, own, owner):
        raise refuse(errno.EPERM, path, "is served neither by root, nor by us, nor by its owner")


def check_server(path: str, sock: socket.socket) -> None:
    """Raise OSError unless the server that this socket is connected to, by this path, is to be trusted."""
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    check_path(path, struct.unpack("3i", credentials)[1], os.geteuid())
