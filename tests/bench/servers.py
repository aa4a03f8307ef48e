# SPDX-License-Identifier: Apache-2.0
"""Servers to be measured, each on a private Unix socket: jetond, its peers and the floors."""
import contextlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
BENCH = os.path.join(BUILD, "tests", "bench")
PACKAGES = {"redis-server": "redis-server", "memcached": "memcached", "munged": "munge"}
DATA = b"id=%020d subject=svc-%04d scopes=repo:read,repo:w"        # 64 bytes, as long as our replies' fields


class Missing(Exception):
    """The program is not installed."""


def program(name):
    """Where it is; its Debian package is what `make deps-bench` installs."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{name} (Debian package {PACKAGES[name]})")
    return path


def version(name):
    """What a peer's program says of itself, or that it is missing."""
    try:
        said = subprocess.run([program(name), "--version"], capture_output=True, text=True, check=False).stdout
    except Missing:
        return f"no {name}"
    return f"{name} {re.search('[0-9]+([.][0-9]+)+', said).group()}"


def directory():
    return tempfile.mkdtemp(prefix="jeton-bench-")


def numbers(line):
    """Of name=value."""
    return {name: float(value) for name, value in (field.split("=") for field in line.split())}


class Dialogue:
    """A program that answers each line that it reads with one of name=value."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def tell(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[0]} ended: {self.process.wait()}")
        return numbers(line)

    def ask(self, line):
        self.tell(line)
        return self.hear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Server:
    """A process that listens on `path`, on one CPU (None: on all).  Leaving `with` ends it."""

    def __init__(self, name, protocol, arguments, path, cpu=0, where=None, within=60):
        self.name, self.protocol, self.path = name, protocol, path
        self.where, self.loads = where, {}
        began = time.monotonic()
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: cpu is None or os.sched_setaffinity(0, {cpu}))
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - began > within:
                self.process.kill()
                raise RuntimeError(f"{name} did not start: {self.process.stderr.read()}")
            time.sleep(0.001)
        self.took = time.monotonic() - began

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.path)
            except OSError:
                return False
            return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for load in self.loads.values():
            load.__exit__()
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
        if self.where is not None:
            shutil.rmtree(self.where, ignore_errors=True)

    def load(self, kind, connections, depth, seconds, keys=1000000, cpu=0, path=None, replies=""):
        """Loads it from one CPU, and returns what the client measured.  The client stays, so that
        its requests are made once."""
        self.begin_load(kind, connections, depth, seconds, keys, cpu, path, replies)
        return self.end_load(keys, cpu, path)

    def begin_load(self, kind, connections, depth, seconds, keys=1000000, cpu=0, path=None, replies=""):
        which = keys, cpu, path
        if which not in self.loads:
            self.loads[which] = Dialogue(f"{BENCH}/load", self.protocol, path or self.path, self.process.pid, keys, cpu)
        self.loads[which].tell(f"{kind} {connections} {depth} {seconds} {replies}")

    def end_load(self, keys=1000000, cpu=0, path=None):
        measured = self.loads[keys, cpu, path].hear()
        if measured["wrong"] > 0:
            raise RuntimeError(f"{self.name}: a reply was not the one expected ({measured})")
        return measured

    def resident(self):
        """Bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return 1024 * int(fields["VmRSS"].split()[0])


def niced(nice):
    return [] if nice is None else ["nice", "-n", str(nice)]


def jetond(store, name="jetond", workers=1, cpu=0, place=None, nice=None):
    where = directory()
    roles = [f"--set={role}.path={where}/{role}.sock" for role in ("admin", "verify")]
    roles += [f"--set={role}.group=" for role in ("admin", "verify", "observe")]
    if workers is not None:
        roles.append(f"--set=daemon.workers={workers}")
    server = Server(name, "jeton", [*niced(nice), f"{place or BUILD}/jetond", f"--set=daemon.store={store}",
                                    "--set=observe.path=", "--set=verify.table_group=", *roles],
                    f"{where}/verify.sock", cpu, where)
    server.admin = f"{where}/admin.sock"
    return server


def redis(cpu=0, durable=False, where=None):
    """It never rewrites its log: it would do so beside whoever is measured next."""
    where = where or directory()
    options = ["--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0", "--dir", where] \
        if durable else []
    return Server("redis", "redis", [program("redis-server"), "--port", "0", "--unixsocket", f"{where}/redis.sock",
                                     "--save", "", "--daemonize", "no", *options],
                  f"{where}/redis.sock", cpu, where)


def memcached(cpu=0):
    where = directory()
    return Server("memcached", "memcached", [program("memcached"), "-s", f"{where}/memcached.sock", "-m", "2048",
                                             "-t", "1", "-u", pwd.getpwuid(os.geteuid()).pw_name],
                  f"{where}/memcached.sock", cpu, where)


def munged(cpu=0):
    where = directory()
    with open(f"{where}/key", "wb") as key:
        key.write(os.urandom(128))
    os.chmod(f"{where}/key", 0o400)
    return Server("munged", "munge", [program("munged"), "--foreground", "--force", f"--key-file={where}/key",
                                      f"--socket={where}/munge.sock", f"--pid-file={where}/pid",
                                      f"--seed-file={where}/seed", f"--log-file={where}/log"],
                  f"{where}/munge.sock", cpu, where)


def floor(kind, protocol="echo", *arguments, cpu=0, nice=None):
    where = directory()
    return Server(kind, protocol, [*niced(nice), f"{BENCH}/floors", kind, f"{where}/floor.sock",
                                   *map(str, arguments)], f"{where}/floor.sock", cpu, where)


@contextlib.contextmanager
def beside(cpu, task, *command):
    """Another program is at work on a CPU meanwhile, on a task that it reads."""
    other = subprocess.Popen(["taskset", "-c", str(cpu), *map(str, command)], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL)
    try:
        other.stdin.write(b"%d\n" % task)
        other.stdin.close()
        yield
        if other.poll() is not None:
            raise RuntimeError(f"{command[0]} ended meanwhile: {other.returncode}")
    finally:
        other.kill()
        other.wait()


def values(keys):
    """The values of values.h, as the load client asks for them."""
    made = subprocess.run([f"{BENCH}/load", "values", str(keys)], stdout=subprocess.PIPE, check=True)
    return made.stdout.split()


def fill(server, keys):
    """Gives a peer the keys that jetond has, with data as long as what our replies say."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(server.path)
        names = values(keys)
        for begin in range(0, keys, 2000):
            batch = names[begin:begin + 2000]
            s.sendall(b"".join(PUT[server.protocol](name, DATA % (begin + i, i % 1000))
                               for i, name in enumerate(batch)))
            left = len(batch)
            while left > 0:
                left -= s.recv(65536).count(b"\n")


PUT = {"redis": lambda key, data: b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(data), data),
       "memcached": lambda key, data: b"ms %s %d\r\n%s\r\n" % (key, len(data), data)}
