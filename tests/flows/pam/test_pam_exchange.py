# SPDX-License-Identifier: Apache-2.0
"""What pam_jeton says to the daemon's socket, and which answers it takes: servers that are not the daemon."""
import contextlib
import hashlib
import os
import re
import socket
import subprocess
import tempfile
import threading

from pam_stack import Application, FakeDaemon, MODULE, both, need_module
from settings import PATIENCE
from value import value_new

YES = b"OK id=0000 subject=ann verifier=jwt\n"


class ScriptedDaemon:
    """Call `talk` with each connection, after its request was received, or without; .requests are these."""

    def __init__(self, talk, reads=True):
        self.path = f"{tempfile.mkdtemp(prefix='scripted')}/sock"
        self.talk, self.reads = talk, reads
        self.requests = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            with contextlib.suppress(ConnectionError), connection:
                received = b""
                while self.reads and not received.endswith(b"\n"):
                    received += connection.recv(65536)
                self.requests.append(received)
                self.talk(connection, len(self.requests))


def asked(talk, value, reads=True):
    """The code of one login at such a server, and how often it was asked."""
    server = ScriptedDaemon(talk, reads)
    with Application(login=both(f"socket={server.path} timeout=20")) as pam:
        return pam.once("login", "ann", value), len(server.requests)


def token_id(value):
    return hashlib.blake2b(value.encode(), digest_size=32, person=b"jeton token v1").hexdigest()[:20]


def test_module_loads_no_library_but_libpam():
    need_module()
    dynamic = subprocess.check_output(["readelf", "-d", MODULE], text=True)
    needed = re.findall(r"\(NEEDED\).*\[(.*?)\.so", dynamic)
    assert {name for name in needed if "san" not in name} <= {"libpam", "libc"}, needed


def test_answer_in_pieces_and_after_data_lines_is_read():
    def talk(connection, _):
        for byte in b"* a=b\n* " + b"x" * 5000 + b"\n* c\n" + YES:
            connection.send(bytes([byte]))
    assert asked(talk, value_new()) == ("SUCCESS", 1)


def test_first_final_line_is_the_answer_whatever_follows():
    assert asked(lambda c, _: c.sendall(b"NO unknown\n" + YES), value_new()) == ("AUTH_ERR", 1)
    assert asked(lambda c, _: c.sendall(YES + b"x" * 70000), value_new()) == ("SUCCESS", 1)


def test_answer_without_its_line_end_is_none():
    assert asked(lambda c, _: c.sendall(YES[:-1]), value_new()) == ("AUTHINFO_UNAVAIL", 2)


def test_daemon_that_hangs_up_is_asked_once_more_and_no_more():
    value = value_new()
    assert asked(lambda c, number: c.sendall(YES) if number == 2 else None, value) == ("SUCCESS", 2)
    assert asked(lambda c, number: None, value) == ("AUTHINFO_UNAVAIL", 2)


def test_refusal_of_a_daemon_that_hangs_up_before_it_reads_counts():
    assert asked(lambda c, _: c.sendall(b"NO denied\n"), value_new(), reads=False) == ("AUTH_ERR", 1)


def test_answer_that_brings_a_descriptor_is_none():
    def talk(connection, _):
        socket.send_fds(connection, [YES], [0])
    assert asked(talk, value_new()) == ("AUTHINFO_UNAVAIL", 2)


def test_data_lines_without_end_cost_the_timeout_and_no_more():
    def talk(connection, _):
        while True:
            connection.sendall(b"* x\n" * 1000)
    with Application(login=both(f"socket={ScriptedDaemon(talk).path} timeout=2")) as pam:
        assert pam.once("login", "ann", value_new()) == "AUTHINFO_UNAVAIL"
        assert 1.9 < pam.seconds < 3.5 * PATIENCE, pam.seconds


def test_pass_by_the_daemons_own_table_must_be_for_the_value_that_was_sent():
    fake = FakeDaemon(None)
    with Application(login=both(f"socket={fake.path}")) as pam:
        for value in value_new(), "v" * 128, "v" * 129, "v" * 500:
            fake.answer = f"OK id={token_id(value)} subject=ann verifier=local"
            assert pam.once("login", "ann", value) == "SUCCESS", len(value)
            fake.answer = f"OK id=0000 sent={token_id(value)} subject=ann verifier=local"
            assert pam.once("login", "ann", value) == "SUCCESS", len(value)
            fake.answer = f"OK id={token_id(value_new())} subject=ann verifier=local"
            assert pam.once("login", "ann", value) == "AUTHINFO_UNAVAIL", len(value)


def test_value_is_not_sent_to_a_server_that_is_not_trusted():
    others = tempfile.mkdtemp(prefix="others")
    os.chmod(others, 0o777)
    fake = FakeDaemon("OK id=0000 subject=ann verifier=jwt")
    os.link(fake.path, f"{others}/sock")
    with Application(others=both(f"socket={others}/sock"), own=both(f"socket={fake.path}")) as pam:
        assert pam.once("others", "ann", value_new()) == "SERVICE_ERR"
        assert pam.once("own", "ann", value_new()) == "SUCCESS"
        assert len(fake.lines) == 1, "the second login's"
