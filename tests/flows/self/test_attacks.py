# SPDX-License-Identifier: Apache-2.0
"""The self socket attacked: what is not the user's own does not exist, whatever is tried."""
import contextlib
import resource
import threading
import time

import pytest

from client import Client
from refused_writes import writes_refused
from neighbours import HOSTILE, Flood, hostile
from settings import PATIENCE, scaled
from users import ANN, BOB, EVE, USERS, UserDaemon
from waiting import eventually

UNKNOWN = "00112233445566778899"
BOUND = 1.0 * PATIENCE          # seconds: the median of what others ask meanwhile
FORMS = ("show {}", "revoke {}", "rotate {}", "rotate {} grace=1h", "update {}", "update {} description=x",
         "update {} expires=never", "update {} scopes=root", "update {} subject=ann", "update {} ttl=1d",
         "rotate {} ttl=1d", "show {} fields=id", "list after={}", "list order=desc after={}")


def answers(d, uid, identifier):
    """Return what each form of request about an identifier is answered."""
    with d.client(uid) as client:
        found = []
        for form in FORMS:
            reply = client.request(form.format(identifier))
            found.append((form, reply.data, reply.final.raw))
        return found


def test_anothers_token_is_answered_exactly_as_an_unknown_identifier(daemon):
    d = UserDaemon(daemon, "self.max_tokens_per_subject=2")
    make = d.daemon.create
    others = {
        "active": d.done(BOB, "create scopes=imap")["id"],
        "by an administrator": make(subject="bob")["id"],
        "of nobody": make()["id"],
        "of a longer name": make(subject="anna")["id"],
        "of another case": make(subject="Ann")["id"],
        "pending": make(subject="bob", delay="1h")["id"],
        "ended": d.daemon.done(f"import digest={64 * 'b'} subject=bob expires=2020-01-01T00:00:00Z")["id"],
        "disabled": make(subject="bob")["id"],
        "revoked": make(subject="bob")["id"],
        "deleted": make(subject="ann")["id"],
    }
    d.daemon.done(f"disable {others['disabled']}")
    d.daemon.done(f"revoke {others['revoked']}")
    d.daemon.done(f"delete {others['deleted']}")
    for full in False, True:                    # also once she has as many as she may
        unknown = answers(d, ANN, UNKNOWN)
        for what, identifier in others.items():
            assert answers(d, ANN, identifier) == unknown, what
        if not full:
            d.done(ANN, "create")
            d.done(ANN, "create")
    assert [line["state"] for line in d.daemon.ask("list subject=bob").lines] == [
        "active", "active", "pending", "expired", "disabled", "revoked"], "nothing has happened to them"


def test_anothers_revocation_takes_no_effect_not_even_for_a_moment(daemon):
    d = UserDaemon(daemon)
    token = d.done(ANN, "create scopes=imap")
    assert d.daemon.verify(token["token"]) == "OK"
    over = threading.Event()
    seen = set()

    def watch():
        with Client(d.daemon.path("verify")) as client:
            while not over.is_set():
                seen.add(client.request(f"verify {token['token']}").verdict)
    watcher = threading.Thread(target=watch)
    with d.client(BOB) as client:
        watcher.start()
        for _ in range(20):
            assert {reply.verdict for reply in client.pipeline([f"revoke {token['id']}"] * 50)} == {"NO unknown"}
        over.set()
        watcher.join()
    assert seen == {"OK"}
    assert d.daemon.verify(token["token"]) == "OK"


def test_a_disk_that_fails_lets_nobody_revoke_what_is_anothers(daemon):
    d = UserDaemon(daemon)
    mine, more, other = d.done(ANN, "create"), d.done(ANN, "create"), d.done(BOB, "create")
    with writes_refused(d.daemon):
        assert d.ask(ANN, f"revoke {other['id']}").verdict in ("NO unknown", "ERR store")
        assert d.ask(ANN, f"revoke {mine['id']}").verdict == "ERR store"
        assert d.daemon.verify(mine["token"]) == "NO revoked", "her own is denied in memory"
        assert d.ask(ANN, f"revoke {more['id']}").verdict == "ERR store"
        assert d.daemon.verify(more["token"]) == "NO revoked", "also once it is known that the disk fails"
        found = [d.ask(ANN, f"revoke {identifier}").final.raw for identifier in (other["id"], UNKNOWN)]
        assert found[0] == found[1], "it is answered like an unknown one then, too"
        assert d.ask(ANN, f"revoke {other['id']}").verdict in ("NO unknown", "ERR store")
        assert d.daemon.verify(other["token"]) == "OK"
    eventually(lambda: d.daemon.stats()["denials_unsaved"] == "0", "what was denied is saved")
    assert d.daemon.verify(other["token"]) == "OK"
    d.daemon.restart()
    assert (d.daemon.verify(other["token"]), d.daemon.verify(mine["token"])) == ("OK", "NO revoked")
    assert (d.list(ANN), d.list(BOB)) == ([mine["id"], more["id"]], [other["id"]])


def test_rotation_and_update_give_no_more_than_a_new_token_could_have(daemon):
    """Also where [self] was narrowed after the token was made."""
    d = UserDaemon(daemon, config="[self]\nmax_ttl = 30d\n")
    wide = d.done(ANN, "create scopes=imap,smtp ttl=30d")["id"]
    d.daemon.settings = ("self.scopes=imap",)
    d.daemon.restart()
    for line in (f"rotate {wide}", f"update {wide} scopes=imap,smtp", f"update {wide} description=x",
                 f"update {wide} expires=never", f"update {wide} scopes=smtp"):
        assert d.ask(ANN, line).verdict == "ERR policy", line
    assert d.done(ANN, f"update {wide} scopes=imap description=x")["scopes"] == "imap"
    assert d.done(ANN, f"rotate {wide}")["scopes"] == "imap"


