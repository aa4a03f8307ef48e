# SPDX-License-Identifier: Apache-2.0
"""One real host of a fleet: from nothing to its first answer, its memory, a start without the network, and instructions."""
import contextlib
import glob
import os
import select
import shutil
import socket
import statistics
import time

import instructions
import servers
from fleet_server import Fleet
from measure import MILLION, Scratch, format_rate, report, store
from value import digest_of

TOKENS = int(os.environ.get("BENCH_FLEET_TOKENS", MILLION))
# Numbers of tokens that the load client never asks for, as those of this host alone are the first.
FIRST, OWN_TOKENS = 1000000000, 1000
BOOTSTRAP, RESTART, BYTES = 4, 1, 165           # seconds, seconds, bytes a token
SECONDS, IDLE_ROUNDS, PLACE = 0.2, 15, "1:" + "0" * 31 + "1"
OWN, OTHER = (1, 0) if os.cpu_count() > 1 else (0, 0)


# -- from nothing on ---------------------------------------------------------------------------------

class Host:
    """An empty host of a fleet with TOKENS tokens, its agent not begun."""

    def __init__(self, stack, fleet, workers=2):
        self.fleet = fleet
        self.scratch = stack.enter_context(contextlib.closing(Scratch())).path
        self.store = store(OWN_TOKENS, self.scratch)
        self.daemon = fleet.begin_host(self.store, workers=workers)
        self.simulator = fleet.simulator()

    def begin(self):
        """Begin the agent; its first right answer comes over the simulator."""
        self.began = time.perf_counter()
        self.simulator.send(f"accepts {FIRST + TOKENS - 1}")
        self.agent = self.fleet.begin_agent()

    def has_answered(self, within=0.0):
        return bool(select.select([self.simulator.process.stdout], [], [], within)[0])

    def answered(self):
        """Wait for the answer; return the seconds that it took."""
        self.simulator.receive()
        return time.perf_counter() - self.began

    def files(self):
        """Return the bytes of the fleet's cache."""
        return sum(os.stat(path).st_blocks * 512 for path in glob.glob(f"{self.store}.fleet*"))

    def end(self):
        self.agent.kill()
        self.agent.wait()
        self.daemon.process.terminate()
        self.daemon.process.wait()


def bootstrap(stack, fleet):
    report.section(f"a host from nothing: {TOKENS:,} tokens of the fleet, from the start of its agent to the first right answer")
    host = Host(stack, fleet)
    host.begin()
    took = host.answered()
    wanted = BOOTSTRAP * TOKENS / MILLION
    report.row(f"{TOKENS:,} tokens", f"{took:.2f} s", f"{wanted:.0f} s", "", took / wanted, ("<=", 1.0) if TOKENS == MILLION else None)
    report.note(f"{format_rate(TOKENS / took)}; the cache has {host.files() / TOKENS:.0f} bytes a token on the disk")
    for when, field in ("now", "VmRSS"), ("at most", "VmHWM"):
        each = host.daemon.resident(field) / TOKENS
        report.row(f"memory of jetond {when}", f"{each:.0f} B/token", f"{BYTES} bytes a token", "", each / BYTES, ("<=", 1.0))
    return host


def restart(host):
    """PostgreSQL is gone; the agent is not, so it grants what is left of the lease."""
    report.section(f"a start of jetond with {TOKENS:,} tokens of the fleet, while the database cannot be reached")
    host.fleet.cluster.stop()
    old = host.daemon
    old.process.terminate()
    old.process.wait()
    began = time.perf_counter()
    with servers.jetond(host.store, workers=2, cpu=None, fleet=True, scratch=os.path.dirname(old.path)), host.fleet.simulator() as simulator:
        simulator.request(f"accepts {FIRST + TOKENS - 1}")
        took = time.perf_counter() - began
    report.row("to the first right answer", f"{took:.2f} s", f"{RESTART} s", "", took / RESTART, ("<=", 1.0) if TOKENS == MILLION else None)


