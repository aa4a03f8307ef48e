# SPDX-License-Identifier: Apache-2.0
"""Tokens of the fleet among those of the host: lists, filters, journal, statistics."""
import datetime
import re

import pytest

from client import Fields
from fleet_feed import LATER, deny, drop, fleet_daemon, put, values
from jeton_command import jeton
from value import id_of
from waiting import eventually


@pytest.fixture
def host(daemon):
    d, feed = fleet_daemon(daemon)
    d.web, d.mail, d.own = values(3), values(2), [d.create(subject="ann", description="own")["id"] for _ in range(2)]
    feed.bring(*[put(v, "web", subject="ann", scopes="a,b", by="uid:7", origin="h1") for v in d.web],
               *[put(v, "mail", created=LATER, subject="bob", expires="2040-01-01T00:00:00Z") for v in d.mail])
    feed.lease()
    return d, feed


def ids(lines):
    return [line["id"] for line in lines]


def test_they_are_listed_with_the_others(host):
    d, _ = host
    assert ids(d.list()) == sorted(map(id_of, d.web)) + sorted(map(id_of, d.mail)) + d.own
    shown = d.done(f"show {id_of(d.web[0])}").lines[0]
    assert (shown["group"], shown["origin"], shown["subject"], shown["by"]) == ("web", "h1", "ann", "uid:7")
    assert d.done("list fields=id,group,origin group=mail limit=1").lines[0]["group"] == "mail"
    assert "origin" not in d.done(f"show {id_of(d.mail[0])}").lines[0]


SELECTED = [
    ("group=web", lambda d: d.web),
    ("group=mail", lambda d: d.mail),
    ("group=none", lambda d: []),
    ("group=we", lambda d: []),
    ("group=web subject=bob", lambda d: []),
    ("subject=bob", lambda d: d.mail),
    ("by=uid:7 sort=expires", lambda d: d.web),
    ("scope=a", lambda d: d.web),
    ("expires_before=2041-01-01", lambda d: d.mail),
    ("group=mail match=BOB", lambda d: d.mail),
    ("origin=h1", lambda d: d.web),
    ("origin=h", lambda d: []),
    ("origin=h1 group=mail", lambda d: []),
    ("group=web state=active sort=subject order=desc", lambda d: d.web),
]


def test_filters_select_them(host):
    d, _ = host
    for filters, wanted in SELECTED:
        assert sorted(ids(d.done(f"list {filters}").lines)) == sorted(map(id_of, wanted(d))), filters


def test_filters_tell_the_hosts_own_from_them(host):
    d, _ = host
    assert sorted(ids(d.done("list group=").lines)) == sorted(d.own)
    assert d.ask("list group=../x").verdict == d.ask("list origin=../x").verdict == "ERR bad-value"
    assert sorted(ids(d.done("list origin=").lines)) == sorted([*d.own, *map(id_of, d.mail)]), "those of which no host is known"
    assert d.done("export origin=h1")["count"] == d.done("export group=web")["count"]


def test_a_list_is_read_in_parts(host):
    d, _ = host
    for order in "", " order=desc", " sort=subject", " sort=expires order=desc":
        whole, parts, after = ids(d.done(f"list{order}").lines), [], ""
        while after is not None:
            reply = d.done(f"list{order} limit=2{after}")
            parts += ids(reply.lines)
            after = f" after={reply['next']}" if "next" in reply else None
        assert parts == whole and len(parts) == 7


def test_lists_follow_what_comes(host):
    d, feed = host
    one, two, three = d.web
    feed.bring(put(one, "mail", subject="eve"), deny(two), drop(three))
    assert ids(d.done("list subject=eve").lines) == [id_of(one)] == ids(d.done("list group=mail subject=eve").lines)
    assert ids(d.done("list group=web state=revoked").lines) == [id_of(two)] == ids(d.done("list group=web").lines)
    assert d.ask(f"show {id_of(three)}").verdict == "NO unknown"
    d.restart()
    assert len(d.list()) == 6 and ids(d.done("list subject=eve").lines) == [id_of(one)]


