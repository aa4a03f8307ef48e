# SPDX-License-Identifier: Apache-2.0
"""Making backups with the command, and looking at them."""
import contextlib
import glob
import os
import re
import tempfile

from daemon import Daemon
from jeton_command import jeton
from waiting import eventually

UNFINISHED = "unfinished-backup"


def when_let_go(ask, errors):
    """Ask for a backup until the daemon has let go of the last copy: whoever has a reply may ask before that."""
    def attempt():
        done = ask()
        return "the copy of the last backup is being read" not in errors(done) and done
    return eventually(attempt, "the last copy is let go", every=0.05)


def backup(d, path=None):
    """Make a backup; return its path, and the serial that the command names."""
    path = path or f"{d.directory}/backup"
    done = when_let_go(lambda: jeton(d.path(), "backup", path), lambda done: done.err)
    assert done.status == 0 and done.out == "", done
    size, serial = re.fullmatch(r"jeton: (\d+) bytes, with the journal up to serial (\d+)\n", done.err).groups()
    assert os.path.getsize(path) == int(size)
    return path, int(serial)


def opened(path):
    """A daemon whose store is this file."""
    other = Daemon(directory=tempfile.mkdtemp(prefix=""))
    os.rename(path, other.store)
    return other


def raw(lines):
    """These lines without their epoch, of which every store has its own."""
    return [re.sub(" epoch=[0-9a-f]{16}$", "", line.raw) for line in lines]


def copies(d):
    """The copies of its store that a daemon has open."""
    found = []
    for fd in os.listdir(f"/proc/{d.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{d.pid}/fd/{fd}"))
    return [name for name in found if UNFINISHED in name]


def files(d):
    return {os.path.basename(path) for path in glob.glob(f"{d.directory}/*")}
