# SPDX-License-Identifier: Apache-2.0
"""Look at a process by /proc, and stop it for a while."""
import contextlib
import os
import signal


def rss(pid):
    """Resident bytes."""
    return status(pid, "VmRSS") * 1024


def status(pid, field):
    """The first number of a field of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0])
    raise KeyError(field)


def cpu(pid):
    """Seconds of CPU time used so far, by all threads."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ran(pid):
    """Seconds of CPU time used so far by the main thread, as the scheduler counts it: finer than cpu()."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def nice(task):
    """Return the nice value of a process's main thread, or of PID/task/TID."""
    with open(f"/proc/{task}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[16])


def descriptors(pid):
    """Return how many descriptors a process has open; -1 if that may not be known, as it is not dumpable."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError:
        return -1


def huge_mapped(pid, name):
    """Return the bytes in huge pages of the mappings of files with this name.  Needs the right to trace the process."""
    kibibytes, here = 0, False
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            first, *rest = line.split()
            if not first.endswith(":"):
                here = name in line
            elif here and first == "ShmemPmdMapped:":
                kibibytes += int(rest[0])
    return kibibytes * 1024


def writable_mappings(pid):
    """Return (first, last + 1) of each writable mapping."""
    with open(f"/proc/{pid}/maps") as file:
        for line in file:
            extent, rights = line.split()[:2]
            if rights.startswith("rw"):
                first, end = extent.split("-")
                yield int(first, 16), int(end, 16)


def memory_holds(pid, needle, step=1 << 24):
    """Return where in its writable memory a process has these bytes; None: nowhere.  Needs the right to trace it."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, end in writable_mappings(pid):
            for at in range(first, end, step):
                try:
                    memory.seek(at)
                    found = memory.read(min(end - at, step + len(needle))).find(needle)
                except OSError:
                    continue        # unmapped meanwhile, or not readable by anybody
                if found >= 0:
                    return at + found
    return None


@contextlib.contextmanager
def stopped(pid):
    """Stop all threads of a child process during `with`: it receives what is sent meanwhile all at once."""
    os.kill(pid, signal.SIGSTOP)
    state = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert state.si_code == os.CLD_STOPPED, "it ended instead"
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
