# SPDX-License-Identifier: Apache-2.0
"""The disk refuses: changes fail by name, denials stand, verification goes on, all resumes."""
import hashlib
import os
import resource
import secrets
import tempfile
import time

import pytest

from campaign import rounds
from daemon import Daemon
from refused_writes import saved, writes_refused
from settings import BUILD
from small_disk import create_until_refused, fill, small_disk, verdicts
from value import digest_of
from waiting import eventually


def test_refused_write_fails_creates_but_never_a_revocation(daemon):
    d = daemon()
    kept, leaked, stopped = d.create(), d.create(), d.create()
    with writes_refused(d):
        reply = d.ask("create description=lost")
        assert reply.verdict == "ERR store"
        assert "not done" in reply["message"] or "uncertain" in reply["message"], reply
        for verb, token, verdict in (("revoke", leaked, "NO revoked"),
                                     ("disable", stopped, "NO disabled")):
            reply = d.ask(f"{verb} {token['id']}")
            assert reply.verdict == "ERR store"
            assert "in force" in reply["message"], reply
            assert d.verify(token["token"]) == verdict
            assert [line["id"] for line in d.list(state=verdict[3:])] == [token["id"]]
            exported = next(line for line in d.done("export").lines
                            if line["digest"].startswith(token["id"]))
            assert verdict[3:] in exported, "whoever takes the export over must refuse it too"
        assert d.verify(kept["token"]) == "OK"
        assert len(d.list()) == 3
        for verb in "update {} description=x", "enable {}", "delete {}", "rotate {}":
            assert d.ask(verb.format(kept["id"])).verdict == "ERR store", verb
        assert d.verify(kept["token"]) == "OK"
        assert int(d.stats()["denials_unsaved"]) == 2, d.stats()
        assert int(d.stats()["store_failures"]) >= 3, d.stats()
    saved(d)
    d.create(description="there is space again")
    states = {line["id"]: line["state"] for line in d.list()}
    assert states[leaked["id"]] == "revoked"
    d.kill()
    d.start()
    assert ([d.verify(token["token"]) for token in (kept, leaked, stopped)] ==
            ["OK", "NO revoked", "NO disabled"])
    assert "lost" not in [line.get("description") for line in d.list()], "a refused create"


@pytest.mark.parametrize("denial", ["revoke token={}", "ban token={}"])
def test_credential_is_denied_by_its_signed_part_although_the_disk_refuses(daemon, denial):
    passes = f"{BUILD}/tests/verifiers/odd.so does=name subject=mallory issuer=https://idp.example"
    d = daemon(config=f"[service x]\nsufficient = local\nsufficient = {passes}\n")
    value = f"{secrets.token_urlsafe(150)}.{secrets.token_urlsafe(150)}.{secrets.token_urlsafe(64)}"
    signed_again = value.rpartition(".")[0] + "." + secrets.token_urlsafe(64)
    d.done(f"import digest={digest_of(value).hex()}")
    with writes_refused(d):
        assert d.ask(denial.format(value)).verdict == "ERR store"
        assert [d.verify(v, service="x") for v in (value, signed_again)] == ["NO revoked"] * 2
        assert d.ask(f"import token={signed_again}").verdict == "ERR store"
        assert d.ask("export").verdict == "ERR store", "it would not show what is denied"
    saved(d)
    assert d.ask(f"import token={signed_again}").verdict == "ERR banned"
    for _ in range(2):
        assert [d.verify(v, service="x") for v in (value, signed_again)] == ["NO revoked"] * 2
        d.done("export")
        d.restart()


def test_unsaved_ban_of_a_value_revokes_the_token_of_its_sha256(daemon):
    d = daemon()
    value = f"ghp_{secrets.token_hex(18)}"
    ident = d.done(f"import digest={hashlib.sha256(value.encode()).hexdigest()} digest_alg=sha256")["id"]
    with writes_refused(d):
        assert d.ask(f"ban token={value}").verdict == "ERR store"
        assert d.verify(value) == "NO revoked"
        assert [line["id"] for line in d.list(state="revoked")] == [ident]
    saved(d)
    for _ in range(2):
        assert d.verify(value) == "NO revoked"
        assert [line["id"] for line in d.list(state="revoked")] == [ident]
        assert d.ask(f"enable {ident}").verdict == "NO revoked"
        d.restart()