def test_what_is_listed_of_a_user_is_bounded(daemon):
    """Whoever makes and revokes cannot fill the store."""
    d = UserDaemon(daemon, "self.max_tokens_per_subject=1")
    with d.client(ANN) as client:
        for _ in range(10):
            made = client.pipeline(["create"] + ["create"] * 3)
            assert made[0].verdict == "OK" and {reply.verdict for reply in made[1:]} == {"ERR policy"}
            client.request(f"revoke {made[0]['id']}")
    d.create_many(f"import digest={i:08x}{56 * '0'} subject=ann state=revoked" for i in range(990))
    refused = d.ask(ANN, "create")
    assert (refused.verdict, refused["rule"], refused["max"]) == ("ERR policy", "listed", "1000")
    assert d.ask(BOB, "create").verdict == "OK"


def test_a_user_cannot_push_out_the_journal_and_can_always_revoke(daemon):
    d = UserDaemon(daemon)
    token, other = d.done(ANN, "create"), d.done(ANN, "create")
    with d.client(ANN) as client:
        replies = client.pipeline([f"update {token['id']} description={i}" for i in range(200)])
        verdicts = [reply.verdict for reply in replies]
        assert 50 <= verdicts.count("OK") <= 65 and set(verdicts) == {"OK", "ERR busy"}, verdicts
        refused = replies[-1]
        assert 1 <= int(refused["retry_after"]) <= 6
        for line in "create", f"rotate {token['id']}":
            assert client.request(line).verdict == "ERR busy", line
        assert client.request(f"revoke {other['id']}").verdict == "OK"
        assert client.request(f"update {UNKNOWN}").verdict == "NO unknown"
    assert d.ask(BOB, "create").verdict == "OK", "each has his own"
    assert d.daemon.ask(f"update {token['id']} description=x").verdict == "OK", "no administrator has any"


def test_a_thousand_users_at_once_have_their_own_tokens_alone(daemon):
    count = scaled(1000, 50)
    names = {f"user{i}": 63000 + i for i in range(count)}
    d = UserDaemon(daemon, users=names)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with contextlib.ExitStack() as stack:
        clients = {name: stack.enter_context(d.client(uid)) for name, uid in names.items()}
        admin = stack.enter_context(d.daemon.client())
        for client in clients.values():
            client.send("create scopes=imap", "list", "show 00112233445566778899", "quit")
        took = []
        for _ in range(50):
            began = time.monotonic()
            assert admin.request("create subject=root").verdict == "OK"
            assert admin.request("list limit=1").verdict == "OK"
            took.append(time.monotonic() - began)
        for name, client in clients.items():
            made, listed, shown, left = (client.reply(within=50 * PATIENCE) for _ in range(4))
            assert (made.verdict, made["subject"]) == ("OK", name)
            assert [line["id"] for line in listed.lines] == [made["id"]], name
            assert (shown.verdict, left.verdict) == ("NO unknown", "OK")
    print(f"{count} users; an administrator waited {sorted(took)[25]:.3f} s, at most {max(took):.3f} s")
    assert sorted(took)[25] < BOUND
    assert d.daemon.ask("list limit=1 subject=user0").verdict == "OK"


@pytest.mark.parametrize("line", ["list", "create scopes=imap", "update 1"])
def test_a_flood_of_one_user_holds_up_nobody_else(daemon, line):
    d = UserDaemon(daemon, "self.max_tokens_per_subject=0", users=USERS | {"mallory": HOSTILE})
    d.create_many([f"create subject=mallory description={'x' * 200}"] * 200)
    d.done(ANN, "create")
    requests = f"{line}\n".encode() * 200
    took = {"an administrator": [], "a user": []}
    with hostile(Flood(d.path, requests, 200)), d.daemon.client() as admin, d.client(ANN) as ann:
        eventually(lambda: int(admin.request("stats").lines and d.daemon.stats()["connections"]) > 100, "it floods")
        for _ in range(11):
            for who, client, asked in (("an administrator", admin, ("create", "list limit=3")),
                                       ("a user", ann, ("list", "update 1"))):
                began = time.monotonic()
                for one in asked:
                    client.request(one)
                took[who].append(time.monotonic() - began)
    for who, times in took.items():
        print(f"{who} waited {sorted(times)[5]:.3f} s, at most {max(times):.3f} s")
        assert sorted(times)[5] < BOUND, who


def test_too_many_lists_of_one_user_are_refused_and_others_are_not(daemon):
    d = UserDaemon(daemon, "daemon.workers=1")
    d.create_many([f"create subject=bob description={'x' * 1000}"] * 400)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(d.client(BOB)) for _ in range(12)]
        for client in clients:
            client.send(*["list"] * 3)
        refused = [client for client in clients if client.line().startswith(b"ERR busy")]
        assert len(refused) == 4, "of those that do not take in theirs, eight"
        assert d.ask(ANN, "list").verdict == "OK"
    eventually(lambda: d.ask(BOB, "list").verdict == "OK", "afterwards there are places again")
    assert d.ask(EVE, "list").verdict == "OK"
