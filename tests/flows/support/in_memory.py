# SPDX-License-Identifier: Apache-2.0
"""Directories in memory, for the files of programs that are not ours, such as PostgreSQL: they make and remove them by the
thousand, and an ext4 without a journal looks at all that were removed lately whenever it makes one.

A test's is called as its TMPDIR is, and removed with that (isolation.py)."""
import contextlib
import os
import shutil
import tempfile

MEMORY = "/dev/shm"
PREFIX = "jeton-test-"      # of each test's TMPDIR
ROOM = 2 << 30              # bytes; where there is less, TMPDIR is used


def is_roomy():
    with contextlib.suppress(OSError):
        there = os.statvfs(MEMORY)
        return os.access(MEMORY, os.W_OK) and there.f_bavail * there.f_frsize >= ROOM
    return False


def twin(directory):
    """Return the path of what belongs to a TMPDIR."""
    return os.path.join(MEMORY, os.path.basename(directory))


def place():
    """Return where to make a directory, one for the test if this is a test's process."""
    own = tempfile.gettempdir()
    if not is_roomy():
        return own
    if not os.path.basename(own).startswith(PREFIX):
        return MEMORY
    os.makedirs(twin(own), mode=0o700, exist_ok=True)
    return twin(own)


def remove_with(directory):
    """Remove a test's TMPDIR, and what belongs to it."""
    for path in directory, twin(directory):
        shutil.rmtree(path, ignore_errors=True)
