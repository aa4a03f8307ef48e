# SPDX-License-Identifier: Apache-2.0
"""[policy] warn: a token that will expire soon is announced, once for each warning."""
import collections
import glob
import os
import socket
import subprocess
import tempfile
import time

import pytest

from clock import Clock
from daemon import Daemon, environment
from refused_writes import writes_refused
from reloading import reconfigure
from settings import BUILD, ROOT, SCALE
from timestamp import stamp
from waiting import eventually

DAY = 86400
WARN = "daemon.trust_clock=yes", "policy.warn=3d,14d"


def announced(d, after=0):
    return [line for line in d.done(f"journal after={after}").lines if line["event"] == "expiring"]


def ids(lines):
    return [line["id"] for line in lines]


def move(d, clock, seconds):
    """Set the clock while the daemon is stopped: it does not rely on one that is set while it runs."""
    d.stop()
    clock.step(seconds)
    d.start()


def walked(d):
    """Wait until two walks over the table are surely over: the second began after this call."""
    marker = d.create(description="marker")
    count = len([line for line in d.list() if "expires" not in line and line["state"] == "active"])
    eventually(lambda: int(d.stats()["tokens_without_expiry"]) == count, "a walk finds the marker")
    d.done(f"revoke {marker['id']}")
    eventually(lambda: int(d.stats()["tokens_without_expiry"]) == count - 1, "another one does not")


def test_token_is_announced_once_for_each_warning_and_anew_after_a_renewal(daemon):
    clock = Clock()
    d = daemon(*WARN, extra=clock.environment)
    a = d.create(ttl="20d", subject="ann", description="a b")
    short, soon = d.create(ttl="10d"), d.create(ttl="2d")
    d.create()
    gone = d.create(ttl="15d")
    d.done(f"revoke {gone['id']}")
    walked(d)
    assert announced(d) == [], "who makes a token that ends sooner than the warning knows it"
    move(d, clock, 6 * DAY + 60)
    line = eventually(lambda: announced(d), "20 days have become 14")[0]
    assert line["id"] == a["id"] and line["warn"] == "14d" and line["expires"] == a["expires"]
    assert line["subject"] == "ann" and line["description"] == "a b" and line["by"] == f"uid:{os.geteuid()}"
    for _ in range(2):
        walked(d)
        d.restart()
    assert ids(announced(d)) == [a["id"]], "once, and nothing else"
    move(d, clock, 7 * DAY + 60)
    lines = eventually(lambda: len(found := announced(d)) > 1 and found, "10 days have become 3")
    assert (lines[1]["id"], lines[1]["warn"]) == (short["id"], "3d")
    d.done(f"update {a['id']} expires={stamp(time.time() + 40 * DAY)}")
    move(d, clock, 18 * DAY)
    walked(d)
    assert len(announced(d)) == 2, "the renewed one has 22 days"
    move(d, clock, 27 * DAY)
    lines = eventually(lambda: len(found := announced(d)) > 2 and found, "the renewed one is announced again")
    assert (lines[2]["id"], lines[2]["warn"]) == (a["id"], "14d")
    move(d, clock, 39 * DAY)
    lines = eventually(lambda: len(found := announced(d)) > 3 and found, "and for the other warning")
    assert (lines[3]["id"], lines[3]["warn"]) == (a["id"], "3d")
    move(d, clock, 41 * DAY)
    walked(d)
    assert len(announced(d)) == 4 and soon["id"] not in ids(announced(d))


def test_what_a_stopped_daemon_missed_is_announced_for_the_shortest_warning(daemon):
    clock = Clock()
    d = daemon(*WARN, extra=clock.environment)
    late, lost = d.create(ttl="20d"), d.create(ttl="15d")
    walked(d)
    move(d, clock, 18 * DAY)
    line = eventually(lambda: announced(d), "it is announced")[0]
    assert (line["id"], line["warn"]) == (late["id"], "3d")
    walked(d)
    assert len(announced(d)) == 1 and lost["id"] not in ids(announced(d)), "the other has expired"


