# SPDX-License-Identifier: Apache-2.0
"""Helpers of the checks that run in the container."""
import os
import pwd
import subprocess
import threading
import time

from client import Client, Closed

ADMIN, OBSERVE, VERIFY, SELF = (f"/run/jeton/{role}.sock" for role in ("admin", "observe", "verify", "self"))
STORE = "/var/lib/jeton/tokens.tdb"
VALUES = "values"           # file of the values of create(), kept from one boot to the next


class Skip(Exception):
    """The check cannot run here."""


def timeout(seconds):
    """Sets the time that a check may take; the default is in inside.py."""
    def decorate(function):
        function.timeout = seconds
        return function
    return decorate


def run(*arguments, show=False, check=True, **how):
    if "input" not in how:
        how["stdin"] = subprocess.DEVNULL
    done = subprocess.run(arguments, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=60, **how)
    if show:
        print(done.stdout, flush=True)
    assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}"
    return done.stdout.strip()


def assert_equal(got, wanted, about=""):
    assert got == wanted, f"{about}\n     got: {got!r}\n  wanted: {wanted!r}"


def eventually(condition, what, within=10):
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.01)
    return value


def apt(*arguments):
    """Runs apt-get, offline: the dependencies are installed, as the packages were built on this machine."""
    run("apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", *arguments,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})


def unit(name, *properties):
    output = run("systemctl", "show", name, *(f"--property={name}" for name in properties))
    found = dict(line.split("=", 1) for line in output.splitlines())
    values = [found[name] for name in properties]
    return values[0] if len(values) == 1 else values


def state(name):
    return unit(name, "ActiveState")


def main_pid():
    return int(unit("jetond.service", "MainPID"))


def request(path, line):
    with Client(path, patience=10) as client:
        return client.request(line)


def request_ok(path, line):
    reply = request(path, line)
    assert_equal(reply.verdict, "OK", line)
    return reply


def create(**claims):
    """Creates a token, and saves its value, which must verify until the end."""
    value = request_ok(ADMIN, "create" + "".join(f" {k}={v}" for k, v in claims.items()))["token"]
    with open(VALUES, "a") as file:
        file.write(value + "\n")
    return value


def verify_all():
    with open(VALUES) as file:
        values = file.read().split()
    with Client(VERIFY) as client:
        for value in values:
            assert_equal(client.request(f"verify {value}").verdict, "OK")
    return len(values)


def as_user(name, function):
    """Runs a function as that user, in a process of its own, and returns its result."""
    user = pwd.getpwnam(name)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        output = "nothing"
        try:
            os.initgroups(name, user.pw_gid)
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            output = function()
        except BaseException as problem:
            output = f"{type(problem).__name__}: {problem}"
        os.write(writer, output.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        output = file.read()
    os.waitpid(pid, 0)
    return output


def make_user(name, *groups):
    run("useradd", "--no-create-home", "--shell", "/bin/sh",
        *(["--groups", ",".join(groups)] if groups else []), name)


class ConnectionLoop:
    """Clients that connect one after the other during a `with` block, and send a request each.  None may be
    refused."""

    def __init__(self, path, line, values=None):
        self.path, self.line, self.values = path, line, values
        self.answered, self.cut_off, self.problem, self.longest = 0, 0, None, 0.0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.connect, daemon=True)

    def connect(self):
        while not self.stop.is_set():
            start = time.monotonic()
            try:
                with Client(self.path, patience=10) as client:
                    reply = client.request(self.line)
                    assert_equal(reply.verdict, "OK", self.line)
                    self.answered += 1
                    if self.values is not None:
                        self.values.append(reply["token"])
            except (Closed, ConnectionResetError, BrokenPipeError):
                self.cut_off += 1       # the daemon ended before it answered
            except Exception as problem:
                self.problem = problem
                return
            self.longest = max(self.longest, time.monotonic() - start)
            time.sleep(0.002)           # leave CPU time to the daemon

    def __enter__(self):
        self.thread.start()
        self.wait_for_more(20)
        return self

    def wait_for_more(self, more):
        wanted = self.answered + more
        eventually(lambda: self.answered >= wanted or self.problem, f"{self.line} is answered")
        assert self.problem is None, repr(self.problem)

    def __exit__(self, kind, *_):
        if kind is None:
            self.wait_for_more(20)
        self.stop.set()
        self.thread.join(15)
        if kind is None:
            assert self.problem is None, repr(self.problem)

    def __str__(self):
        return (f"{self.answered} connections answered, {self.cut_off} cut off, "
                f"the longest took {1000 * self.longest:.0f} ms")
