# SPDX-License-Identifier: Apache-2.0
"""Verification never waits for the disk, which hangs here."""
import threading
import time

import pytest

from settings import PATIENCE
from stuck_disk import WithLog, WithoutLog
from waiting import eventually

HELD = 4                # seconds
WORST = 0.05            # seconds that half of the verifies keep within, on a busy machine


@pytest.fixture(params=[WithLog, WithoutLog])
def disk(request):
    return request.param()


def median_of_verify(client, value, seconds):
    """One that waits for the disk is never answered: the disk hangs until all of this is over."""
    taken, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert client.request(f"verify {value}").verdict == "OK"
        taken.append(time.monotonic() - began)
        time.sleep(0.002)       # leaves the machine to the other tests
    return sorted(taken)[len(taken) // 2]


def test_verify_does_not_wait_for_a_blocked_writer_and_changes_succeed_later(daemon, disk):
    d = daemon(*disk.settings, extra=disk.extra)
    value = d.create()["token"]
    verifier, creator = d.client("verify"), d.client()
    free = median_of_verify(verifier, value, 1)
    with disk.stuck(d):
        creator.send(*["create"] * 20)
        locked = median_of_verify(verifier, value, HELD)
        assert creator.silent(), "no create is acknowledged before it is saved"
    assert [creator.reply().verdict for _ in range(20)] == ["OK"] * 20
    assert locked < max(WORST * PATIENCE, 3 * free), (
        f"half of the verifies took at most {free:.4f} s, and {locked:.4f} s when locked")
    assert len(d.list()) == 21


def test_revocation_takes_effect_before_it_is_saved(daemon, disk):
    d = daemon(*disk.settings, extra=disk.extra)
    token, other = d.create(), d.create()
    with (disk.stuck(d) as release, d.client() as client,
          d.client() as second):
        # The first change finds the writer free, and blocks it; the others find it blocked.
        client.send("create")
        client.send(f"revoke {token['id']}")
        second.send(f"disable {other['id']}")
        for t, verdict in (token, "NO revoked"), (other, "NO disabled"):
            eventually(lambda: d.verify(t["token"]) == verdict, f"verify answers {verdict}")
        assert client.silent() and second.silent(), "and is acknowledged only when saved"
        release()
        assert [c.reply().verdict for c in (client, client, second)] == ["OK"] * 3
    d.kill()
    d.start()
    assert d.verify(token["token"]) == "NO revoked"
    assert d.verify(other["token"]) == "NO disabled"


def test_holder_can_revoke_a_value_at_once_while_the_writer_is_blocked(daemon, disk):
    d = daemon(*disk.settings, extra=disk.extra)
    token = d.create()
    with disk.stuck(d) as release, d.client("verify") as holder:
        holder.send(f"revoke token={token['token']}")
        eventually(lambda: d.verify(token["token"]) == "NO revoked", "verify answers revoked")
        assert holder.silent()
        release()
        assert holder.reply()["state"] == "revoked"


def test_other_verbs_answer_while_the_writer_is_blocked(daemon, disk):
    """Try the verbs that need neither disk nor writer."""
    d = daemon(*disk.settings, extra=disk.extra)
    value = d.create()["token"]
    with disk.stuck(d), d.client() as blocked:
        blocked.send("create")
        answered = threading.Event()

        def ask():
            for line in f"verify {value}", f"id {value}", "ping", "hello", "help", "stats":
                d.done(line)
            answered.set()
        threading.Thread(target=ask, daemon=True).start()
        assert answered.wait(30 * PATIENCE), "ping, hello, help, id, stats and verify answer"
