# SPDX-License-Identifier: Apache-2.0
"""Whose a connection to the self socket is: the name that its uid has now, or nobody's."""
import os
import pwd
import time

import pytest

from client import Client
from neighbours import end, fork
from settings import PATIENCE
from users import ANN, BOB, EVE, UNNAMED, USERS, UserDaemon
from waiting import eventually

REQUESTS = ("create", "list", "show 00112233445566778899", "update 00112233445566778899 description=x",
            "rotate 00112233445566778899", "revoke 00112233445566778899")


def refused(d, uid, verdict, about):
    """Each request is refused thus, and what needs no name is not."""
    with d.client(uid) as client:
        for line in REQUESTS:
            reply = client.request(line)
            assert reply.verdict == verdict and about in reply["message"], f"{line}: {reply}"
        assert client.request("hello")["role"] == "self"
        assert client.request("ping").verdict == "OK"


def test_a_uid_without_a_name_has_no_tokens(daemon):
    d = UserDaemon(daemon)
    d.daemon.create(subject=str(UNNAMED))
    refused(d, UNNAMED, "ERR forbidden", "has no name")


@pytest.mark.parametrize("name", ["", "a\tb", "a\x7fb", "a\x01", b"\xff\xfe", "x" * 257])
def test_a_name_that_cannot_be_a_subject_has_no_tokens(daemon, name):
    d = UserDaemon(daemon)
    raw = name if isinstance(name, bytes) else name.encode()
    with open(d.users.path, "wb") as file:
        file.write(raw + f":x:{ANN}:{ANN}::/:/bin/false\n".encode())
    assert d.ask(ANN, "list").verdict == "ERR forbidden"


@pytest.mark.parametrize("name", ["Ann Müller", 'a"b', "a\\b", "ann=x", "x" * 256, "*"])
def test_any_name_that_can_be_a_subject_is_one_as_it_is(daemon, name):
    d = UserDaemon(daemon, users={name: ANN})
    made = d.done(ANN, "create")
    assert made["subject"] == name
    assert d.daemon.ask(f"show {made['id']}").lines[0]["subject"] == name
    assert d.list(ANN) == [made["id"]]


def test_a_name_that_leads_to_another_uid_is_nobodys(daemon):
    d = UserDaemon(daemon)
    token = d.done(ANN, "create")["id"]
    d.users.mark(".renames")
    refused(d, BOB, "ERR forbidden", "another user's")
    d.users.unmark(".renames")
    d.users.set_lines([f"ann:x:{ANN}:1::/:/bin/false\n", f"ann:x:{EVE}:1::/:/bin/false\n"])
    refused(d, EVE, "ERR forbidden", "another user's")
    assert d.list(ANN) == [token], "the first of two with one name"


def test_the_uid_that_stands_for_all_without_a_number_here_is_nobodys(daemon):
    d = UserDaemon(daemon, users={"nobody": 65534})
    refused(d, 65534, "ERR forbidden", "stands for")


def test_root_and_system_users_are_users_like_others(daemon):
    d = UserDaemon(daemon, users={"root": 0, "www-data": 33})
    assert d.done(33, "create")["subject"] == "www-data"
    with Client(d.path) as client:
        assert client.request("create")["subject"] == "root"
        assert client.request("list")["count"] == "1"
        assert client.request("journal").verdict == "ERR forbidden", "the socket decides, not the uid"


def test_a_name_service_that_fails_refuses_and_is_asked_again(daemon):
    d = UserDaemon(daemon)
    token = d.done(ANN, "create")["id"]
    d.users.mark(".fails")
    refused(d, BOB, "ERR unavailable", "try again")
    d.users.unmark(".fails")
    eventually(lambda: d.ask(BOB, "list").verdict == "OK", "it is asked again")
    assert d.list(ANN) == [token]


def test_a_name_service_that_hangs_holds_up_only_who_waits_for_it(daemon):
    d = UserDaemon(daemon, users=USERS | {f"u{i}": 62100 + i for i in range(10)}, hangs=True)
    token = d.done(ANN, "create")
    assert d.daemon.verify(token["token"]) == "OK"
    before = int(d.daemon.stats()["connections"])       # or more, as the last one may not be closed there
    d.users.mark(".hangs")
    waiting = [d.client(62100 + i) for i in range(10)]
    for client in waiting:
        client.send("list")
    eventually(lambda: any(f".hang.{62100 + i}" in name for i in range(10) for name in os.listdir(d.daemon.directory)),
               "look-ups hang")
    with d.daemon.client() as admin, d.client(BOB) as bob, d.client(BOB) as leaving:
        assert admin.request("create").verdict == "OK"
        assert d.daemon.verify(token["token"]) == "OK"
        bob.send("list", "ping")
        leaving.send("list")
        leaving.close()
        assert bob.request("ping").verdict == "ERR unavailable", "after a while it is given up"
        assert bob.reply().verdict == "OK"
    assert {client.reply().verdict for client in waiting} == {"ERR unavailable"}
    for client in waiting:
        client.close()
    d.users.unmark(".hangs")
    eventually(lambda: d.ask(BOB, "list").verdict == "OK", "it answers again")
    eventually(lambda: int(d.daemon.stats()["connections"]) <= before, "no connection is left")


def test_the_daemon_ends_while_a_look_up_hangs(daemon):
    d = UserDaemon(daemon, hangs=True)
    d.users.mark(".hangs")
    with d.client(ANN) as client:
        client.send("list")
        eventually(lambda: os.path.exists(f"{d.users.path}.hang.{ANN}"), "a look-up hangs")
        d.daemon.stop()
    d.users.unmark(".hangs")
    d.daemon.start()
    assert d.list(ANN) == []


