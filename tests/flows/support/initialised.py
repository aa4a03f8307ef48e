# SPDX-License-Identifier: Apache-2.0
"""Data directories as initdb makes them, which takes half a second: it is run once, and what it made is copied from the build directory.

The copies have one system identifier, as servers that replicate must have.  A server that must not be taken for another's
needs an initdb of its own."""
import fcntl
import hashlib
import os
import shutil
import subprocess

from settings import BUILD

MADE = os.path.join(BUILD, "tests", "initialised")


def initdb(programs, data, *arguments, **how):
    """Make this directory by the initdb in `programs` with these arguments; `how` it runs is for subprocess."""
    path = f"{MADE}/{digest_of(f'{programs}/initdb', arguments, how.get('user', os.geteuid()))}"
    os.makedirs(MADE, exist_ok=True)
    with open(f"{MADE}/lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            run([f"{programs}/initdb", "-D", data, *arguments], **how)
            shutil.rmtree(f"{path}.new", ignore_errors=True)
            run(["cp", "-a", data, f"{path}.new"])
            os.rename(f"{path}.new", path)
            return
    run(["cp", "-a", path, data])


def digest_of(program, arguments, uid):
    """Return what changes with the program, its arguments, or who owns what it makes."""
    there = os.stat(program)
    return hashlib.sha256(repr((program, there.st_mtime_ns, there.st_size, arguments, uid)).encode()).hexdigest()[:16]


def run(command, **how):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **how)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
