# SPDX-License-Identifier: Apache-2.0
"""Filters and order of a list, compared with a model of them; and paging while tokens change."""
import itertools
import os
import pwd
import random
import time

import pytest

from campaign import rounds
from client import Client
from daemon import arguments_of
from requirements import need_root
from settings import scaled
from timestamp import stamp, unix_time
from value import value_new

DAY = 86400
NEVER = 1 << 62
ATTEMPTS = scaled(150, 60)     # in a round
SUBJECTS = ["", "ann", "bob", "b/9", 'o"dd \\ one', "zoë"]
ORDERS = [(sort, order) for sort in ("created", "expires", "used", "subject") for order in ("asc", "desc")]


def populate(d, count, seed):
    """Make tokens of all kinds; some are used.  Return the identifiers in the order in which they were made."""
    chosen, now = random.Random(seed), int(time.time())
    lines, values = [], []
    for number in range(count):
        value = value_new()
        claims = {"token": value, "created": stamp(now - chosen.randrange(0, 400) * DAY),
                  "description": f"token {number}"}
        if subject := chosen.choice(SUBJECTS):
            claims["subject"] = subject
        if chosen.random() < 0.7:
            claims["scopes"] = ",".join(chosen.sample(["a", "b", "c"], chosen.randrange(1, 4)))
        if chosen.random() < 0.6:
            claims["expires"] = stamp(now + chosen.randrange(-50, 100) * DAY + 3600)
        if chosen.random() < 0.3:
            claims["state"] = chosen.choice(["revoked", "disabled"])
        lines.append("import" + arguments_of(claims))
        values.append(value)
    replies = d.client().pipeline(lines)
    assert {reply.verdict for reply in replies} == {"OK"}
    d.client("verify").pipeline([f'verify token="{value}"' for value in chosen.sample(values, count // 3)])
    return [reply["id"] for reply in replies]


def since(line):
    return max(unix_time(line["created"]), unix_time(line.get("activates", line["created"])))


def passes(line, key, value, now):
    expires = unix_time(line["expires"]) if "expires" in line else NEVER
    used = unix_time(line["used"]) if "used" in line else 0
    return {
        "state": lambda: line["state"] == value,
        "subject": lambda: line.get("subject", "") == value,
        "scope": lambda: set(value.split(",")) <= set(line.get("scopes", "").split(",")),
        "match": lambda: value in line.get("description", "") + "\0" + line.get("subject", ""),
        "by": lambda: line["by"] == value,
        "created_after": lambda: unix_time(line["created"]) >= unix_time(value),
        "created_before": lambda: unix_time(line["created"]) < unix_time(value),
        "expires_before": lambda: expires < unix_time(value),
        "expires_within": lambda: now < expires <= now + int(value[:-1]) * DAY,
        "unused_for": lambda: max(used, since(line)) <= now - int(value[:-1]) * DAY,
        "never_used": lambda: (used == 0) == (value == "yes"),
    }[key]()


def place(line, sort, made):
    value = {"created": lambda: unix_time(line["created"]),
             "expires": lambda: unix_time(line["expires"]) if "expires" in line else NEVER,
             "used": lambda: unix_time(line["used"]) if "used" in line else 0,
             "subject": lambda: line.get("subject", "").encode()}[sort]()
    return value, made[line["id"]]


def some_filters(chosen, now):
    uid = os.geteuid()
    values = {"state": lambda: chosen.choice(["active", "expired", "disabled", "revoked", "pending"]),
              "subject": lambda: chosen.choice(SUBJECTS + ["nobody"]), "scope": lambda: chosen.choice(["a", "b", "c,a"]),
              "match": lambda: chosen.choice(["1", "ann", "token 7", "zzz"]),
              "by": lambda: f"uid:{chosen.choice([uid, uid + 1])}",
              "created_after": lambda: stamp(now - chosen.randrange(400) * DAY),
              "created_before": lambda: stamp(now - chosen.randrange(400) * DAY),
              "expires_before": lambda: stamp(now + chosen.randrange(-50, 100) * DAY),
              "expires_within": lambda: f"{chosen.randrange(1, 120)}d",
              "unused_for": lambda: f"{chosen.randrange(1, 400)}d", "never_used": lambda: chosen.choice(["yes", "no"])}
    keys = chosen.sample(sorted(values), chosen.choice([0, 1, 1, 2, 3]))
    return {key: values[key]() for key in keys}


def pages(d, limit, **arguments):
    lines, at = [], {}
    while True:
        reply = d.done("list" + arguments_of(arguments | at | {"limit": limit}))
        lines += reply.lines
        if "next" not in reply:
            return lines
        assert len(reply.lines) == limit, "a page with more behind it is a whole one"
        at = {"after": reply["next"]}


@pytest.mark.campaign
def test_filters_and_orders_give_what_a_model_of_them_gives(daemon):
    seed = int(os.environ.get("SEED", 7))
    chosen, d = random.Random(seed), daemon()
    made = {ident: number for number, ident in enumerate(populate(d, scaled(300, 60), seed))}
    whole = d.list()
    for attempt in itertools.chain.from_iterable(range(number * ATTEMPTS, (number + 1) * ATTEMPTS) for number in rounds()):
        now = int(time.time())
        filters, (sort, order) = some_filters(chosen, now), chosen.choice(ORDERS)
        wanted = [line for line in whole if all(passes(line, key, value, now) for key, value in filters.items())]
        wanted.sort(key=lambda line: place(line, sort, made), reverse=order == "desc")
        got = pages(d, chosen.choice([1, 3, 10, 1000]), sort=sort, order=order, **filters)
        assert [line["id"] for line in got] == [line["id"] for line in wanted], (seed, attempt, filters, sort, order)
        if sort == "created" and order == "asc":
            assert d.list(**filters) == got, filters


def test_orders_stay_after_a_restart(daemon):
    d = daemon()
    populate(d, 100, 3)
    before = [[line["id"] for line in d.list(sort=sort, order=order)] for sort, order in ORDERS]
    unused = d.list(never_used="yes", fields="id")
    d.restart()
    assert [[line["id"] for line in d.list(sort=sort, order=order)] for sort, order in ORDERS] == before
    assert d.list(never_used="yes", fields="id") == unused, "the file of last uses is asked"


@pytest.mark.parametrize("sort,order", ORDERS)
def test_paging_has_no_gap_while_others_come_and_go(daemon, sort, order):
    d = daemon()
    chosen = random.Random(1)
    ids = populate(d, 120, 5)
    churn, at, seen = set(chosen.sample(ids, 40)), {}, []
    left = list(churn)
    while True:
        reply = d.done("list" + arguments_of({"sort": sort, "order": order, "limit": 7} | at))
        seen += [line["id"] for line in reply.lines]
        if "next" not in reply:
            break
        at = {"after": reply["next"]}
        if (last := reply.lines[-1]["id"]) in churn:        # the place must outlive its token
            d.done(f"delete {last}")
            left = [ident for ident in left if ident != last]
        for _ in range(2):
            d.create(subject=chosen.choice(SUBJECTS), ttl=f"{chosen.randrange(1, 100)}d")
        if left:
            gone = left.pop()
            d.ask(f"delete {gone}")
        if left:
            d.ask(f"update {left[-1]} subject=moved")
    stayed = [ident for ident in seen if ident in set(ids) - churn]
    assert len(stayed) == len(set(stayed)) == len(set(ids) - churn)


def test_order_of_many_goes_over_all_tokens_more_than_once(daemon):
    """More tokens than the heap of a list by subject has space for."""
    d = daemon()
    count = 4500
    replies = d.client().pipeline([f"create subject=s{number * 7919 % count:05}" for number in range(count)])
    assert {reply.verdict for reply in replies} == {"OK"}
    for order in "asc", "desc":
        subjects = [line["subject"] for line in d.list(sort="subject", order=order, fields="subject")]
        assert subjects == sorted(subjects, reverse=order == "desc") and len(subjects) == count
    page = d.done("list sort=subject order=desc limit=6000 fields=subject")
    rest = d.done("list" + arguments_of({"sort": "subject", "order": "desc", "fields": "subject", "after": page["next"]})) \
        if "next" in page else None
    assert len(page.lines) + (len(rest.lines) if rest else 0) == count


def test_fields_choose_what_a_line_has(daemon):
    d = daemon()
    token = d.create(subject='a "b" c', description="x=y id=z", scopes="p,q", ttl="1d")
    d.verify(token["token"])
    whole = d.list()[0]
    for names in "id", "subject", "description", "state,expires", "created,by,used,scopes,id":
        for line in d.list(fields=names)[0], d.done(f"show {token['id']} fields={names}").lines[0]:
            assert line == {name: whole[name] for name in names.split(",")}, names
    assert d.list(fields="activates")[0] == {}
    for names in "", "id,", "id,id", "token", "secret":
        assert d.ask(f'list fields="{names}"').verdict == "ERR bad-value", names


def test_a_list_refuses_fields_that_only_show_has(daemon):
    d = daemon()
    ident = d.create()["id"]
    for name in "by_name", "revoked_by_name", "disabled_by_name", "refused_by_name":
        for names in name, f"id,{name}":
            refused = d.ask(f"list fields={names}")
            assert refused.verdict == "ERR bad-value" and "does not look up names" in refused["message"], names
            assert refused.lines == []
        assert d.ask(f"show {ident} fields={name}").verdict == "OK"
    assert d.done(f"show {ident} fields=by_name").lines[0]["by_name"] == pwd.getpwuid(os.getuid()).pw_name


def test_creator_is_the_user_who_asked(daemon):
    need_root()
    d = daemon()
    ours = d.create()["id"]
    for path in d.directory, os.path.dirname(d.directory):
        os.chmod(path, 0o755)
    os.chmod(d.path(), 0o666)
    os.seteuid(4321)
    try:
        theirs = Client(d.path()).request("create")["id"]
    finally:
        os.seteuid(0)
    for _ in range(2):
        assert [line["id"] for line in d.list(by="uid:4321")] == [theirs]
        assert [line["id"] for line in d.list(by="0")] == [ours]
        d.restart()


def test_days_are_times_and_bounds_are_as_documented(daemon):
    d = daemon()
    for day in 1, 2, 3:
        d.done(f"import digest={day}{'0' * 63} created=2026-01-0{day}T00:00:00Z expires=2030-01-0{day}T00:00:00Z")
    for filters, wanted in (({"created_after": "2026-01-02"}, "23"), ({"created_before": "2026-01-02"}, "1"),
                            ({"created_after": "2026-01-02T00:00:01Z"}, "3"), ({"expires_before": "2030-01-03"}, "12"),
                            ({"created_after": "2026-01-02", "created_before": "2026-01-03"}, "2")):
        for order in "asc", "desc":
            got = "".join(line["id"][0] for line in d.list(order=order, **filters))
            assert got == (wanted if order == "asc" else wanted[::-1]), filters


def test_filters_that_cannot_be_followed_are_refused(daemon):
    d = daemon()
    d.create(ttl="1d")
    for arguments in ("created_after=yesterday", "created_before=2026-13-01", "expires_before=30d", "expires_within=2026-01-01",
                      "unused_for=x", "never_used=maybe", "never_used=", "by=alice", "by=uid:", "by=uid:4294967296",
                      "sort=size", "sort=", "order=up", "sort=expires after=" + "0" * 20, "sort=expires after=never",
                      "sort=used after=x/1", "sort=subject after=a/x", "sort=created after=never/-1", "order=desc after=12"):
        assert d.ask(f"list {arguments}").verdict == "ERR bad-value", arguments
    assert d.ask("list never_used").verdict == "ERR syntax"
    assert d.ask("list count=1").verdict == "ERR unknown-key"
