# SPDX-License-Identifier: Apache-2.0
"""PAM service files in a directory of the test's own, and applications that use them."""
import contextlib
import fcntl
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

import pytest

from daemon import REPORT
from settings import BUILD, PATIENCE, SANITIZER, SUPPORT

MODULE = os.path.join(BUILD, "pam_jeton.so")
CODES = {0: "SUCCESS", 3: "SERVICE_ERR", 4: "SYSTEM_ERR", 5: "BUF_ERR", 6: "PERM_DENIED",
         7: "AUTH_ERR", 8: "CRED_INSUFFICIENT", 9: "AUTHINFO_UNAVAIL", 10: "USER_UNKNOWN",
         13: "ACCT_EXPIRED", 19: "CONV_ERR", 25: "IGNORE", 30: "CONV_AGAIN", 31: "INCOMPLETE"}
LOGGED = re.compile(r"SYSLOG\((\d)\): (.*)")
WRAPPED = re.compile(r"PWRAP_DEBUG\[.* \((\d+)\)\] - pwrap_init")
PROMPT = [[1, "Token: "]]               # PAM_PROMPT_ECHO_OFF
DELETE_CRED, ESTABLISH_CRED = 4, 2


def need_module():
    if not os.path.exists(MODULE):
        pytest.skip("pam_jeton.so is not built")


def need_program(name, package):
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.skip(f"{package} is not installed")
    return path


def wrapper():
    found = glob.glob("/usr/lib*/libpam_wrapper.so") + glob.glob("/usr/lib/*/libpam_wrapper.so")
    if not found:
        pytest.skip("libpam-wrapper is not installed")
    return found[0]


def wrapped(directory):
    """The environment of a program that finds its service files in a directory, and logs to its
    standard error."""
    need_module()
    if SANITIZER == "tsan":
        pytest.skip("a module under tsan cannot be loaded into other programs")
    preload = [wrapper()]
    if SANITIZER == "asan":
        preload.insert(0, subprocess.check_output(["gcc", "-print-file-name=libasan.so"],
                                                  text=True).strip())
    return os.environ | {
        "LD_PRELOAD": " ".join(preload), "PAM_WRAPPER": "1", "PAM_WRAPPER_DEBUGLEVEL": "2",
        "PAM_WRAPPER_SERVICE_DIR": directory, "PAM_WRAPPER_DISABLE_DEEPBIND": "1",
        "ASAN_OPTIONS": "detect_leaks=0"}


def logged(output):
    """(level, text) of each entry of the module or of libpam."""
    return [(int(level), text) for level, text in LOGGED.findall(output)]


def sweep(output):
    """Removes what the wrapper has left of processes that could not do it themselves at their end:
    they had changed their user or root directory, or were killed."""
    pids = set(WRAPPED.findall(output))
    for directory in glob.glob("/tmp/pam.?"):
        with contextlib.suppress(OSError):
            with open(f"{directory}/pid") as file:
                left = file.read().strip() in pids
            if left:
                shutil.rmtree(directory)


def service_files(services):
    """Make a directory that has these service files, readable by everybody."""
    directory = tempfile.mkdtemp(prefix="pam")
    os.chmod(directory, 0o755)
    for name, text in services.items():
        with open(f"{directory}/{name}", "w") as file:
            file.write(text)
    return directory


def module_for_others():
    """Make a copy of the module that every user can load."""
    need_module()
    directory = service_files({})
    shutil.copy(MODULE, directory)
    os.chmod(f"{directory}/{os.path.basename(MODULE)}", 0o755)
    return f"{directory}/{os.path.basename(MODULE)}"


def both(options, account=None):
    """Return a service whose auth line has these options, and its account line those (default: none)."""
    return f"auth required {MODULE} {options}\naccount required {MODULE} {account or ''}\n"


def asks(d, options="", account=None):
    """Return a service that asks this daemon."""
    return both(f"socket={d.path('verify')} {options}", account)


class FakeDaemon:
    """Answer every line with the same reply, or never; .lines are the lines received."""

    def __init__(self, answer):
        self.directory = tempfile.mkdtemp(prefix="fake")
        self.path = f"{self.directory}/sock"
        self.lines = []
        self.answer = answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        with contextlib.suppress(ConnectionError), connection, connection.makefile("r") as lines:
            for line in lines:
                self.lines.append(line)
                if self.answer is not None:
                    connection.sendall(self.answer.encode() + b"\n")


class Application:
    """pam_application.py with these services.  Leaving `with` ends it."""

    def __init__(self, **services):
        self.directory = service_files(services)
        self.log_path = f"{self.directory}.log"
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(40 * PATIENCE)
        self.lines = self.socket.makefile("r")
        with theirs, open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, f"{SUPPORT}/pam_application.py", str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[theirs.fileno()],
                env=wrapped(self.directory))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.lines.close()
        self.socket.close()
        status = self.process.wait(20 * PATIENCE)
        sweep(self.output())
        if kind is None:
            assert status == 0, f"the application ended with {status}: {self.output()[-2000:]}"
            report = REPORT.search(self.output())
            assert not report, self.output()[-4000:]

    def do(self, what, **arguments):
        self.socket.sendall(json.dumps({"do": what, **arguments}).encode() + b"\n")
        reply = self.lines.readline()
        assert reply, f"the application ended at {what}: {self.output()[-2000:]}"
        return json.loads(reply)

    # -- a session ------------------------------------------------------------------------------

    def start(self, service, user, *answers):
        # pam_wrapper takes the directory of another process for one that was left, until that has noted its pid.
        with open(f"{BUILD}/tests/pam_wrapper.lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            reply = self.do("start", service=service, user=user, answers=answers)
        assert reply["code"] == 0, reply
        return self

    def run(self, call, *arguments):
        """Return the code's name; .messages (of the conversation) and .seconds belong to it."""
        reply = self.do("call", name=call, arguments=arguments or (0,))
        self.messages, self.seconds = reply["messages"], reply["seconds"]
        return CODES.get(reply["code"], reply["code"])

    def authenticate(self):
        return self.run("pam_authenticate")

    def account(self):
        return self.run("pam_acct_mgmt")

    def credentials(self, flag=ESTABLISH_CRED):
        return self.run("pam_setcred", flag)

    def end(self):
        return CODES[self.do("end")["code"]]

    def once(self, service, user, *answers):
        """Run a whole session that only authenticates."""
        code = self.start(service, user, *answers).authenticate()
        self.end()
        return code

    # -- what was logged ------------------------------------------------------------------------

    def output(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def logged(self):
        return logged(self.output())


def pamtester(directory, service, user, password, *operations):
    """Return the exit status and the output of pamtester."""
    done = subprocess.run([need_program("pamtester", "pamtester"), service, user, *operations],
                          input=password + "\n", capture_output=True, text=True,
                          env=wrapped(directory), timeout=40 * PATIENCE)
    return done.returncode, done.stdout + done.stderr
