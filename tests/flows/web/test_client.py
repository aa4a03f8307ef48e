# SPDX-License-Identifier: Apache-2.0
"""The page's client: with servers that are made for it, and with the real daemon."""
import contextlib
import json
import os
import re
import subprocess

import pytest

from askers import need_programs
from settings import BUILD, PATIENCE

HERE = os.path.dirname(os.path.abspath(__file__))


def run_file(name, least):
    """Run a file of node's tests, each of which must pass."""
    need_programs("node")
    done = subprocess.run(["node", "--expose-gc", "--test", "--test-reporter=tap", f"{HERE}/{name}"], capture_output=True,
                          text=True, check=False, timeout=100 * PATIENCE)
    print(done.stdout)
    counts = dict(re.findall(r"^# (tests|pass|fail|cancelled|skipped|todo) (\d+)$", done.stdout, re.M))
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(counts["pass"]) >= least and counts["pass"] == counts["tests"], counts


@pytest.mark.timeout(120)
def test_client_answers_or_fails_but_never_guesses():
    run_file("client.test.mjs", 15)


@pytest.mark.timeout(180)
def test_client_stays_within_bounds_whatever_a_daemon_sends():
    run_file("hostile.test.mjs", 10)


@pytest.mark.timeout(120)
def test_watch_has_no_gap_that_it_does_not_name():
    run_file("watch.test.mjs", 12)


@pytest.mark.timeout(120)
def test_transports_tell_what_is_lost():
    run_file("transports.test.mjs", 13)


@pytest.mark.timeout(120)
def test_impostor_learns_nothing_from_the_transport():
    run_file("proof.test.mjs", 3)


@pytest.mark.timeout(120)
def test_page_learns_of_changes_however_often_they_are_made():
    run_file("changes.test.mjs", 2)


@contextlib.contextmanager
def socket_itself(path):
    yield path


@contextlib.contextmanager
def jeton_web(path):
    """The link of a jeton-web for that socket."""
    if not os.path.exists(f"{BUILD}/jeton-web"):
        pytest.skip("jeton-web is not built")
    with subprocess.Popen([f"{BUILD}/jeton-web", "--socket", path], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


each_way = pytest.mark.parametrize("way", [socket_itself, jeton_web])


def play(daemon, scenario, role="admin", way=socket_itself, **does):
    """Run a scenario of live.mjs; do what it asks for."""
    need_programs("node")
    with way(daemon.path(role)) as where, \
            subprocess.Popen(["node", f"{HERE}/live.mjs", scenario, where], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            said = json.loads(line)
            if "found" in said:
                break
            does[said["ask"]]()
            process.stdin.write("done\n")
            process.stdin.flush()
        else:
            raise AssertionError(process.stderr.read())
        assert process.wait(10 * PATIENCE) == 0
    assert said["mostOpen"] <= 5
    return said["found"]


@each_way
def test_client_reads_each_token_once_in_pages(daemon, way):
    found = play(daemon(), "paged", way=way)
    assert len(set(found["ids"])) == 250
    assert found["oldestFirst"] == found["ids"]
    assert sorted(found["newestFirst"]) == sorted(found["ids"])
    assert found["newestFirst"] == found["ids"][::-1]


@each_way
def test_client_keeps_every_text_as_it_is(daemon, way):
    found = play(daemon(), "texts", way=way)
    assert [text for kept, text in zip(found["kept"], found["texts"]) if not kept] == []


@each_way
def test_client_finds_the_token_of_a_value_and_revokes_it(daemon, way):
    found = play(daemon(), "revoked", way=way)
    assert found["own"] == found["id"]
    assert found == found | {"before": "OK", "state": "revoked", "after": "revoked", "shown": "revoked"}


@each_way
def test_watch_of_the_page_goes_on_after_a_restart_without_gap(daemon, way):
    jetond = daemon()
    found = play(jetond, "restart", way=way, stop=jetond.stop, start=jetond.start)
    first, second = found["ids"]
    assert found["entries"] == [["create", first], ["create", second], ["revoke", first]]
    assert found["gaps"] == [True]
    assert found["refused"] == ["TransportError", "daemon", False]
    assert found["states"] == [["lost", "daemon"], ["up", None]]


@each_way
def test_watch_of_the_page_survives_a_daemon_that_is_killed(daemon, way):
    jetond = daemon()
    found = play(jetond, "killed", way=way, kill=jetond.kill, start=jetond.start)
    assert found["entries"] == [["create", id] for id in found["ids"]]
    assert found["gaps"] == [True]


@each_way
def test_watch_of_the_page_tells_that_the_store_was_replaced(daemon, way):
    jetond = daemon()

    def replace():
        jetond.stop()
        os.unlink(jetond.store)
        jetond.start()
    found = play(jetond, "replaced", way=way, replace=replace)
    assert found["gaps"] == [True, False]
    assert found["entries"][-1] == ["create", found["id"]]


@pytest.mark.parametrize("role, may, create, watch", [
    ("admin", {"list", "show", "watch", "create", "revoke", "rotate", "trace", "verify"}, "OK", "watched"),
    ("observe", {"list", "show", "watch", "verify"}, "forbidden", "watched"),
    ("self", {"list", "show", "create", "revoke", "rotate"}, "OK", "forbidden"),
    ("verify", {"verify"}, "forbidden", "forbidden"),
])
def test_client_knows_what_its_socket_grants(daemon, role, may, create, watch):
    jetond = daemon(roles=("admin", "observe", "verify", "self"))
    jetond.create()         # an entry for who may watch
    found = play(jetond, "granted", role)
    assert (found["role"], set(found["may"]), found["refused"], found["watched"]) == (role, may, create, watch)
