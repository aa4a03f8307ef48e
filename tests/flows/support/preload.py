# SPDX-License-Identifier: Apache-2.0
"""Our libraries that are loaded between a program and the C library, and other C sources that tests compile.

What is made stays in the build directory under a name by what it is made from: no second test waits for it."""
import fcntl
import glob
import hashlib
import os
import subprocess

from requirements import need_plain_build
from settings import BUILD, PRELOAD, ROOT

MADE = os.path.join(BUILD, "tests", "preload")
HEADERS = [f"{PRELOAD}/*.h", f"{ROOT}/proto/*.h", f"{ROOT}/plugin/lib/*.h", f"{ROOT}/tests/vectors/*.h"]


def built(name):
    """Return the path of a library built from a source here; a sanitizer must be loaded before it."""
    need_plain_build()
    return compiled(f"{name}.so", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", f"{PRELOAD}/{name}.c", "-ldl")


def compiled(name, *words):
    """Return the path of what the compiler makes of these words, among them sources."""
    command = [os.environ.get("CC", "cc"), "-std=c17", "-D_GNU_SOURCE", *words]
    path = f"{MADE}/{digest_of(command)}-{name}"
    os.makedirs(MADE, exist_ok=True)
    with open(f"{MADE}/{name}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            subprocess.run([*command, "-o", f"{path}.new"], check=True)
            os.rename(f"{path}.new", path)
    return path


def digest_of(command):
    """Return what changes with the command, with a source in it, and with a header."""
    found = hashlib.sha256(repr(command).encode())
    headers = sorted(path for pattern in HEADERS for path in glob.glob(pattern))
    for path in [word for word in command if word.endswith(".c")] + headers:
        with open(path, "rb") as file:
            found.update(file.read())
    return found.hexdigest()[:16]