def test_warning_that_is_new_is_given_for_tokens_that_are_there(daemon):
    d = daemon("daemon.trust_clock=yes", config="")
    tokens = [d.create(ttl=f"{days}d")["id"] for days in (1, 5, 10, 30)]
    walked(d)
    assert announced(d) == []
    reconfigure(d, "[policy]\nwarn = 3d,7d\n")
    lines = eventually(lambda: len(found := announced(d)) == 2 and found, "two are within the warnings")
    assert {line["id"]: line["warn"] for line in lines} == {tokens[0]: "3d", tokens[1]: "7d"}
    reconfigure(d, "[policy]\nwarn = 3d,14d\n")
    lines = eventually(lambda: len(found := announced(d)) == 4 and found, "two are within 14 days")
    assert {line["id"] for line in lines[2:]} == {tokens[1], tokens[2]} and {line["warn"] for line in lines[2:]} == {"14d"}
    reconfigure(d, "[policy]\nwarn = 7d,3d\n")
    walked(d)
    assert len(announced(d)) == 4, "7 days is known from before"


def make_many(d, clock, count):
    """Make tokens that have a little more than 14 days, some of them the same end.  Return when the first will have
    14 days, by the time of the test."""
    due = time.time() + 60
    with d.client() as client:
        for n in range(0, count, 100):
            client.send(*(f"create expires={stamp(clock.offset + due + 14 * DAY + i // 7 % 5)}" for i in range(n, n + 100)))
            assert {client.reply().verdict for _ in range(100)} == {"OK"}
    return clock.offset + due


def all_once(d, count):
    """Wait until all are announced, and check that each was once, in the order of their ends."""
    lines = eventually(lambda: len(found := announced(d)) >= count and found, "all are announced", within=40, every=0.1)
    walked(d)
    lines = announced(d)
    assert max(collections.Counter(ids(lines)).values()) == 1 and len(lines) == count
    assert [line["expires"] for line in lines] == sorted(line["expires"] for line in lines)