def test_unsaved_revocation_of_a_value_outlasts_its_other_token(daemon):
    d = daemon("daemon.retention=1s", "daemon.trust_clock=yes")
    value = f"ghp_{secrets.token_hex(18)}"
    d.done(f"import token={value} ttl=1h")
    d.done(f"import digest={hashlib.sha256(value.encode()).hexdigest()} digest_alg=sha256")
    with writes_refused(d):
        assert d.ask(f"revoke token={value}").verdict == "ERR store"
        assert d.verify(value) == "NO revoked"
    saved(d)
    eventually(lambda: len(d.list()) == 1, "the revoked one is removed")
    assert d.verify(value) == "NO revoked"
    ban, = [line for line in d.done("export").data if b" ban " in line]
    assert b"expires=" not in ban, "the other token never expires"


def test_leaked_value_is_revoked_by_its_holder_although_the_disk_refuses(daemon):
    d = daemon()
    token = d.create()
    with writes_refused(d):
        assert d.ask(f"revoke token={token['token']}", "verify").verdict == "ERR store"
        assert d.verify(token["token"]) == "NO revoked"
    saved(d)
    d.kill()
    d.start()
    assert d.verify(token["token"]) == "NO revoked"


def test_enable_after_an_unsaved_disable_is_not_undone(daemon):
    d = daemon()
    token = d.create()
    for _ in range(3):
        with writes_refused(d):
            assert d.ask(f"disable {token['id']}").verdict == "ERR store"
            assert d.verify(token["token"]) == "NO disabled"
        d.done(f"enable {token['id']}")
        assert d.verify(token["token"]) == "OK"
        saved(d)
        changes, end = d.stats()["journal_newest"], time.monotonic() + 2.5
        while time.monotonic() < end:       # held denials are tried again every second
            assert d.verify(token["token"]) == "OK", "the enable came later, and stands"
            time.sleep(0.05)
        assert d.stats()["journal_newest"] == changes


def test_start_without_space_for_a_store_fails_and_leaves_nothing():
    d = Daemon(limits={resource.RLIMIT_FSIZE: 65536}).spawn()
    d.ended(1)
    assert d.store in d.log() and "File too large" in d.log(), d.log()
    assert ([name for name in os.listdir(d.directory) if name not in ("log", "tokens.tdb.lock")] ==
            [])
    d.limits = {}
    with d:
        d.create()


def test_creates_resume_by_themselves_once_the_disk_works(daemon):
    d = daemon()
    for _ in range(3):
        with writes_refused(d), d.client() as client:
            replies = client.pipeline(["create"] * 50)
            assert {reply.verdict for reply in replies} == {"ERR store"}
        with d.client() as client:
            replies = client.pipeline(["create"] * 50)
            assert {reply.verdict for reply in replies} == {"OK"}
    assert len(d.list()) == 150
    assert len(d.done("journal").lines) == 150


def test_full_disk_stops_changes_and_nothing_else():
    changes_stop_and_nothing_else(small_disk("tmpfs", "32m"))


@pytest.mark.campaign
def test_full_ext4_stops_changes_and_nothing_else():
    changes_stop_and_nothing_else(small_disk("ext4", "64M"))


@pytest.mark.campaign
def test_full_btrfs_stops_changes_and_nothing_else():
    changes_stop_and_nothing_else(small_disk("btrfs", "256M"))


def changes_stop_and_nothing_else(disk):
    for number in rounds():
        os.mkdir(f"{disk}/jeton")
        d = Daemon(directory=f"{disk}/jeton")
        d.log_path = f"{tempfile.gettempdir()}/log-{number}"
        with d:
            fill_and_free(d, disk + "/filler")


def fill_and_free(d, filler):
    made = [r["token"] for r in d.client().pipeline(["create subject=ann"] * 200)]
    fill(filler)
    made += create_until_refused(d)
    victim, others = made[0], made[1:]
    assert d.ask(f"revoke {d.done(f'id {victim}')['id']}").verdict in ("OK", "ERR store")
    assert d.verify(victim) == "NO revoked"
    assert verdicts(d, others) == {"OK"}
    assert len(d.list()) >= len(made)
    os.unlink(filler)
    saved(d)
    others.append(eventually(lambda: (reply := d.ask("create")).verdict == "OK" and reply, "it goes on")["token"])
    d.kill()
    d.start()
    assert d.verify(victim) == "NO revoked"
    assert verdicts(d, others) == {"OK"}