def test_a_reused_name_does_not_show_what_its_last_user_made(daemon):
    """ann leaves, and another ann comes."""
    d = UserDaemon(daemon)
    old, given = d.done(ANN, "create"), d.daemon.create(subject="ann")
    d.users.set({"ann": EVE, "bob": BOB})
    eventually(lambda: d.ask(EVE, "list").verdict == "OK" and given["id"] in d.list(EVE), "the name is eve's")
    assert d.list(EVE) == [given["id"]], "what an administrator gave to ann is ann's"
    for line in f"show {old['id']}", f"revoke {old['id']}", f"rotate {old['id']}", f"list after={old['id']}":
        assert d.ask(EVE, line).verdict == "NO unknown", line
    eventually(lambda: d.ask(ANN, "list").verdict == "ERR forbidden", "who has left has no name")
    assert d.daemon.verify(old["token"], subject="ann") == "OK", "it is for an administrator to revoke it"


def test_a_reused_uid_does_not_show_what_its_last_user_made(daemon):
    """ann leaves, and bob gets her uid."""
    d = UserDaemon(daemon)
    old = d.done(ANN, "create")["id"]
    d.users.set({"robert": ANN})
    eventually(lambda: d.list(ANN) == [], "the uid has another name")
    assert d.done(ANN, "create")["subject"] == "robert"
    assert d.ask(ANN, f"show {old}").verdict == d.ask(ANN, f"revoke {old}").verdict == "NO unknown"


def test_a_renamed_user_has_the_tokens_of_the_new_name(daemon):
    d = UserDaemon(daemon)
    old = d.done(ANN, "create")["id"]
    d.users.set({"anna": ANN})
    eventually(lambda: d.list(ANN) == [], "the tokens of the old name are not hers any more")
    assert d.done(ANN, "create")["subject"] == "anna"
    d.users.set(USERS)
    eventually(lambda: d.list(ANN) == [old], "and are again with the old name")


def test_a_token_that_was_moved_by_export_is_still_hers_alone(daemon):
    d, other = UserDaemon(daemon), UserDaemon(daemon, users={"ann": EVE, "bob": ANN})
    old, back = d.done(ANN, "create")["id"], UserDaemon(daemon)
    for there in other, back:
        assert there.daemon.ask(d.daemon.done("export").data[0].decode()).verdict == "OK"
        assert there.daemon.done(f"show {old}").lines[0]["owner"] == f"uid:{ANN}"
        assert there.list(EVE if there is other else BOB) == [], "another who has that name, or a name of his own"
    assert other.list(ANN) == [], "the uid is another's there"
    assert back.list(ANN) == [old] and back.ask(ANN, f"revoke {old}").verdict == "OK"


def test_a_connection_that_stays_open_follows_a_rename(daemon):
    d = UserDaemon(daemon)
    with d.client(ANN) as client:
        assert client.request("create")["subject"] == "ann"
        d.users.set({"anna": ANN})
        eventually(lambda: client.request("list")["count"] == "0", "the name is looked up again")
        d.users.set({})
        eventually(lambda: client.request("list").verdict == "ERR forbidden", "also when there is none any more")


def test_names_that_are_swapped_all_the_time_give_nobody_anothers_token(daemon):
    names = {f"user{i}": 63000 + i for i in range(12)}
    swapped = dict(zip(names, [uid ^ 1 for uid in names.values()]))
    d = UserDaemon(daemon, "self.max_tokens_per_subject=0", users=names)

    def swap():
        while True:
            for users in swapped, names:
                d.users.set(users)
                time.sleep(0.001)
    swapper = fork(0, swap)
    made = {}       # (uid, name): identifiers

    def seen():
        return [names[name] == uid for uid, name in made]
    ends, within = time.monotonic() + 2, time.monotonic() + 40 * PATIENCE
    while time.monotonic() < ends or not (any(seen()) and not all(seen())):
        assert time.monotonic() < within, "each user has one name all the time"
        for uid in names.values():
            with d.client(uid) as client:
                reply, listed = client.pipeline(["create", "list"])
            if reply.verdict == "OK":
                made.setdefault((uid, reply["subject"]), []).append(reply["id"])
            else:
                assert reply.verdict in ("ERR forbidden", "ERR busy"), reply
            assert {line["owner"] for line in listed.lines} <= {f"uid:{uid}"}, "never what another uid made"
    end(swapper)
    d.users.set(names)
    for name, uid in names.items():
        def its_own():
            reply = d.ask(uid, "list")      # refused as long as a name of before is remembered
            return reply.verdict == "OK" and [line["id"] for line in reply.lines] == made.get((uid, name), [])
        eventually(its_own, f"{name} has what {uid} made as {name}")


def test_users_of_this_host_have_their_own_tokens(daemon):
    d = UserDaemon(daemon, users=None)
    users = [user for user in pwd.getpwall() if 0 < user.pw_uid < 60000][:5]
    assert len(users) > 2
    made = {user.pw_name: d.done(user.pw_uid, "create")["id"] for user in users}
    for user in users:
        assert d.done(user.pw_uid, "list").lines[0]["subject"] == user.pw_name
        assert d.list(user.pw_uid) == [made[user.pw_name]]
        for name, identifier in made.items():
            verdict = d.ask(user.pw_uid, f"show {identifier}").verdict
            assert verdict == ("OK" if name == user.pw_name else "NO unknown")
    assert d.ask(UNNAMED, "list").verdict in ("ERR forbidden", "ERR unavailable"), "a source may not be reached"
    d.daemon.restart()
    assert d.list(users[0].pw_uid) == [made[users[0].pw_name]]