def test_daemon_that_is_killed_meanwhile_announces_each_once():
    clock, count = Clock(), max(int(1600 * SCALE), 100) // 100 * 100
    with Daemon(*WARN, extra=clock.environment) as d:
        make_many(d, clock, count)
        walked(d)
        move(d, clock, 200)
        for part in range(1, 4):
            eventually(lambda: len(announced(d)) >= part * count // 5, "some are announced", within=30)
            d.kill_unseen()
            d.start()
        all_once(d, count)


def test_announcements_that_the_disk_refuses_are_made_when_it_takes_them_again():
    clock, count = Clock(), max(int(800 * SCALE), 100) // 100 * 100
    with Daemon(*WARN, extra=clock.environment) as d:
        for made in range(count, 6 * count, count):
            due = make_many(d, clock, count)
            walked(d)
            move(d, clock, int(due - time.time()) - 4)
            with writes_refused(d):
                if len(announced(d)) == made:
                    continue        # the machine was so slow that none is left
                eventually(lambda: int(d.stats()["store_failures"]) > 0, "the store refuses them", within=40)
            break
        all_once(d, made)


def test_announcement_waits_while_the_clock_is_not_relied_on(daemon):
    clock = Clock()
    d = daemon("policy.warn=14d", extra=clock.environment)
    d.create(ttl="13d")
    walked(d)
    assert announced(d) == [] and d.stats()["purge_waits"] == "1"
    assert d.stats()["tokens_expiring_14d"] == "1", "it is counted all the same"


def test_tokens_are_counted_by_the_days_they_have_left(daemon):
    d = daemon()
    for ttl in "1h", "23h", "2d", "6d", "13d", "29d", "89d", "300d", "2y":
        d.create(ttl=ttl)
    d.create()
    d.done(f"disable {d.create(ttl='2d')['id']}")
    d.done(f"revoke {d.create(ttl='2d')['id']}")
    want = {"1d": 2, "3d": 4, "7d": 5, "14d": 6, "30d": 7, "90d": 8, "365d": 9}
    eventually(lambda: {days: int(d.stats()[f"tokens_expiring_{days}"]) for days in want} == want, "all are counted")
    eventually(lambda: d.stats()["tokens_without_expiry"] == "1", "so is the one without")


def test_tokens_are_counted_by_their_state(daemon):
    clock = Clock()
    d = daemon(extra=clock.environment)
    made = [d.create(ttl=ttl) for ttl in ("1h", "1h", "9d", "9d", "9d", "9d", "9d", "9d", "9d", "9d")]
    for verb, first, end in ("disable", 2, 5), ("revoke", 5, 9):
        for token in made[first:end]:
            d.done(f"{verb} {token['id']}")
    d.create(delay="8d")
    move(d, clock, 2 * 3600)
    d.done(f"disable {d.create()['id']}")
    want = {"active": 1, "pending": 1, "disabled": 4, "expired": 2, "revoked": 4}
    eventually(lambda: {state: int(d.stats()[f"tokens_{state}"]) for state in want} == want, "all are counted")
    assert {state: len(d.done(f"list state={state}").lines) for state in want} == want
    assert int(d.stats()["tokens"]) == sum(want.values())


def test_announcement_is_an_entry_of_the_systems_journal_and_of_a_watch():
    clock = Clock()
    path = tempfile.mkdtemp(prefix="") + "/journal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(path)
        journal.settimeout(20)
        extra = clock.environment | {"JETON_JOURNAL_SOCKET": path}
        with Daemon(*WARN, extra=extra) as d:
            token = d.create(ttl="15d", subject="ann")
            walked(d)
            move(d, clock, 2 * DAY)
            line = eventually(lambda: announced(d), "it is announced")[0]
            fields = {}
            while fields.get("JETON_EVENT") != "expiring":
                fields = dict(text.split("=", 1) for text in journal.recv(65536).decode().splitlines())
            assert (fields["JETON_ID"], fields["JETON_EXPIRES"], fields["JETON_SERIAL"]) == (
                token["id"], token["expires"], line["serial"])
            assert fields["MESSAGE"] == f"expiring {token['id']} at {token['expires']}"
            with d.client("observe") as watch:
                watch.send("watch after=0")
                while "event=expiring" not in (seen := str(watch.line())):
                    pass
                assert f"id={token['id']}" in seen


def test_example_script_mails_each_announcement_once(daemon):
    """Also where a mail could not be sent, and where the journal does not reach back to the last one."""
    jeton = os.path.join(BUILD, "jeton")
    if not os.access(jeton, os.X_OK):
        pytest.skip(f"no {jeton}")
    d = daemon("daemon.trust_clock=yes", config="[policy]\nwarn = 14d\n")
    place = tempfile.mkdtemp(prefix="")
    sendmail = f"{place}/sendmail"

    def answer(command):
        with open(f"{sendmail}.new", "w") as file:
            file.write(f"#!/bin/sh\n{command}\n")
        os.chmod(file.name, 0o755)
        os.rename(file.name, sendmail)

    def run(status=0):
        done = subprocess.run([f"{ROOT}/plugin/examples/shell/jeton-mail-expiring"], capture_output=True, text=True,
                              timeout=60, env=environment() | {
                                  "PATH": f"{BUILD}:{os.environ['PATH']}", "JETON_SOCKET": d.path("observe"),
                                  "STATE_DIRECTORY": place, "SENDMAIL": sendmail, "MAIL_TO": "ops@example.org"})
        assert done.returncode == status, done
        mails = sorted(glob.glob(f"{place}/mail.*"))
        texts = [open(mail).read() for mail in mails]
        for mail in mails:
            os.remove(mail)
        return texts
    answer(f"cat >{place}/mail.$$")
    assert run() == []
    first = d.create(ttl="5d", subject="a\nBcc: all", description="the first")
    d.create(ttl="20d")
    reconfigure(d, "[policy]\nwarn = 7d\n")
    eventually(lambda: announced(d), "it is announced")
    answer("exit 1")
    assert run(status=1) == []
    answer(f"cat >{place}/mail.$$")
    mail, = run()
    head, _, body = mail.partition("\n\n")
    assert head.splitlines()[0] == "To: ops@example.org" and len(head.splitlines()) == 2
    assert f"{first['id']}  expires {first['expires']}" in body and "the first" in body and "\nBcc" not in mail
    assert body.count("  expires ") == 1
    assert run() == []
    with open(f"{place}/mailed", "w") as file:
        file.write("abcdefabcdefabcd:7\n")
    assert len(run()) == 1, "another history: all of it"
    assert run() == []
