# SPDX-License-Identifier: Apache-2.0
"""Proxies that are not ours, with the configurations of plugin/examples, and an application behind
them."""
import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest

import nginx
from ports import free_port
from settings import ROOT
from waiting import eventually

EXAMPLES = os.path.join(ROOT, "plugin", "examples")


class Application:
    """An HTTP server that answers with what it was asked."""

    def __init__(self):
        self.count = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                outer.count += 1
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                reply = json.dumps({"path": self.path, "method": self.command, "body": body.decode(),
                                    "headers": [[name.lower(), value] for name, value in self.headers.items()]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
            do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Proxy:
    """A proxy in front of the application, which asks the gateway."""

    program = package = None
    stop_signal = "terminate"

    def __init__(self, gateway, application):
        if shutil.which(self.program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            pytest.skip(f"{self.package} is not installed (make deps-programs)")
        self.gateway, self.application = gateway, application
        self.directory = tempfile.mkdtemp(prefix="proxy")
        self.port = free_port()
        self.log_path = f"{self.directory}/log"

    def example(self, path):
        """Return an example with the addresses of this test."""
        with open(f"{EXAMPLES}/{path}") as file:
            text = file.read()
        for name, ours in (("/run/jeton-gateway/http.sock", self.gateway.path), ("127.0.0.1:8080", f"127.0.0.1:{self.port}"),
                           ("127.0.0.1:9000", f"127.0.0.1:{self.application.port}"), ("/etc/haproxy", self.directory)):
            text = text.replace(name, ours)
        return text.replace("http://:8080", f"http://:{self.port}")

    def write(self, name, text):
        with open(f"{self.directory}/{name}", "w") as file:
            file.write(text)
        return f"{self.directory}/{name}"

    def command(self):
        raise NotImplementedError

    @contextlib.contextmanager
    def running(self):
        with open(self.log_path, "wb") as log:
            process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                                       env=os.environ | {"HOME": self.directory, "XDG_DATA_HOME": self.directory,
                                                         "XDG_CONFIG_HOME": self.directory})
        try:
            eventually(lambda: self.listens(process), f"{self.program} listens", 30)
            yield self
        finally:
            process.terminate()
            process.wait(30)

    def listens(self, process):
        assert process.poll() is None, self.log()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()


class Nginx(Proxy):
    program, package = "nginx", "nginx"

    def command(self):
        return nginx.write_configuration(self.directory, self.example("nginx/jeton.conf"), log="stderr")


class Caddy(Proxy):
    program, package = "caddy", "caddy"

    def command(self):
        path = self.write("Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n" + self.example("caddy/Caddyfile"))
        return ["caddy", "run", "--config", path, "--adapter", "caddyfile"]


class Haproxy(Proxy):
    program, package = "haproxy", "haproxy"

    def command(self):
        self.write("jeton.lua", self.example("haproxy/jeton.lua"))
        return ["/usr/sbin/haproxy", "-db", "-f", self.write("haproxy.cfg", self.example("haproxy/haproxy.cfg"))]


PROXIES = {"nginx": Nginx, "caddy": Caddy, "haproxy": Haproxy}
