# SPDX-License-Identifier: Apache-2.0
"""Refused verifications are visible: which token, how often, when, and to whom; and so is a value that is
presented although it was rotated away."""
import os
import socket
import tempfile
import time

import pytest

from library import Handle
from received_table import as_somebody
from requirements import need_root
from settings import PATIENCE, scaled
from timestamp import unix_time
from value import value_new
from waiting import eventually

ME = f"uid:{os.getuid()}"


def as_another(uid, d, *lines):
    """Send these lines as another user; return the verdicts."""
    need_root()
    for path in os.path.dirname(d.directory), d.directory:
        os.chmod(path, 0o755)
    os.chmod(d.path("verify"), 0o666)

    def ask():
        with d.client("verify") as client:
            return " ".join(reply.verdict for reply in client.pipeline(lines))
    return as_somebody(uid, [], ask)


def shown(d, token):
    return d.done(f"show {token['id']}").lines[0]


def refuse(d, token, times=1, role="verify", **wanted):
    """Have the daemon itself refuse a token."""
    verdicts = {d.ask(f"verify {' '.join(f'{k}={v}' for k, v in wanted.items())} token={token['token']}", role).verdict
                for _ in range(times)}
    assert len(verdicts) == 1
    return verdicts.pop()


def test_refused_verification_is_seen_at_the_token(daemon):
    d = daemon()
    revoked, expired, disabled, narrow, good = d.create(), d.create(ttl="1s"), d.create(), \
        d.create(scopes="read", subject="ann"), d.create()
    d.done(f"revoke {revoked['id']}")
    d.done(f"disable {disabled['id']}")
    eventually(lambda: shown(d, expired)["state"] == "expired", "it expires")
    assert refuse(d, revoked, 3) == "NO revoked"
    assert refuse(d, expired, 2) == "NO expired"
    assert refuse(d, disabled) == "NO disabled"
    assert refuse(d, narrow, scope="write") == "NO scope"
    assert refuse(d, narrow, subject="bob") == "NO subject"
    assert refuse(d, good, 5) == "OK"
    want = {revoked["id"]: ("3", "revoked"), expired["id"]: ("2", "expired"), disabled["id"]: ("1", "disabled"),
            narrow["id"]: ("2", "subject"), good["id"]: (None, None)}
    for _ in "before", "after a restart":
        for line in d.list():
            assert (line.get("refused"), line.get("refused_as")) == want[line["id"]]
            if "refused" in line:
                assert line["refused_by"] == ME
                assert abs(unix_time(line["last_refused"]) - time.time()) < 60
        d.restart()
    refuse(d, revoked, 4)
    assert shown(d, revoked)["refused"] == "7", "the file and what came since, together"
    assert "used" not in shown(d, revoked), "a refusal is no use"


def test_refusal_names_the_user_that_was_refused(daemon):
    d = daemon()
    token = d.create()
    d.done(f"revoke {token['id']}")
    refuse(d, token)
    assert as_another(4242, d, f"verify token={token['token']}") == "NO revoked"
    line = shown(d, token)
    assert (line["refused"], line["refused_by"]) == ("2", "uid:4242")


def test_refusals_by_libjeton_in_other_processes_are_seen(daemon):
    d = daemon()
    revoked, good, gone = d.create(), d.create(), d.create()
    handle = Handle(d.path("verify"), timeout=20)
    if handle.lib is None:
        pytest.skip("libjeton cannot be loaded here")
    for token in revoked, gone:
        d.done(f"revoke {token['id']}")
    assert handle.verify(good["token"]) == ("OK", "table")
    for _ in range(5):
        assert handle.verify(revoked["token"]) == ("NO revoked", "table")
    assert "refused" not in shown(d, revoked), "the daemon was not asked"
    handle.close()
    eventually(lambda: "refused" in shown(d, revoked), "what was counted is reported")
    line = shown(d, revoked)
    assert (line["refused"], line["refused_by"], line["refused_as"]) == ("1", ME, "revoked"), "one a minute is reported"
    assert "refused" not in shown(d, good) and "refused" not in shown(d, gone)


def test_report_of_a_refusal_is_believed_only_of_whom_may_have_the_table_and_of_a_refused_token(daemon):
    d = daemon("verify.table_group=root")
    active, disabled = d.create(), d.create()
    d.done(f"disable {disabled['id']}")
    d.done(f"refused {active['id']}", "verify")
    d.done(f"refused {'ab' * 10}", "verify")
    d.done(f"refused {disabled['id']}", "verify")
    assert "refused" not in shown(d, active) and shown(d, disabled)["refused"] == "1"
    assert as_another(4242, d, f"refused {disabled['id']}") == "ERR forbidden"
    assert shown(d, disabled)["refused"] == "1"


def test_a_stack_of_verifiers_notes_refusals_as_the_table_does(daemon):
    d = daemon(config="[service two]\nrequired = local\nrequired = require scope=deploy\n")
    token = d.create(scopes="deploy")
    assert refuse(d, token, service="two") == "OK"
    d.done(f"revoke {token['id']}")
    assert refuse(d, token, 2, service="two") == "NO revoked"
    d.ask(f"verify service=two token={value_new()}")
    line = shown(d, token)
    assert (line["refused"], line["refused_as"]) == ("2", "revoked")
    assert d.stat("unknown_values", uid=str(os.getuid())) == 1


