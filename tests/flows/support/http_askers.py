# SPDX-License-Identifier: Apache-2.0
"""Whoever answers HTTP requests by their tokens, with one way to ask: REQUESTS of verification_cases.py.

`with asker.serving(path, wants, directory) as ask` starts it for a daemon's verify socket; `wants` are what its sites
ask of a token.  ask(number, authorization) sends a request to one of these sites with the values of its Authorization
headers, and with forged headers of identity, and returns a Response: the status, the headers of an answer that refuses
in lower case, and the identity headers that the application behind it was given, or None."""
import asyncio
import collections
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import types

import pytest

from askers import EXAMPLES, HERE, PYTHON, environment, need_library, need_programs
from gateway import Gateway
from nginx import Nginx
from settings import BUILD, PATIENCE, ROOT
from waiting import eventually

FORGED = [("X-Jeton-Id", "f" * 20), ("X-Jeton-Subject", "root"), ("x-jeton-subject", "root"), ("X_Jeton_Subject", "root"),
          ("X-Jeton-Scopes", "everything"), ("X-Jeton-Verifier", "forged"), ("X-Jeton-Other", "root")]
Response = collections.namedtuple("Response", "status headers identity")


def exchange(connect_to, number, authorization, family=socket.AF_INET, target="/site/"):
    """Send a request as it is over a connection of its own; return the status, the headers and the body."""
    lines = [f"GET {target}{number} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in FORGED]
    lines += [f"Authorization: {value}" for value in authorization]
    with socket.socket(family) as sock:
        sock.settimeout(20 * PATIENCE)
        sock.connect(connect_to)
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b"".join(iter(lambda: sock.recv(1 << 16), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return int(first.split()[1]), headers, body


@contextlib.contextmanager
def process(command, **how):
    """Run a program until the end of `with`."""
    started = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment(), **how)
    try:
        yield started
        assert started.poll() is None, f"{command} ended with {started.returncode}"
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(20 * PATIENCE)


class Asker:
    name = ""
    refuses_two = False         # the server itself answers two Authorization fields, with 400
    sends_all_fields = True     # an answer has all fields that the client needs

    def can_want(self, want):
        """True if a site can ask this of a token."""
        return True


class WSGI(Asker):
    name = "wsgi"

    @contextlib.contextmanager
    def serving(self, path, wants, directory):
        need_library()
        with process([PYTHON, f"{HERE}/serve_wsgi.py", path, json.dumps(wants)], stdout=subprocess.PIPE) as server:
            port = int(server.stdout.readline())

            def ask(number, authorization):
                status, headers, body = exchange(("127.0.0.1", port), number, authorization)
                return Response(status, headers, json.loads(body) if body else None)
            yield ask


class ASGI(Asker):
    """The middleware is called as a server does it."""

    name = "asgi"

    @contextlib.contextmanager
    def serving(self, path, wants, directory):
        sys.path.insert(0, f"{ROOT}/plugin/python")
        from jeton import aio, asgi

        async def answer(want, authorization):
            sent, seen = [], []

            async def application(scope, receive, send):
                assert scope["jeton.claims"].id
                seen.append({name.decode(): value.decode() for name, value in scope["headers"] if b"jeton" in name.lower()})

            async def send(message):
                sent.append(message)
            headers = [(name.encode(), value.encode()) for name, value in FORGED]
            headers += [(b"authorization", value.encode()) for value in authorization]
            async with aio.Client(path, timeout=5 * PATIENCE) as client:
                middleware = asgi.Middleware(application, client, scopes=want.get("scope"), subject=want.get("subject"))
                await middleware({"type": "http", "headers": headers}, None, send)
            if seen:
                return Response(200, {}, seen[0])
            assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
            assert sent[1]["body"] == b""
            return Response(sent[0]["status"], {n.decode(): v.decode() for n, v in sent[0]["headers"]}, None)
        yield lambda number, authorization: asyncio.run(answer(wants[number], authorization))


class Lua(Asker):
    """handle:authorize(), without a server."""

    name = "lua"

    @contextlib.contextmanager
    def serving(self, path, wants, directory):
        need_programs("lua5.3")
        need_library()
        if not os.path.exists(f"{BUILD}/lua/5.3/jeton.so"):
            pytest.skip("the Lua module is not built: make deps installs what it needs")

        def ask(number, authorization):
            words = [f"{key}={text.encode().hex()}" for key, text in wants[number].items()]
            words += [text.encode().hex() for text in authorization]
            done = subprocess.run(["lua5.3", f"{HERE}/authorize.lua", path, *words], capture_output=True, text=True,
                                  env=environment(LUA_CPATH=f"{BUILD}/lua/5.3/?.so"), timeout=20 * PATIENCE)
            assert done.returncode == 0, done.stderr
            status, *lines = done.stdout.splitlines()
            headers = dict(line.split("=", 1) for line in lines)
            if status == "200":
                return Response(200, {}, headers)
            return Response(int(status), {name.lower(): value for name, value in headers.items()}, None)
        yield ask


HAPROXY = """\
global
{more}
    lua-prepend-path {build}/lua/{version}/?.so cpath
    lua-load {action}
defaults
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 10s
frontend api
    bind unix@{directory}/http.sock
{names}
{sites}
    http-request return status 200 content-type application/json lf-string '{identity}'
"""
IDENTITY = [f"x-jeton-{name}" for name in ("id", "subject", "scopes", "expires", "verifier")]
OTHERS = "x-jeton-other", "x_jeton_subject"


def rules(lines, number, scopes):
    """Return the rules of an example's configuration, for one site."""
    action, denial = [line for line in lines if "lua.jeton" in line or " deny " in line]
    return [action.replace("deploy\n", f"{scopes} if {{ path /site/{number} }}\n"),
            denial.replace("unless", f"if {{ path /site/{number} }} !").replace("deploy", scopes)]


class HAProxy(Asker):
    """The example of plugin/lua, in the real HAProxy."""

    name = "haproxy"

    def __init__(self, *settings, options=("-db",)):
        """Settings are lines of the section `global`."""
        self.settings, self.options = settings, options

    def can_want(self, want):
        return "subject" not in want    # the example asks for scopes only

    def configuration(self, path, wants, directory, version):
        with open(f"{ROOT}/plugin/lua/haproxy/jeton.lua") as file:
            text = file.read()
        assert text.count('{ service = "api", timeout = 20 }') == 1
        with open(f"{directory}/jeton.lua", "w") as file:
            file.write(text.replace('service = "api", timeout = 20', f'socket = "{path}", timeout = {2000 * PATIENCE}'))
        with open(f"{ROOT}/plugin/lua/haproxy/haproxy.cfg") as file:
            lines = file.readlines()
        removal = [line for line in lines if "del-header" in line]
        sites = [line for number, want in enumerate(wants) for line in rules(lines, number, want.get("scope", "-"))]
        body = ",".join(f'"{name}":"%[req.fhdr({name}),hex]"' for name in (*IDENTITY, *OTHERS))
        with open(f"{directory}/haproxy.cfg", "w") as file:
            file.write(HAPROXY.format(more="\n".join(self.settings), build=BUILD, version=version, action=f"{directory}/jeton.lua", directory=directory,
                                      names="".join(removal), sites="".join(sites), identity="{" + body + "}"))

    @contextlib.contextmanager
    def serving(self, path, wants, directory):
        need_programs("haproxy")
        need_library()
        version = haproxy_lua()
        if not os.path.exists(f"{BUILD}/lua/{version}/jeton.so"):
            pytest.skip(f"HAProxy has Lua {version}, for which the module is not built")
        self.configuration(path, wants, directory, version)
        with process(["haproxy", *self.options, "-f", f"{directory}/haproxy.cfg"], stderr=None):
            eventually(lambda: listens(f"{directory}/http.sock"), "HAProxy listens", 20)

            def ask(number, authorization):
                status, headers, body = exchange(f"{directory}/http.sock", number, authorization, socket.AF_UNIX)
                identity = {name: text for name, digits in (json.loads(body) if status == 200 else {}).items()
                            if (text := bytes.fromhex(digits).decode()) or name in IDENTITY}
                return Response(status, headers, identity if status == 200 else None)
            yield ask


IN_NGINX = "".join(f"proxy_set_header {name} $jeton_{name.split('-')[-1]};\n" for name in IDENTITY)
# An application on another socket of nginx, which answers with what it was given.
SEEN = f"""
geo $dollar {{ default "$"; }}
geo $nothing {{ default ""; }}
server {{ listen unix:DIRECTORY/seen.sock; location / {{ return 200 '{" ".join(f"{n}=$http_{n.replace('-', '_')}" for n in IDENTITY)}'; }} }}
"""
TO_SEEN = "proxy_pass http://unix:DIRECTORY/seen.sock:/;"


def ask_nginx(nginx):
    def ask(number, authorization):
        status, headers, body = exchange(nginx.path, number, authorization, socket.AF_UNIX)
        return Response(status, headers, dict(one.split("=", 1) for one in body.decode().split()) if status == 200 else None)
    return ask


class NginxModule(Asker):
    """Our module in the real nginx."""

    name = "nginx"
    refuses_two = True

    def location(self, number, want):
        subject = want.get("subject")
        if subject is not None:         # nginx has no other way to write these
            subject = subject.replace("\\", "\\\\").replace('"', '\\"').replace("$", "${dollar}") or "${nothing}"
        words = ["other"] + [f"scope={scope}" for scope in [want.get("scope")] if scope is not None]
        words += [f'"subject={subject}"'] * (subject is not None)
        return f"location = /site/{number} {{ jeton {' '.join(words)}; {IN_NGINX} {TO_SEEN} }}"

    @contextlib.contextmanager
    def serving(self, path, wants, directory):
        server = "\n".join(self.location(number, want) for number, want in enumerate(wants))
        with Nginx(path, server, SEEN) as nginx:
            yield ask_nginx(nginx)


@contextlib.contextmanager
def gateway_of(path, wants):
    """A jeton-gateway with the sites s0, s1 …"""
    settings = [f"site s{number}.{key}={text}" for number, want in enumerate(wants) for key, text in ({"realm": "jeton"} | want).items()]
    with Gateway(types.SimpleNamespace(path=lambda role: path), *settings, config="") as gateway:
        yield gateway


class GatewayItself(Asker):
    """jeton-gateway, asked as by a proxy; all that is known of the token is in its answer."""

    name = "gateway"

    def can_want(self, want):
        return want.get("subject") != ""        # no site can be configured so

    @contextlib.contextmanager
    def serving(self, path, wants, directory):
        with gateway_of(path, wants) as gateway:
            def ask(number, authorization):
                status, headers, body = exchange(gateway.path, number, authorization, socket.AF_UNIX, "/verify/s")
                assert body == b"" or status == 400
                identity = {name: headers[name] for name in IDENTITY if status != 400}
                assert status == 200 or not any(identity.values())
                return Response(status, headers, identity if status == 200 else None)
            yield ask


class AuthRequest(GatewayItself):
    """jeton-gateway behind the real nginx, by the locations of plugin/examples."""

    name = "auth_request"
    refuses_two = True
    sends_all_fields = False        # nginx sends on WWW-Authenticate of a 401, and what the example names

    @contextlib.contextmanager
    def serving(self, path, wants, directory):
        with open(f"{EXAMPLES}/nginx/jeton.conf") as file:
            upstream, locations = re.fullmatch(r".*?^(upstream .*?^\})\n.*?^( +location / .*)^\}\n", file.read(), re.M | re.S).groups()
        locations = locations.replace("proxy_pass http://127.0.0.1:9000;", TO_SEEN)
        server = "\n".join(re.sub("(/_jeton|@jeton_failed)", rf"\1_{number}", locations).replace("location / ", f"location = /site/{number} ")
                           .replace("/verify/api;", f"/verify/s{number};") for number in range(len(wants)))
        with gateway_of(path, wants) as gateway:
            upstream = upstream.replace("/run/jeton-gateway/http.sock", gateway.path)
            with Nginx(None, server, upstream + SEEN) as nginx:
                yield ask_nginx(nginx)


def listens(path):
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(path) == 0


def haproxy_lua():
    """Return the version of Lua that HAProxy has."""
    shown = subprocess.run(["haproxy", "-vv"], capture_output=True, text=True, check=True).stdout
    for line in shown.splitlines():
        if line.startswith("Built with Lua version"):
            return ".".join(line.split()[-1].split(".")[:2])
    pytest.skip("HAProxy is built without Lua")


HTTP_ASKERS = [WSGI(), ASGI(), Lua(), HAProxy(), NginxModule(), GatewayItself(), AuthRequest()]
