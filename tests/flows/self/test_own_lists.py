# SPDX-License-Identifier: Apache-2.0
"""Filters, orders and fields of a user's own list: nothing of another's, and no way to learn of it."""
import contextlib
import socket

import pytest

import proc
from refused_writes import saved, writes_refused
from settings import scaled
from timestamp import stamp
from users import ANN, BOB, USERS, UserDaemon
from waiting import eventually


@pytest.fixture
def mixed(daemon):
    """Tokens of ann and bob by turns, with lifetimes that lie between each other."""
    d = UserDaemon(daemon, "self.max_tokens_per_subject=0")
    made = d.create_many([f"create subject={name} scopes=imap ttl={3000 - 7 * n if name == 'ann' else 3000 - 7 * n + 1}h"
                          f" description={name}{n}" for n in range(150) for name in ("bob", "ann")])
    d.mine, d.others = [reply["id"] for reply in made[1::2]], [reply["id"] for reply in made[0::2]]
    return d


def paged(d, uid, filters):
    found, after = [], ""
    while after is not None:
        page = d.done(uid, f"list {filters} limit=7{after}")
        found += [line["id"] for line in page.lines]
        after = f" after={page['next']}" if "next" in page else None
    return found


@pytest.mark.parametrize("order, backwards", [
    ("", False), ("order=desc", True), ("sort=created order=asc", False), ("sort=created order=desc", True), ("sort=expires", True),
    ("sort=expires order=desc", False), ("sort=used", False), ("sort=subject order=desc", True)])
def test_each_order_has_the_users_own_tokens_whole_and_in_pages(mixed, order, backwards):
    expected = mixed.mine[::-1] if backwards else mixed.mine
    assert mixed.list(ANN, order) == expected
    assert paged(mixed, ANN, order) == expected


def test_a_list_goes_on_behind_a_token_of_her_own_alone(mixed):
    at = mixed.mine[70]
    assert mixed.list(ANN, f"after={at}") == mixed.mine[71:]
    assert mixed.list(ANN, f"order=desc after={at}") == mixed.mine[:70][::-1]
    for order in "", "order=desc ":
        theirs, none = (mixed.ask(ANN, f"list {order}after={ident}") for ident in (mixed.others[70], 20 * "9"))
        assert theirs.final.raw == none.final.raw and theirs.verdict == "NO unknown"


def test_filters_let_pass_her_own_tokens_alone(mixed):
    d, soon = mixed, 3000 - 7 * 140
    assert d.list(ANN, f"expires_within={soon}h") == d.mine[140:]
    assert d.list(ANN, f"expires_within={soon}h order=desc limit=3") == d.mine[:-4:-1]
    assert d.list(ANN, "never_used=yes") == d.list(ANN, "state=active") == d.mine
    assert d.list(ANN, "never_used=no") == d.list(ANN, "subject=bob") == d.list(ANN, "match=bob") == []
    assert d.list(ANN, f"created_before={stamp(0)}") == [] and d.list(ANN, f"created_after={stamp(0)}") == d.mine
    for refused in "by=uid:0", "policy=violated":
        assert d.ask(ANN, f"list {refused}").verdict == "ERR forbidden"


def test_fields_are_those_that_are_asked_for(mixed):
    assert [set(line) for line in mixed.done(ANN, "list fields=id,description limit=2").lines] == [{"id", "description"}] * 2
    assert set(mixed.done(ANN, f"show {mixed.mine[0]} fields=subject").lines[0]) == {"subject"}
    assert mixed.ask(ANN, f"show {mixed.others[0]} fields=subject").verdict == "NO unknown"


@pytest.mark.parametrize("line", [
    "revoke subject=ann", "revoke subject=ann count=150", "revoke subject=bob count=150", "revoke state=active count=300",
    "update subject=ann description=x", "update subject=ann description=x count=150", "update subject=bob scopes=imap count=150",
    "update match=bob ttl=1h count=150", "update subject=ann count=150"])
def test_changes_of_many_do_not_exist_for_users(mixed, line):
    before = mixed.daemon.done("list").data
    with mixed.client(ANN) as client:
        replies = [client.request(line), client.request(line.replace("ann", "nobody").replace("bob", "nobody"))]
    assert {reply.verdict for reply in replies} == {"ERR forbidden"} and "matched" not in replies[0]
    assert replies[0].final.raw == replies[1].final.raw, "it says nothing of what there is"
    assert mixed.daemon.done("list").data == before


def test_list_newest_first_follows_what_an_administrator_does(mixed):
    d, admin = mixed, mixed.daemon
    admin.done(f"delete {d.mine[-1]}")
    admin.done(f"update {d.mine[-2]} subject=bob")
    admin.done(f"update {d.others[-1]} subject=ann")
    assert d.list(ANN, "order=desc limit=2") == [d.others[-1], d.mine[-3]]
    assert d.list(BOB, "order=desc limit=1") == [d.mine[-2]]


def test_list_of_a_user_is_right_while_and_after_the_disk_refuses(daemon):
    d = UserDaemon(daemon)
    mine = [d.done(ANN, "create")["id"] for _ in range(2)]
    with writes_refused(d.daemon):
        for _ in range(3):
            assert d.ask(ANN, "create").verdict == "ERR store"
            assert d.list(ANN) == mine
        assert d.ask(ANN, f"revoke {mine[0]}").verdict == "ERR store"
        assert d.list(ANN, "state=revoked") == mine[:1]
    saved(d.daemon)
    mine.append(d.done(ANN, "create")["id"])
    assert d.list(ANN) == mine and d.list(BOB) == []


def test_lists_that_users_do_not_read_take_no_memory_that_others_sort_with(daemon):
    """With little memory a sorted list goes over all tokens again and again."""
    d = UserDaemon(daemon, "self.max_tokens_per_subject=0")
    d.create_many([f"create subject={name} description={'x' * 200}" for name in USERS for _ in range(1500)])
    d.create_many(["create subject=other"] * scaled(40000, 20000))

    def seconds():      # of the daemon's processor time, which other load does not lengthen
        began, last = proc.cpu(d.daemon.pid), b""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(d.daemon.path())
            admin.sendall(b"list sort=expires fields=id\n")
            while b"\nOK count=" not in last:
                last = last[-100:] + admin.recv(1 << 20)
        return proc.cpu(d.daemon.pid) - began
    free = min(seconds() for _ in range(3))
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(d.client(uid)) for uid in USERS.values() for _ in range(16)]
        for client in held:
            client.send("list sort=expires")
        eventually(lambda: not any(client.silent() for client in held), "each has its first tokens, or is refused")
        taken = min(seconds() for _ in range(3))
    print(f"{free:.3f} s, and with lists that are held {taken:.3f} s")
    assert taken < 3 * free, (taken, free)