def meanwhile(stack, fleet):
    """The worker that verifies, and who asks it, have a CPU; all else has the other one, PostgreSQL too."""
    report.section("verify, 1 x 1, its worker and its client on a CPU of their own, while a host gets its tokens on the other")
    for pid in (fleet.cluster.process.pid, *fleet.cluster.children()):
        os.sched_setaffinity(pid, {OTHER})
    host = Host(stack, fleet, workers=1)        # that serves who verifies: jetond has one more for the agent

    def verify():
        return host.daemon.load("hit", 1, 1, SECONDS, OWN_TOKENS, cpu=OWN)
    verify()                                    # what follows a start of jetond is over then
    host.daemon.pin_busiest(verify, OWN, OTHER)
    idle = [verify() for _ in range(IDLE_ROUNDS)]
    os.sched_setaffinity(host.simulator.process.pid, {OTHER})
    host.begin()
    os.sched_setaffinity(host.agent.pid, {OTHER})
    busy = []
    while not host.has_answered():
        busy.append(verify())
    host.answered()
    for share, goal in ("p50", None), ("p99", ("<=", 1.3)):
        now, before = (statistics.median(one[share] for one in found) for found in (busy, idle))
        report.row(f"verify {share} meanwhile", f"{now / 1e3:.1f} us", "idle", f"{before / 1e3:.1f} us", now / before, goal)
    host.end()


def hosts():
    with contextlib.ExitStack() as stack:
        fleet = Fleet(stack)
        with fleet.simulator(real=False) as simulator:
            simulator.request("members 1")
            filled = simulator.request(f"fill {FIRST} {TOKENS}")
        report.note(f"(made {TOKENS:,} tokens in the database in {filled['seconds']:.0f} s)")
        if TOKENS <= MILLION:
            meanwhile(stack, fleet)
        restart(bootstrap(stack, fleet))


# -- instructions ------------------------------------------------------------------------------------

def connected(path):
    """Connect once somebody listens: under a profiler that takes a while."""
    for _ in range(1000):
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return sock
        except OSError:
            sock.close()
            time.sleep(0.01)
    raise RuntimeError(f"nobody listens at {path}")


def give(daemon, values):
    """Bring tokens of the fleet as an agent does, with a lease of an hour."""
    lines = ["fleet begin snapshot=yes", *(f"put digest={digest} group=web created=2026-01-01T00:00:00Z subject=svc-0001 "
                                           "scopes=repo:read,repo:write" for digest in sorted(digest_of(value).hex() for value in values)),
             f"fleet end place={PLACE}", f"fleet lease until={time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 3500 * 10 ** 9}"]
    with connected(daemon.fleet) as sock:
        sock.sendall("".join(line + "\n" for line in lines).encode())
        replies = sock.makefile("rb")
        for line in lines:
            reply = replies.readline()
            assert reply.startswith(b"OK"), (line, reply)


def verifications(directory):
    report.section("instructions of a verification on a host of a fleet, beside a host without one")
    if shutil.which("valgrind") is None:
        report.note("missing, left out: valgrind")
        return
    count = instructions.TOKENS
    values = [value.decode() for value in servers.values(2 * count)]
    beside = {"prepare": lambda daemon: give(daemon, values[count:]), "fleet": True}
    of_fleet = {"prepare": lambda daemon: give(daemon, values[:count]), "fleet": True, "tokens": 0}
    library, daemon = instructions.of_library(directory), instructions.of_daemon(directory)
    for name, bare, ours in (
            ("jeton_verify(), a token of the host", library, instructions.of_library(directory, "beside")),
            ("... of the fleet", library, instructions.of_library(directory, "fleet")),
            ("jetond, a token of the host", daemon, instructions.of_daemon(directory, **beside)),
            ("... of the fleet", daemon, instructions.of_daemon(directory, **of_fleet))):
        report.row(name, f"{ours:,.0f}", "without a fleet", f"{bare:,.0f}", ours / bare, ("<=", 1.03))


def of_instructions():
    with contextlib.closing(Scratch()) as scratch:
        verifications(scratch.path)