def test_an_export_has_the_hosts_own(host):
    """The fleet's are the database's: what imported them would make others of them."""
    d, _ = host
    assert len(d.done("export").data) == 2
    lines = d.done("export group=web").lines
    assert len(lines) == 3 and {(line["group"], line["origin"]) for line in lines} == {("web", "h1")}


def test_a_change_of_many_may_be_of_the_hosts_own(host):
    d, _ = host
    assert d.ask("revoke group=none")["matched"] == "0" and d.ask("revoke group=")["matched"] == "2"
    d.done("revoke group= count=2")
    assert ids(d.done("list state=revoked").lines) == d.own


def shown_of_the_fleet(watching):
    """Yield the entries about what the agent brought, of a watch."""
    while True:
        entry = Fields(watching.line().removeprefix(b"* "))
        if entry.get("event") == "fleet":
            yield entry


def test_the_journal_has_an_entry_for_many(host):
    d, feed = host
    with d.client("observe") as watching:
        watching.send("watch after=0")
        entries = eventually(lambda: [e for e in d.done("journal event=fleet").lines if e["puts"] == "5"], "it is journalled")
        assert set(entries[0]["ids"].split(",")) == set(map(id_of, d.web + d.mail))
        assert entries[0]["place"].split(":")[0] == "1" and (entries[0]["denies"], entries[0]["drops"]) == ("0", "0")
        assert "id" not in entries[0]
        shown = shown_of_the_fleet(watching)
        assert next(shown)["serial"] == entries[0]["serial"]
        for value in d.web:
            feed.bring(deny(value))
        assert int(next(shown)["denies"]) > 0, "as it comes"
    eventually(lambda: sum(int(e["denies"]) for e in d.done("journal event=fleet").lines) == 3, "the rest is, too")
    assert len(d.done("journal event=fleet").lines) <= 4
    assert len(d.done(f"journal id={id_of(d.mail[0])}").lines) == 1
    feed.snapshot(*map(put, d.web))
    eventually(lambda: d.done("journal event=fleet").lines[-1].get("snapshot") == "yes", "so is a snapshot")


def test_statistics_tell_of_the_fleet(host):
    d, feed = host
    stats = d.stats()
    assert (stats["fleet_serial"], stats["fleet_tokens"], stats["tokens"]) == ("1", "5", "7")
    assert 50 <= int(stats["fleet_lease_seconds"]) <= 60 and int(stats["fleet_age_seconds"]) < 5
    assert int(stats["fleet_cache_bytes"]) > 0
    assert {stats[f"fleet_{name}"] for name in ("rewinds", "unsent", "waiting", "conflicts", "failures")} == {"0"}
    done = jeton(d.path("observe"), "stats", "--prometheus")
    assert re.search(r"^jeton_fleet_serial 1$", done.out, re.MULTILINE)
    assert "# TYPE jeton_fleet_conflicts_total counter" in done.out


def test_a_trace_finds_one(host):
    d, feed = host
    reply = d.done(f'trace token="{d.web[0]}"')
    assert reply.lines[0]["part"] == "token" and reply.lines[0]["group"] == "web"


def test_neither_purge_nor_announcements_touch_them(daemon):
    d, feed = fleet_daemon(daemon, "daemon.retention=1s", "daemon.trust_clock=yes", "policy.warn=1h")
    value, ended = values(2)
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3602)).strftime("%Y-%m-%dT%H:%M:%SZ")
    feed.bring(put(value, expires=soon), put(ended), deny(ended))
    own = d.create(expires=soon)["id"]
    gone = d.create()["id"]
    d.done(f"revoke {gone}")
    eventually(lambda: d.ask(f"show {gone}").verdict == "NO unknown", "the host's own is purged", within=20)
    eventually(lambda: ids(d.done("journal event=expiring").lines) == [own], "the host's own is announced", within=20)
    assert sorted(ids(d.done("list group=web").lines)) == sorted(map(id_of, (value, ended)))
