# SPDX-License-Identifier: Apache-2.0
"""Write a PNG picture in less space: areas of one colour need no filters, and take less without them.

    python3 png.py FROM TO"""
import struct
import sys
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(data):
    assert data[:8] == SIGNATURE
    at = 8
    while at < len(data):
        length, kind = struct.unpack("!I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + length]
        at += 12 + length


def size_of(path):
    """Return width and height of a picture."""
    with open(path, "rb") as file:
        kind, head = next(chunks(file.read()))
    assert kind == b"IHDR"
    return struct.unpack("!II", head[:8])


def paeth(left, above, corner):
    guess = left + above - corner
    return min((abs(guess - left), 0, left), (abs(guess - above), 1, above), (abs(guess - corner), 2, corner))[2]


def unfiltered(kind, line, above, step):
    """Undo the filter of a line (PNG, 9.2)."""
    for i in range(len(line)):
        left, corner = (line[i - step], above[i - step]) if i >= step else (0, 0)
        if kind == 1:
            line[i] = line[i] + left & 255
        elif kind == 2:
            line[i] = line[i] + above[i] & 255
        elif kind == 3:
            line[i] = line[i] + (left + above[i]) // 2 & 255
        elif kind == 4:
            line[i] = line[i] + paeth(left, above[i], corner) & 255
    return line


def repack(source, target):
    with open(source, "rb") as file:
        parts = list(chunks(file.read()))
    head = dict(parts)[b"IHDR"]
    width, height, depth, colours, *_, interlaced = struct.unpack("!IIBBBBB", head)
    assert (depth, colours, interlaced) == (8, 2, 0), "not a screenshot of Chromium"
    data = zlib.decompress(b"".join(content for kind, content in parts if kind == b"IDAT"))
    length, above, lines = 3 * width, bytearray(3 * width), []
    for at in range(0, height * (length + 1), length + 1):
        above = unfiltered(data[at], bytearray(data[at + 1:at + 1 + length]), above, 3)
        lines.append(b"\0" + above)
    with open(target, "wb") as file:
        file.write(SIGNATURE)
        for kind, content in ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines), 9)), (b"IEND", b"")):
            file.write(struct.pack("!I", len(content)) + kind + content + struct.pack("!I", zlib.crc32(kind + content)))


if __name__ == "__main__":
    repack(*sys.argv[1:])
