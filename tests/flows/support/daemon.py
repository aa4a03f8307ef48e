# SPDX-License-Identifier: Apache-2.0
"""Daemons in private directories."""
import contextlib
import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile

from client import Client, quote
from library import Handle
from proc import stopped
from settings import JETOND, PATIENCE
from waiting import eventually

ROLES = ("admin", "observe", "verify")
READY = "jetond: info: ready: "
# What a sanitizer, the C library or an assertion prints when it ends a process.
REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:|SUMMARY: \w+San|"
                    r"Assertion .* failed|stack smashing|buffer overflow detected|"
                    r"free\(\)|malloc\(\)|double free|corrupted ")

daemons = []            # all that this process has made, for the report of a failure


def run_jetond(*arguments, within=40):
    """Runs jetond to its end."""
    return subprocess.run([JETOND, *arguments], capture_output=True, text=True,
                          errors="replace", timeout=within * PATIENCE)


class Daemon:
    """A jetond of our own.  Leaving `with` stops it, and fails unless that went in good order.

    settings    `section.key=value`, each
    config      text of a configuration file
    limits      {resource.RLIMIT_…: number} for the daemon
    uid         who it runs as, if not as we
    extra       {name: text} of its environment
    hangs       that some of its threads may hang at its end is no fault
    sockets     {name: listening socket} that it inherits
    """

    def __init__(self, *settings, config=None, roles=ROLES, directory=None, limits=None, uid=None,
                 extra=None, sockets=None, hangs=False):
        self.directory = directory or tempfile.mkdtemp(prefix="")
        self.store = f"{self.directory}/tokens.tdb"
        self.settings = settings
        self.roles = roles
        self.limits = limits or {}
        self.uid = uid
        self.extra = extra or {}
        self.sockets = sockets or {}
        self.process = None
        self.clients = {}
        self.hangs = hangs
        self.handles = {}       # of libjeton, by service
        self.source = None      # who gave libjeton its last answer
        self.start_within = 40
        self.log_path = f"{self.directory}/log"
        self.config = None
        if config is not None:
            self.config = f"{self.directory}/jetond.conf"
            self.configure(config)
        daemons.append(self)

    def __enter__(self):
        if uid_differs(self.uid):
            os.chown(self.directory, self.uid, self.uid)
            os.chmod(os.path.dirname(self.directory), 0o755)
        return self.start()

    def __exit__(self, kind, *_):
        if self.process is not None:
            if kind is None:
                self.stop()
            else:
                self.process.kill()
                self.process.wait()
        for handle in self.handles.values():
            handle.close()
        if kind is None:
            self.check_log()
            shutil.rmtree(self.directory)

    def configure(self, text):
        """Replace the configuration file in one step, as the daemon may be reading it."""
        with open(f"{self.config}.new", "w") as file:
            file.write(text)
        os.rename(file.name, self.config)

    # -- the process ----------------------------------------------------------------------------

    def arguments(self):
        # A log of the usual size takes a moment to be made.
        own = [f"daemon.store={self.store}", "daemon.log_size=4M", "verify.table_group="]
        for role in (*ROLES, *(role for role in self.roles if role not in ROLES)):
            own.append(f"{role}.path={self.path(role) if role in self.roles else ''}")
            own.append(f"{role}.group=")
        given = ["--config", self.config] if self.config else []
        for setting in (*own, *self.settings):
            given += ["--set", setting]
        return given

    def spawn(self):
        """Start the process without waiting for anything."""
        given = range(3, 3 + len(self.sockets))

        def prepare():
            for what, limit in self.limits.items():
                resource.setrlimit(what, (limit, limit))
            # Out of the way of each other first.
            high = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100) for s in self.sockets.values()]
            for fd, number in zip(high, given):
                os.dup2(fd, number)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix(), JETOND, *self.arguments()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=prepare if self.limits or self.sockets else None, pass_fds=given,
                env=environment(self.hangs) | self.extra,
                **({"user": self.uid, "group": self.uid, "extra_groups": []}
                   if uid_differs(self.uid) else {}))
        return self

    def prefix(self):
        """Return the command that turns itself into jetond and sets its variables: only the process itself knows its
        number."""
        if not self.sockets and "WATCHDOG_USEC" not in self.extra:
            return []
        names = ":".join(name.partition("#")[0] for name in self.sockets)
        return ["sh", "-c", "export LISTEN_PID=$$ WATCHDOG_PID=$$ LISTEN_FDS=$1 LISTEN_FDNAMES=$2; "
                "shift 2; exec \"$@\"", "sh", str(len(self.sockets)), names]

    def start(self):
        """Start it, and wait until it serves and its log has all that it says about that."""
        before = self.log().count(READY) if os.path.exists(self.log_path) else 0
        self.spawn()
        eventually(self.listens, "jetond listens", self.start_within)
        if not self.logs_little():
            eventually(lambda: self.log().count(READY) > before, "the log says that it is ready", self.start_within)
        return self

    def logs_little(self):
        """True if the configuration leaves messages of the level info out."""
        if not self.config:
            return False
        with open(self.config) as file:
            return re.search("^log_level = (error|warning)$", file.read(), re.MULTILINE) is not None

    def listens(self):
        assert self.process.poll() is None, f"jetond ended with {self.process.returncode} at start"
        inherited = [sock.getsockname() for sock in self.sockets.values()]
        return all(map(accepts, [*map(self.path, self.roles), *inherited]))

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def ended(self, expected, within=40):
        """Wait for the end of the process."""
        process, self.process, self.clients = self.process, None, {}
        assert process.wait(within * PATIENCE) == expected, "exit status of jetond"

    def stop(self):
        self.signal(signal.SIGTERM)
        self.ended(0)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.ended(-signal.SIGKILL)

    def kill_unseen(self):
        """Kill it, and let the next one assume that no client had its table: then it does not hold answers back, of
        which a test that kills often wants to see many."""
        self.kill()
        with contextlib.suppress(FileNotFoundError), open(f"{self.store}.lease", "r+") as file:
            line = file.read()
            file.seek(0)
            file.write(line.replace("running", "stopped"))

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        self.signal(signal.SIGHUP)

    @contextlib.contextmanager
    def stopped(self):
        """Stop all threads of the daemon during `with`: it receives what is sent meanwhile all at once."""
        with stopped(self.pid):
            yield

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def check_log(self):
        report = REPORT.search(self.log())
        assert not report, f"jetond reported: {report[0]}"

    # -- talking to it --------------------------------------------------------------------------

    def path(self, role="admin"):
        return f"{self.directory}/{role}.sock"

    def client(self, role="admin", **options):
        return Client(self.path(role), **options)

    def ask(self, line, role="admin"):
        """Send one request over a connection that is kept open."""
        if role not in self.clients:
            self.clients[role] = self.client(role)
        return self.clients[role].request(line)

    def done(self, line, role="admin"):
        """Send one request that must be answered OK."""
        reply = self.ask(line, role)
        assert reply.verdict == "OK", f"{line}: {reply}"
        return reply

    def create(self, **claims):
        return self.done("create" + arguments_of(claims))

    def verify(self, value, service=None, **wanted):
        """Return the verdict, on which the socket and libjeton in this process must agree."""
        line = "verify" + arguments_of(({"service": service} if service else {}) | wanted) + f" {value}"
        verdict = self.ask(line, "verify").verdict
        if service not in self.handles:
            self.handles[service] = Handle(self.path("verify"), service, timeout=20)
        handle = self.handles[service]
        if handle.takes(value, wanted):
            while True:
                before = verdict
                other, self.source = handle.verify(value, **wanted)
                if other != before:     # a second may have ended in between
                    verdict = self.ask(line, "verify").verdict
                if other in (before, verdict):
                    break
                # And on a slow machine another one.
                assert before != verdict, f"libjeton, by {self.source}, says {other}, and the socket {verdict}: {line}"
        return verdict

    def answered_by(self, who):
        """Check who gave libjeton its last answer, unless libjeton cannot be loaded."""
        if self.source is not None:
            assert self.source == who

    def list(self, **filters):
        return self.done("list" + arguments_of(filters)).lines

    def stats(self):
        return {line["name"]: line["value"] for line in self.done("stats").lines}

    def stat(self, name, **labels):
        """Return one counter of a name that several counters have."""
        found = [line for line in self.done("stats").lines
                 if line["name"] == name and labels.items() <= line.items()]
        assert len(found) == 1, f"{name} {labels}: {found}"
        return int(found[0]["value"])


def uid_differs(uid):
    return uid is not None and uid != os.geteuid()


def arguments_of(claims):
    return "".join(f" {key}={quote(str(value))}" for key, value in claims.items())


def environment(hangs=False):
    """Sanitizers end the daemon with a status of their own, unless somebody wants it otherwise."""
    given = dict(os.environ)
    given.setdefault("ASAN_OPTIONS", "exitcode=99:detect_leaks=1")
    given.setdefault("TSAN_OPTIONS", "exitcode=99:halt_on_error=0")
    if hangs:
        given["TSAN_OPTIONS"] += ":report_thread_leaks=0"
        given["ASAN_OPTIONS"] += ":detect_leaks=0"
    given.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return given


def accepts(path):
    """True once the daemon answers on this socket: it listens already while it loads its store."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(1)
        try:
            sock.connect(path)
            sock.sendall(b"ping\n")
            return sock.recv(100) == b"OK\n"
        except OSError:
            return False
