# SPDX-License-Identifier: Apache-2.0
"""Where tests have their files: in memory, if it has room, unless TMPDIR says otherwise.

They make and remove files by the thousand, and sync most of them.  A busy disk takes seconds for that, and an ext4 without a
journal looks at all that were removed lately whenever it makes one."""
import contextlib
import os
import tempfile

MEMORY = "/dev/shm"
PREFIX = "jeton-test-"      # of each test's TMPDIR
ROOM = 2 << 30              # bytes


def is_fit():
    with contextlib.suppress(OSError):
        there = os.statvfs(MEMORY)
        return os.access(MEMORY, os.W_OK) and there.f_bavail * there.f_frsize >= ROOM and not there.f_flag & os.ST_NOEXEC
    return False


def place():
    """Return where to make a directory: in a test's process, its own TMPDIR."""
    return MEMORY if "TMPDIR" not in os.environ and is_fit() else tempfile.gettempdir()
