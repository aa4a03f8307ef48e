# SPDX-License-Identifier: Apache-2.0
"""Tokens that are renewed: a new end, and a rotation that does not inherit the grace."""
import time

import pytest

from timestamp import stamp, unix_time
from waiting import eventually

DAY = 86400


def lifetime_left(line):
    return unix_time(line["expires"]) - time.time()


def test_update_with_a_ttl_counts_from_now(daemon):
    d = daemon()
    token = d.create(expires=stamp(time.time() + 3600))
    assert abs(lifetime_left(d.done(f"update {token['id']} ttl=90d")) - 90 * DAY) < 60
    assert abs(lifetime_left(d.done(f"update {token['id']} ttl=30m")) - 1800) < 60, "it may be shortened"
    never = d.create()
    assert abs(lifetime_left(d.done(f"update {never['id']} ttl=1d")) - DAY) < 60
    d.restart()
    assert abs(lifetime_left(d.done(f"show {token['id']}").lines[0]) - 1800) < 60


@pytest.mark.parametrize("refused, why", [
    ("update {} ttl=1d expires=never", "ERR syntax"), ("rotate {} ttl=1d expires=never", "ERR syntax"),
    ("update {} ttl=0s", "ERR bad-value"), ("rotate {} ttl=", "ERR bad-value"),
    ("rotate {} expires=2020-01-01T00:00:00Z", "ERR bad-value"), ("rotate {} ttl=5m", "ERR bad-value")])
def test_renewal_that_makes_no_sense_changes_nothing(daemon, refused, why):
    d = daemon()
    token = d.create(delay="1h")
    before = d.done("export").data
    assert d.ask(refused.format(token["id"])).verdict == why
    assert d.done("export").data == before


def test_ttl_does_not_revive_an_expired_token(daemon):
    d = daemon()
    token = d.create(ttl="1s")
    eventually(lambda: d.verify(token["token"]) == "NO expired", "it expires")
    assert d.ask(f"update {token['id']} ttl=1d").verdict == "NO expired"
    assert d.ask(f"rotate {token['id']} ttl=1d").verdict == "NO expired"


def test_rotation_takes_the_end_that_it_is_given(daemon):
    d = daemon()
    token = d.create(ttl="1h")
    second = d.done(f"rotate {token['id']} ttl=90d grace=5m")
    assert abs(lifetime_left(second) - 90 * DAY) < 60
    third = d.done(f"rotate {second['id']} expires=2099-01-01T00:00:00Z")
    assert third["expires"] == "2099-01-01T00:00:00Z"
    fourth = d.done(f"rotate {third['id']} expires=never")
    assert "expires" not in fourth
    assert d.verify(fourth["token"]) == "OK"


@pytest.mark.parametrize("end", ["expires=never", "expires=2099-01-01T00:00:00Z"])
def test_rotation_in_the_grace_inherits_the_lifetime_and_not_the_grace(daemon, end):
    d = daemon()
    token = d.done(f"create {end}")
    first = d.done(f"rotate {token['id']} grace=10m")
    d.restart()
    assert lifetime_left(d.done(f"show {token['id']}").lines[0]) < 700
    again = d.done(f"rotate {token['id']} grace=5m")
    assert again.final.get("expires") == first.final.get("expires") == token.final.get("expires")
    old = d.done(f"show {token['id']}").lines[0]
    assert lifetime_left(old) < 400, "the second grace is shorter"
    assert old["replaced_by"] == again["id"]


def test_rotation_in_the_grace_does_not_undo_what_shortened_the_token_before(daemon):
    d = daemon()
    token = d.create()
    d.done(f"update {token['id']} expires=2099-01-01T00:00:00Z")
    d.done(f"rotate {token['id']} grace=10m")
    assert d.done(f"rotate {token['id']}")["expires"] == "2099-01-01T00:00:00Z"


def test_rotated_token_names_its_replacement_everywhere(daemon):
    d, other = daemon(), daemon()
    with_grace, at_once = d.create(), d.create()
    new = {token["id"]: d.done(f"rotate {token['id']}{grace}")["id"]
           for token, grace in ((with_grace, " grace=1h"), (at_once, ""))}
    d.restart()
    for old, replacement in new.items():
        assert d.done(f"show {old}").lines[0]["replaced_by"] == replacement
        assert d.done(f"show {replacement}").lines[0]["replaces"] == old
        assert [e["replaced_by"] for e in d.done(f"journal id={old}").lines if "replaced_by" in e] == [replacement]
    assert {line["id"]: line["replaced_by"] for line in d.list() if "replaced_by" in line} == new
    for line in d.done("export").data:
        other.done(line)
    assert {line["id"]: line["replaced_by"] for line in other.list() if "replaced_by" in line} == new
    grace = other.done(f"rotate {with_grace['id']}")
    assert "expires" not in grace, "the lifetime before the grace is exported, too"
