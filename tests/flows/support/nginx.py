# SPDX-License-Identifier: Apache-2.0
"""A real nginx in the foreground, with our module or without it."""
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from daemon import REPORT
from settings import BUILD, PATIENCE, SANITIZER
from waiting import eventually

PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
MODULE = f"{BUILD}/nginx/ngx_http_jeton_module.so"

CONFIG = """
{load}
daemon off;
worker_processes {workers};
{user}
pid {directory}/nginx.pid;
error_log {log} {level};
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    {http}
}}
"""
SERVER = "server {{ listen unix:{directory}/http.sock; {server} }}"


def write_configuration(directory, http, module=False, workers=1, user=None, level="info", log=None):
    """Write an nginx.conf with this http block; return the command that runs it."""
    user = user or ("root" if os.geteuid() == 0 else None)
    with open(f"{directory}/nginx.conf", "w") as file:
        file.write(CONFIG.format(load=f"load_module {MODULE};" if module else "", workers=workers, level=level, http=http,
                                 user=f"user {user};" if user else "", directory=directory, log=log or f"{directory}/error.log"))
    return [PROGRAM, "-p", directory, "-c", f"{directory}/nginx.conf"]


def need_nginx(module=True):
    if PROGRAM is None:
        pytest.skip("needs nginx (make deps-programs)")
    if not module:
        return
    if SANITIZER == "tsan":
        pytest.skip("nginx itself is not built for that")
    if not os.path.exists(MODULE):
        pytest.skip("needs nginx-dev, to build the module")


def check_example(place, text):
    """Check a part of a configuration as nginx does; where there is no nginx, there is nothing to try it with."""
    if PROGRAM is None or not os.path.exists(MODULE):
        return
    if text.startswith("load_module"):
        assert text.split("/")[-1] == f"{os.path.basename(MODULE)};\n"
        return
    fault = Nginx(place.d.path("verify"), text).check()
    assert fault is None, fault


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=20 * PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def get(self, target="/", value=None, **fields):
        """Return the response to a GET; underscores in the names of fields stand for hyphens."""
        headers = {name.replace("_", "-"): text for name, text in fields.items()}
        if value is not None:
            headers["Authorization"] = f"Bearer {value}"
        self.request("GET", target, headers=headers)
        response = self.getresponse()
        response.body = response.read()
        return response


class Nginx:
    """An nginx with a server on a Unix socket of its own.  Leaving `with` ends it, and fails unless that went in
    good order.

    socket_path     the daemon's verify socket; None: without our module
    server, http    lines of that server and of the http block around it, in which DIRECTORY stands for .directory
    """

    def __init__(self, socket_path, server, http="", **settings):
        self.module = socket_path is not None
        need_nginx(self.module)
        self.directory = tempfile.mkdtemp(prefix="")
        self.path = f"{self.directory}/http.sock"
        server = SERVER.format(directory=self.directory, server=server.replace("DIRECTORY", self.directory))
        http = http.replace("DIRECTORY", self.directory)
        common = f"jeton_socket {socket_path};" if self.module else ""
        self.command = write_configuration(self.directory, f"{common}\n{http}\n{server}", self.module, **settings)
        self.process = None

    def environment(self):
        """The module's sanitizer must be there first; nginx itself leaves memory behind at its end."""
        ours = {"LD_LIBRARY_PATH": BUILD}
        if SANITIZER and self.module:
            name = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
            ours |= {"LD_PRELOAD": name.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0"}
        return os.environ | ours

    def check(self):
        """Return what nginx says of its configuration, or None if that is good."""
        done = subprocess.run([*self.command, "-t"], env=self.environment(), capture_output=True, text=True,
                              timeout=20 * PATIENCE)
        return None if done.returncode == 0 else done.stderr

    def __enter__(self):
        with open(f"{self.directory}/stderr", "wb") as errors:
            self.process = subprocess.Popen(self.command, env=self.environment(), stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors)
        eventually(self.workers, "nginx has started")
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGQUIT if kind is None else signal.SIGKILL)
        status = self.process.wait(20 * PATIENCE)
        if kind is not None:
            print(self.log())
            return
        assert status == 0, self.log()
        assert not REPORT.search(self.log()), self.log()
        assert "[alert]" not in self.log() and "[emerg]" not in self.log(), self.log()
        shutil.rmtree(self.directory)

    def log(self):
        text = ""
        for name in "stderr", "error.log":
            if os.path.exists(f"{self.directory}/{name}"):
                with open(f"{self.directory}/{name}", errors="replace") as file:
                    text += file.read()
        return text

    def workers(self):
        """Return the pids of the workers that accept connections."""
        assert self.process.poll() is None, self.log()
        if not os.path.exists(f"{self.directory}/nginx.pid"):
            return []
        done = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(line.split()[0]) for line in done.stdout.splitlines() if line.endswith("worker process")]

    def reload(self):
        """Wait until new workers have taken over."""
        before = set(self.workers())
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: (now := set(self.workers())) and not now & before, "new workers")

    def get(self, *arguments, **fields):
        """Return the response to a request on a connection of its own."""
        connection = Connection(self.path)
        try:
            return connection.get(*arguments, **fields)
        finally:
            connection.close()
