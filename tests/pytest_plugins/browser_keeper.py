# SPDX-License-Identifier: Apache-2.0
"""Run chromedriver until standard input ends, or SIGTERM; then end it, and all that it started.  Prints its port, and a directory
for the browser's profile, which is removed at the end.  The arguments are Python's paths."""
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path[:] = sys.argv[1:]
import in_memory       # noqa: E402, which the paths are for
import ports           # noqa: E402

PR_SET_CHILD_SUBREAPER = 36


def children():
    """Return the processes below this one."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
            parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def end_all():
    for _ in range(500):
        left = children()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not left:
            return
        time.sleep(0.01)


def main():
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    directory = tempfile.mkdtemp(prefix="jeton-browser-", dir=in_memory.place())
    try:
        port = ports.free_port()
        with open(f"{directory}/log", "wb") as log:
            driver = subprocess.Popen(["chromedriver", f"--port={port}", "--log-level=SEVERE"], stdin=subprocess.DEVNULL,
                                      stdout=log, stderr=log, env=os.environ | {"TMPDIR": directory, "HOME": directory})
        while driver.poll() is None:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        print(port, f"{directory}/profile", flush=True)
        sys.stdin.read()
    finally:
        end_all()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
