# SPDX-License-Identifier: Apache-2.0
"""A file system of a test's own, that it can fill."""
import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile

import pytest

from requirements import need_root

CLONE_NEWNS = 0x00020000


def small_disk(kind, size):
    """Mount a file system of our own, which ends with this process."""
    need_root()
    libc = ctypes.CDLL(None, use_errno=True)
    where, image = tempfile.gettempdir() + "/disk", tempfile.gettempdir() + "/image"
    os.mkdir(where)
    if libc.unshare(CLONE_NEWNS) != 0:
        pytest.skip("no mount namespaces here")
    mount = ["mount", "-t", kind, "-o", f"size={size}", kind, where]
    if kind != "tmpfs":
        make_file_system(kind, image, size)
        mount = ["mount", "-t", kind, "-o", "loop", image, where]
    for command in ["mount", "--make-rprivate", "/"], mount:
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            pytest.skip(f"cannot mount {kind} here: {done.stderr.splitlines()[0]}")
    return where


def make_file_system(kind, image, size):
    tool = shutil.which(f"mkfs.{kind}", path=os.environ["PATH"] + ":/sbin:/usr/sbin")
    if tool is None:
        pytest.skip(f"mkfs.{kind} is not installed")
    subprocess.run(["truncate", "-s", size, image], check=True)
    options = {"ext4": ["-q", "-F", "-m", "0"], "btrfs": ["-q", "-f"]}[kind]
    subprocess.run([tool, *options, image], check=True, stdout=subprocess.DEVNULL)


def fill(path):
    """Use up all the space there is."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in 1 << 20, 1 << 12, 1:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def create_until_refused(daemon):
    """Create tokens until that is refused, which must happen; return the values made before."""
    made, client = [], daemon.client()
    for _ in range(200):
        replies = client.pipeline(["create description=" + "x" * 900] * 50)
        made += [r["token"] for r in replies if r.verdict == "OK"]
        others = {r.verdict for r in replies} - {"OK"}
        if others:
            assert others == {"ERR store"}
            return made
    raise AssertionError("the disk is full, and nothing was refused")


def verdicts(daemon, values):
    with daemon.client("verify") as client:
        return {r.verdict for r in client.pipeline([f"verify {value}" for value in values])}
