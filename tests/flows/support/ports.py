# SPDX-License-Identifier: Apache-2.0
"""Ports of 127.0.0.1 for servers of a test.

A port is taken by a socket that does not listen, as long as the test's process lives: nobody who asks for any port is given it, nor a
client's end of a connection, and a server that sets SO_REUSEADDR, as all do, can have it."""
import socket

taken = []


def free_port():
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    taken.append(sock)
    return sock.getsockname()[1]
