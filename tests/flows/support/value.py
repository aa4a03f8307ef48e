# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of token values, written a second time so that the daemon's is checked by it."""
import hashlib
import secrets
import zlib

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM, CHECK = 43, 6


def check_of(head):
    """The six base62 digits that follow everything else in a value."""
    crc, digits = zlib.crc32(head.encode()), ""
    for _ in range(CHECK):
        crc, digit = divmod(crc, 62)
        digits = BASE62[digit] + digits
    return digits


def value_new(prefix="jtn"):
    """A well-formed value that no daemon has issued."""
    head = prefix + "_" + "".join(secrets.choice(BASE62) for _ in range(RANDOM))
    return head + check_of(head)


def digest_of(value):
    person = b"jeton token v1".ljust(16, b"\0")
    return hashlib.blake2b(value.encode(), digest_size=32, person=person).digest()


def id_of(value):
    return digest_of(value).hex()[:20]


def altered(value, at):
    """The value with one character changed to another of its alphabet."""
    other = BASE62[(BASE62.index(value[at]) + 1) % 62]
    return value[:at] + other + value[at + 1:]
