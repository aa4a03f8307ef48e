# SPDX-License-Identifier: Apache-2.0
"""Run a browser, which the arguments are behind the folder of in_memory.py, until standard input ends, or SIGTERM; then end it,
and all that it started, and remove its profile.  Prints the address of its DevTools."""
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.append(sys.argv[1])
import in_memory       # noqa: E402, which the path is for

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


def address(browser, path):
    """Wait until the browser has written where its DevTools are, which are its port and a path, a line each."""
    while browser.poll() is None:
        with contextlib.suppress(FileNotFoundError), open(path) as file:
            port, _, rest = file.read().strip().partition("\n")
            if rest:
                return f"ws://127.0.0.1:{port}{rest}"
        time.sleep(0.02)
    sys.exit("the browser does not start")


def main():
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    directory = tempfile.mkdtemp(prefix="jeton-browser-", dir=in_memory.place())
    try:
        with open(f"{directory}/log", "wb") as log:
            browser = subprocess.Popen([*sys.argv[2:], "--remote-debugging-port=0", f"--user-data-dir={directory}/profile"],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"TMPDIR": directory, "HOME": directory})
        print(address(browser, f"{directory}/profile/DevToolsActivePort"), flush=True)
        sys.stdin.read()
    finally:
        end_all()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
