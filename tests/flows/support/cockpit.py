# SPDX-License-Identifier: Apache-2.0
"""The real cockpit-ws and cockpit-bridge on loopback, with jeton's page as it is installed.

They run in a mount namespace in which /usr/local/share/cockpit has our package and /etc/cockpit a configuration of the
test.  Where people log in, the namespace has users of its own as well, and the stack of PAM is Debian's for Cockpit."""
import os
import shutil
import socket
import subprocess
import tempfile

import pytest

from ports import free_port
from requirements import need_root
from settings import BUILD
from waiting import eventually

WS = "/usr/lib/cockpit/cockpit-ws"
PACKAGE = os.path.join(BUILD, "cockpit", "jeton")
PAGE = "/cockpit/@localhost/jeton/index.html"
# Later ones ask the service manager for it.
SESSION = "\n[basic]\nCommand = /usr/lib/cockpit/cockpit-session\n"
# Cockpit's own pages ask the system's bus, and a bridge of Cockpit 300 or later ends without one.
BUS = "if command -v dbus-daemon >/dev/null; then mkdir /run/dbus; setpriv --pdeathsig TERM dbus-daemon --system --nofork --nopidfile & fi\n"
PASSWORD = "correct horse"
SHELL = "/usr/share/cockpit/shell/manifest.json"


def need_cockpit(*more):
    need_root()
    for path, package in ((WS, "cockpit-ws"), ("/usr/bin/cockpit-bridge", "cockpit-bridge"), *more):
        if not os.path.exists(path):
            pytest.skip(f"{package} is not installed (make deps-programs)")
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("may not make a mount namespace")


class Cockpit:
    """A cockpit-ws.

    sockets     a directory, which is /run/jeton there
    users       {name: uid} who can log in with PASSWORD; None: the bridge is started without a login, as `uid`
    config      text of cockpit.conf
    """

    def __init__(self, sockets, users=None, uid=0, config="[WebService]\nLoginTo = false\n"):
        self.directory = tempfile.mkdtemp(prefix="ws")
        os.chmod(self.directory, 0o755)
        os.chmod(os.path.dirname(self.directory), 0o755)
        self.sockets, self.users, self.uid = sockets, users, uid
        self.port = free_port()
        self.log_path = f"{self.directory}/log"
        self.mounts = []
        shutil.copytree(PACKAGE, f"{self.directory}/share/cockpit/jeton")
        self.write("etc/cockpit.conf", config + SESSION)
        self.mounts += [(f"{self.directory}/share", "/usr/local/share"), (f"{self.directory}/etc", "/etc/cockpit")]
        if users:
            self.add_users()

    def write(self, name, text, mode=0o644):
        path = f"{self.directory}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        return path

    def add_users(self):
        hashed = subprocess.check_output(["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, text=True).strip()
        lines = {"passwd": "{name}:x:{uid}:{uid}::{home}:/bin/sh\n", "group": "{name}:x:{uid}:\n",
                 "shadow": "{name}:{hashed}:19000:0:99999:7:::\n"}
        for name, uid in self.users.items():
            home = f"{self.directory}/home/{name}"
            os.makedirs(home)
            os.chown(home, uid, uid)
        self.mounts.append((f"{self.directory}/home", "/home"))
        for file, line in lines.items():
            with open(f"/etc/{file}") as own:
                text = own.read()
            for name, uid in self.users.items():
                text += line.format(name=name, uid=uid, home=f"/home/{name}", hashed=hashed)
            self.mounts.append((self.write(file, text, 0o640 if file == "shadow" else 0o644), f"/etc/{file}"))

    def script(self):
        binds = "".join(f"mount --bind {source} {target}\n" for source, target in self.mounts)
        start = (f"exec {WS} --no-tls --address=127.0.0.1 --port={self.port}" if self.users else
                 f"exec setpriv --reuid={self.uid} --regid={self.uid} --clear-groups "
                 f"{WS} --local-session=/usr/bin/cockpit-bridge --address=127.0.0.1 --port={self.port}")
        return (f"set -e\nmount --make-rprivate /\n{binds}mount -t tmpfs -o mode=755 run /run\n"
                f"mkdir /run/jeton\nmount --bind {self.sockets} /run/jeton\n"
                f"{BUS}mount -t tmpfs -o mode=1777 tmp /tmp\nexport HOME=/tmp\ncd /\n{start}\n")

    def __enter__(self):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LD_", "DBUS_", "TMPDIR"))}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", self.script()], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=environment)
        eventually(self.listens, "cockpit-ws listens", 20)
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.log())
        self.process.terminate()
        self.process.wait(20)

    def listens(self):
        assert self.process.poll() is None, self.log()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def link(self):
        return self.url + PAGE

    def log_in(self, browser, name, path=PAGE):
        """Log in on Cockpit's own page, and go on to ours."""
        # Of Cockpit's own pages, not of ours.
        browser.expect(r"autocomplete attributes|^(?!.*/jeton/)")
        browser.open(self.url + path)
        browser.type("#login-user-input", name)
        browser.type("#login-password-input", PASSWORD)
        browser.click("#login-button")
