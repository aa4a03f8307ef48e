# SPDX-License-Identifier: Apache-2.0
"""As much of a client of HTTP/2 (RFC 9113) as tests need: requests without a body, many on one connection."""
import socket
import struct

from settings import PATIENCE

HEADERS, RST_STREAM, SETTINGS, GOAWAY = 1, 3, 4, 7
END_STREAM, END_HEADERS = 1, 4
STATUS_NAME = 8             # index of :status in HPACK's static table (RFC 7541, appendix A), and of :status 200


def literal(name, value):
    """A header field, neither indexed nor compressed."""
    return b"\0" + b"".join(struct.pack("B", len(text)) + text for text in (name.encode(), value.encode()))


class Connection:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10 * PATIENCE)
        self.sock.connect(path)
        self.sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(SETTINGS, 0, 0, b""))
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()

    @staticmethod
    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload

    def statuses(self, *requests):
        """Send requests, each a list of header fields, as streams 1, 3, 5... at once; return their statuses."""
        pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/")]
        streams = [2 * i + 1 for i in range(len(requests))]
        self.sock.sendall(b"".join(
            self.frame(HEADERS, END_STREAM | END_HEADERS, stream,
                       b"".join(literal(*field) for field in [*pseudo, *fields]))
            for stream, fields in zip(streams, requests)))
        found = {}
        while len(found) < len(streams):
            kind, stream, payload = self.receive()
            assert kind not in (GOAWAY, RST_STREAM), (kind, payload)
            if kind == HEADERS:
                found.setdefault(stream, self.status(payload))
        return [found[stream] for stream in streams]

    def receive(self):
        head = self.file.read(9)
        assert len(head) == 9, "the connection was closed"
        kind, _, stream = struct.unpack(">BBI", head[3:])
        return kind, stream, self.file.read(int.from_bytes(head[:3], "big"))

    @staticmethod
    def status(block):
        """The first field of a response; nginx writes an index, or the digits as they are."""
        while block[0] >> 5 == 1:           # a change of the size of the dynamic table
            block = block[1:]
        if block[0] & 0x80:
            return {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}[block[0] & 0x7f]
        assert block[0] & 0x0f == STATUS_NAME and block[1] == 3, block
        return int(block[2:5])
