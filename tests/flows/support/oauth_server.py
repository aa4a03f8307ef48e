#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An OAuth server that introspects tokens (RFC 7662), and misbehaves on command.

From a test in Python:

    with OAuthServer(directory) as server:
        server.tokens["abc"] = {"active": True, "sub": "ann"}
        … server.url("http") … server.requests …

From a program, as a process that reads commands, one a line, and answers each with a line:

    oauth_server.py DIRECTORY      prints: ready HTTP-PORT HTTPS-PORT PORT-OF-A-CERTIFICATE-FOR-OTHERS

    mode NAME                  how to answer, a method of Behaviour
    say STATUS TYPE BODY       what to answer, whatever the token; TYPE - is none
    seen                       requests=N connections=N stray=N held=N
    last NAME                  a parameter of the last request's form, or one of its headers
    release                    lets those held go
    reset                      all as at the start

It ends with its standard input.  DIRECTORY gets oauth.sock, ca.pem, and other-ca.pem, which has
signed nothing here."""
import http.server
import json
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

PATH = "/introspect"
PACE = 0.01             # seconds between two bytes of a drip
SLOW = 0.2              # seconds before an answer


class Behaviour:
    """What is done with a request, once it has been read.  `h` is its handler."""

    def answer(self, h):
        h.reply(*h.oauth.answer_to(h.token))

    def slow(self, h):
        time.sleep(SLOW)
        self.answer(h)

    def hang(self, h):
        """Do not answer, neither before the release nor after it."""
        h.oauth.hold()
        h.close_connection = True

    def hold(self, h):
        h.oauth.hold()
        self.answer(h)

    def hold_unknown(self, h):
        if h.token not in h.oauth.tokens:
            h.oauth.hold()
        self.answer(h)

    def drip(self, h):
        h.trickle(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + b"X: y\r\n" * 100000)

    def drip_body(self, h):
        h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 50000\r\n\r\n")
        h.trickle(b'{"active": true, "sub": "' + b"x" * 50000)

    def hang_up(self, h):
        h.close_connection = True

    def cut(self, h):
        """Send the whole answer, but announce a greater length, and hang up before that."""
        status, kind, body = h.oauth.answer_to(h.token)
        h.reply(status, kind, body, length=len(body) + 1)
        h.close_connection = True

    def unannounced(self, h):
        """Close the connection after having promised to keep it."""
        self.answer(h)
        h.close_connection = True

    def redirect(self, h):
        h.reply(307, "application/json", b"{}", location="/stolen")

    def see_other(self, h):
        h.reply(303, "application/json", b'{"active": true}', location="/stolen")

    def huge(self, h):
        h.reply(200, "application/json", b'{"active": true, "x": "' + b"x" * 70000 + b'"}')

    def huge_chunks(self, h):
        """Send chunks without an end."""
        h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n")
        while not h.oauth.over:
            h.wfile.write(b"1000\r\n" + b" " * 0x1000 + b"\r\n")

    def huge_headers(self, h):
        h.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not h.oauth.over:
            h.wfile.write(b"X-Filler: " + b"x" * 1000 + b"\r\n")

    def continues(self, h):
        """Send interim answers without an end."""
        while not h.oauth.over:
            h.wfile.write(b"HTTP/1.1 103 Early Hints\r\nX-Filler: " + b"x" * 1000 + b"\r\n\r\n")

    def odd_status(self, h):
        h.wfile.write(b"HTTP/one 302 Found\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 15\r\n\r\n{\"active\":true}")
        h.close_connection = True

    def garbage(self, h):
        h.wfile.write(b"* OK IMAP4rev1 ready\r\n")
        h.close_connection = True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = -1                       # an answer is sent at once: delayed ACKs cost 40 ms

    def setup(self):
        super().setup()
        self.oauth = self.server.oauth
        self.oauth.count("connections")

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != PATH:
            self.oauth.count("stray")
            return self.reply(200, "application/json", b'{"active": true, "sub": "thief"}')
        form = urllib.parse.parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True)
        self.token = form["token"][0]
        self.oauth.note({name.lower(): value for name, value in self.headers.items()} |
                        {name: values[0] for name, values in form.items()} |
                        {"body": body.decode()})
        getattr(Behaviour(), self.oauth.mode)(self)

    def do_GET(self):
        self.oauth.count("stray")
        self.reply(200, "application/json", b'{"active": true, "sub": "thief"}')

    def reply(self, status, kind, body, location=None, length=None):
        self.send_response(status)
        if kind is not None:
            self.send_header("Content-Type", kind)
        if location is not None:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def trickle(self, data):
        for byte in data:
            if self.oauth.over:
                break
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(PACE)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, oauth, address, tls=None):
        self.oauth = oauth
        self.tls = tls
        self.address_family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        super().__init__(address, Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def get_request(self):
        connection, address = super().get_request()
        if self.tls is not None:        # the handshake is made by the handler's thread
            connection = self.tls.wrap_socket(connection, server_side=True,
                                              do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, *_):
        pass                            # clients hang up


class OAuthServer:
    def __init__(self, directory):
        self.directory = directory
        self.lock = threading.Lock()
        self.over = False
        self.tokens = {}
        self.released = threading.Event()
        self.reset()
        make_authority(directory, "ca")
        make_authority(directory, "other-ca")
        right = make_context(directory, "server", "IP:127.0.0.1,DNS:localhost")
        wrong = make_context(directory, "others", "DNS:elsewhere.example")
        self.servers = {
            "http": Server(self, ("127.0.0.1", 0)),
            "https": Server(self, ("127.0.0.1", 0), right),
            "wrong": Server(self, ("127.0.0.1", 0), wrong),
            "unix": Server(self, f"{directory}/oauth.sock"),
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.over = True
        self.released.set()
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def port(self, name):
        return self.servers[name].server_address[1]

    def url(self, name):
        """Return the URL for "http", "https", "wrong" (a certificate for another name) or "unix"."""
        if name == "unix":
            return f"http+unix://{self.directory}/oauth.sock:{PATH}"
        scheme = "http" if name == "http" else "https"
        return f"{scheme}://127.0.0.1:{self.port(name)}{PATH}"

    # -- what it does ---------------------------------------------------------------------------

    def reset(self):
        with self.lock:
            self.mode = "answer"
            self.fixed_answer = None
            self.tokens.clear()
            self.seen = {"requests": 0, "connections": 0, "stray": 0, "held": 0}
            self.last = {}
            self.released.set()         # those still held are gone
            self.released = threading.Event()

    def say(self, status, kind, body):
        """Give every client the same answer."""
        self.fixed_answer = (status, kind, body)

    def answer_to(self, token):
        answer = json.dumps(self.tokens.get(token, {"active": False})).encode()
        return self.fixed_answer or (200, "application/json", answer)

    def hold(self):
        seen, released = self.seen, self.released       # a reset makes new ones
        with self.lock:
            seen["held"] += 1
        released.wait(60)
        with self.lock:
            seen["held"] -= 1

    def release(self):
        self.released.set()

    # -- what it has seen -----------------------------------------------------------------------

    @property
    def requests(self):
        return self.seen["requests"]

    def count(self, what):
        with self.lock:
            self.seen[what] += 1

    def note(self, request):
        with self.lock:
            self.seen["requests"] += 1
            self.last = request


# -- certificates --------------------------------------------------------------------------------

def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")


def make_authority(directory, name):
    openssl(directory, "req", "-x509", *NEW_KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-subj", f"/CN=jeton tests {name}")


def make_context(directory, name, names):
    openssl(directory, "req", "-x509", *NEW_KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
            "-addext", "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/{name}.pem", f"{directory}/{name}.key")
    return context


# -- by lines ------------------------------------------------------------------------------------

class Lines:
    def __init__(self, server):
        self.server = server

    def mode(self, name):
        assert hasattr(Behaviour, name), name
        self.server.mode = name

    def say(self, rest):
        status, kind, body = rest.split(" ", 2)
        self.server.say(int(status), None if kind == "-" else kind,
                        body.encode("utf-8", "surrogateescape"))

    def seen(self, _):
        with self.server.lock:
            return " ".join(f"{name}={number}" for name, number in self.server.seen.items())

    def last(self, name):
        return self.server.last.get(name, "")

    def release(self, _):
        self.server.release()

    def reset(self, _):
        self.server.reset()


def main():
    with OAuthServer(sys.argv[1]) as server:
        print("ready", *(server.port(name) for name in ("http", "https", "wrong")), flush=True)
        for line in sys.stdin.buffer:
            verb, _, rest = line.decode("utf-8", "surrogateescape").rstrip("\n").partition(" ")
            print(getattr(Lines(server), verb)(rest) or "", flush=True)


if __name__ == "__main__":
    main()