def test_unknown_values_are_counted_by_user(daemon):
    d = daemon()
    for _ in range(3):
        d.ask(f"verify token={value_new()}", "verify")
    d.ask(f"verify token={value_new()[:-1]}x", "verify")
    d.ask(f"verify token={d.create()['token']}", "verify")
    mine = d.stat("unknown_values", uid=str(os.getuid()))
    assert mine == 4
    assert as_another(4242, d, *(f"verify token={value_new()}" for _ in range(7))) == " ".join(["NO unknown"] * 7)
    assert d.stat("unknown_values", uid="4242") == 7
    assert d.stat("unknown_values", uid="other") == 0


def test_users_beyond_a_bounded_number_are_counted_together(daemon):
    d = daemon("daemon.workers=1")
    need_root()
    users = 80
    for uid in range(5000, 5000 + users):
        assert as_another(uid, d, f"verify token={value_new()}") == "NO unknown"
    counted = {line["uid"]: int(line["value"]) for line in d.done("stats").lines if line["name"] == "unknown_values"}
    assert len(counted) <= 65 and sum(counted.values()) == users and counted["other"] == users - len(counted) + 1


def test_flood_of_refusals_is_bounded_and_holds_nobody_up(daemon):
    d = daemon("daemon.workers=1")
    count = scaled(3000)
    with d.client() as admin:
        values = [reply["token"] for reply in admin.pipeline(["create"] * count)]
        ids = [line["id"] for line in d.list()]
        admin.pipeline([f"revoke {ident}" for ident in ids])
    with d.client("verify") as flood:
        for _ in range(2):
            assert {r.verdict for r in flood.pipeline([f"verify token={v}" for v in values])} == {"NO revoked"}
            assert refuse(d, d.create()) == "OK"
    d.restart()
    counts = [int(line.get("refused", 0)) for line in d.list() if line["state"] == "revoked"]
    dropped = 2 * count - sum(counts)
    assert 0 <= dropped and max(counts) <= 2 and any(counts)


# -- a value that was rotated away ----------------------------------------------------------------

@pytest.fixture
def system_journal():
    """A system's journal: its socket, and the path of that."""
    path = f"{tempfile.mkdtemp(prefix='')}/journal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.settimeout(20 * PATIENCE)
        yield sock, {"JETON_JOURNAL_SOCKET": path}


def fields_of(datagram):
    return dict(line.split("=", 1) for line in datagram.decode().splitlines())


def events_named(sock, name):
    """Read entries until one has that event, and return it."""
    while (entry := fields_of(sock.recv(65536)))["JETON_EVENT"] != name:
        pass
    return entry


@pytest.mark.parametrize("grace", ["", " grace=2s"])
def test_value_presented_after_its_rotation_is_an_event_of_its_own(daemon, system_journal, grace):
    sock, extra = system_journal
    d = daemon(extra=extra)
    token = d.create()
    new = d.done(f"rotate {token['id']}{grace}")
    if grace:
        end = unix_time(shown(d, token)["expires"])
        assert refuse(d, token) == "OK" or time.time() >= end, "the grace is no reuse"
    eventually(lambda: refuse(d, token) in ("NO expired", "NO revoked"), "the grace ends")
    entry = events_named(sock, "reused")
    assert (entry["JETON_ID"], entry["JETON_BY_UID"], entry["PRIORITY"]) == (token["id"], str(os.getuid()), "4")
    assert new["id"] in entry["MESSAGE"] and token["id"] in entry["MESSAGE"]
    assert token["token"] not in str(entry) and len(entry["MESSAGE_ID"]) == 32
    seen = eventually(lambda: shown(d, token).get("reused"), "show tells it")
    assert int(seen) >= 1 and abs(unix_time(shown(d, token)["last_reused"]) - time.time()) < 60
    assert d.stat("rotated_reuses") == int(seen)
    refuse(d, token, 3)
    eventually(lambda: int(shown(d, token)["reused"]) == int(seen) + 3, "each is counted")
    d.done("create subject=marker")
    d.restart()
    refuse(d, token)
    eventually(lambda: int(shown(d, token)["reused"]) == int(seen) + 4, "also after a restart")
    sock.setblocking(False)
    later = []
    while True:
        try:
            later.append(fields_of(sock.recv(65536))["JETON_EVENT"])
        except BlockingIOError:
            break
    assert "reused" not in later, "a token is reported once in ten minutes"


def test_ordinary_end_is_no_reuse(daemon):
    d = daemon()
    token = d.create()
    other = d.create()
    d.done(f"rotate {other['id']}")
    d.done(f"revoke {token['id']}")
    refuse(d, token, 3)
    refuse(d, other)
    eventually(lambda: d.stat("rotated_reuses") == 1, "the rotated one is counted")
    assert "reused" not in shown(d, token)
