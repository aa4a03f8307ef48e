# SPDX-License-Identifier: Apache-2.0
"""Users that share a daemon: hostile ones, each a process of its own that does nothing but that, and one that measures.

All are forked and take on a uid; a process ends when its pipe does."""
import contextlib
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback

HOSTILE, NEIGHBOUR = 61000, 61500       # uids; hostile ones count from the first
PAUSE = 0.001                           # seconds between two questions of the neighbour


def become(uid, groups):
    os.setgroups(groups)
    os.setgid(uid)
    os.setuid(uid)


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    return sock


def fork(uid, act, groups=(), nice=0):
    """Run `act` in a process of this uid, until it is killed; return its number."""
    child = os.fork()
    if child != 0:
        return child
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        become(uid, groups)
        act()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def end(child):
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


# -- hostile ones ----------------------------------------------------------------------------------

class Flood:
    """Send the same bytes again and again over many connections, and throw away what comes."""

    def __init__(self, path, data, connections, reads=True):
        self.path, self.data, self.connections, self.reads = path, data, connections, reads
        self.poll = select.epoll()
        self.socks = {}
        self.sent = {}

    def add(self):
        with contextlib.suppress(OSError):
            sock = connect(self.path)
            sock.setblocking(False)
            self.socks[sock.fileno()] = sock
            self.sent[sock.fileno()] = 0
            self.poll.register(sock, select.EPOLLOUT | (select.EPOLLIN if self.reads else 0))

    def drop(self, number):
        self.socks.pop(number).close()

    def send(self, number):
        at = self.sent[number]
        self.sent[number] = (at + self.socks[number].send(self.data[at:])) % len(self.data)

    def serve(self, number, events):
        if number not in self.socks:
            return
        try:
            if events & select.EPOLLIN and not self.socks[number].recv(1 << 16):
                self.drop(number)
            elif events & select.EPOLLOUT:
                self.send(number)
        except BlockingIOError:
            pass
        except OSError:
            self.drop(number)

    def __call__(self):
        while True:
            while len(self.socks) < self.connections:
                before = len(self.socks)
                self.add()
                if len(self.socks) == before:
                    time.sleep(0.01)
                    break
            for number, events in self.poll.poll(0.1):
                self.serve(number, events)


class Strangers:
    """Connect, send, and leave without reading, again and again."""

    def __init__(self, path, data):
        self.path, self.data = path, data

    def __call__(self):
        while True:
            with contextlib.suppress(OSError), connect(self.path) as sock:
                sock.send(self.data)


class Idlers:
    """Hold as many idle connections as they get, and take each that is lost again."""

    def __init__(self, path, connections):
        self.path, self.connections = path, connections

    def __call__(self):
        poll, socks = select.epoll(), {}
        while True:
            for _ in range(self.connections - len(socks)):
                try:
                    sock = connect(self.path)
                except OSError:
                    break
                socks[sock.fileno()] = sock
                poll.register(sock, select.EPOLLIN)
            for number, _ in poll.poll(0.02):
                poll.unregister(number)
                socks.pop(number).close()


@contextlib.contextmanager
def hostile(act, uids=1, groups=()):
    """Have so many users do this meanwhile."""
    children = [fork(HOSTILE + i, act, groups) for i in range(uids)]
    try:
        yield
    finally:
        for child in children:
            end(child)


# -- the neighbour ---------------------------------------------------------------------------------

def ask(path, line, seconds, most, output):
    """Ask one question after the other, at most so many; write down how long each took and what was answered."""
    sock = connect(path)
    sock.sendall(line)
    sock.recv(4096)             # the first answer waits until the connection is accepted, behind others
    over = time.monotonic() + seconds
    while (began := time.monotonic()) < over and most > 0:
        most -= 1
        sock.sendall(line)
        answer = sock.recv(4096)
        output.write(f"{time.monotonic() - began} {' '.join(answer.decode().split()[:2])}\n")
        time.sleep(PAUSE)
    output.flush()


def measure(path, line, seconds, within, most=sys.maxsize):
    """Have the neighbour ask for so many seconds, at most so often, preferred by the scheduler, as it is the daemon
    that is measured.

    Return (how long it took, answer) of each question."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as output:
        child = fork(NEIGHBOUR, lambda: ask(path, line.encode() + b"\n", seconds, most, output), nice=-10)
    with os.fdopen(reader) as found:
        if not select.select([found], [], [], within)[0]:
            end(child)
            return []
        rows = found.read().splitlines()
    os.waitpid(child, 0)
    return [(float(took), answer) for took, answer in (row.split(" ", 1) for row in rows)]


def quantile(rows, fraction):
    times = sorted(took for took, _ in rows)
    return times[min(len(times) - 1, int(len(times) * fraction))]
