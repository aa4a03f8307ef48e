# SPDX-License-Identifier: Apache-2.0
"""Changes of every token that filters select: confirmed by their number, all or none, and none between."""
import random
import secrets
import threading

import pytest

from client import Client
from killed_table import while_it_is_believed
from library import Handle, library
from refused_writes import saved, writes_refused
from settings import PATIENCE, scaled
from waiting import eventually


def some(d, count, **claims):
    return [d.create(**claims) for _ in range(count)]


def of_every_state(d, subject):
    """Return a token of each state, by the state's name."""
    made = {"active": d.create(subject=subject), "pending": d.create(subject=subject, delay="1h"),
            "disabled": d.create(subject=subject), "revoked": d.create(subject=subject)}
    for verb, state in ("disable", "disabled"), ("revoke", "revoked"):
        d.done(f"{verb} {made[state]['id']}")
    made["expired"] = d.done(f"import digest={'e' * 64} subject={subject} created=2020-01-01T00:00:00Z "
                             "expires=2021-01-01T00:00:00Z")
    return made


def states(d, **filters):
    return {line["id"]: line["state"] for line in d.list(**filters)}


def test_nothing_is_changed_without_the_right_count(daemon):
    d = daemon()
    leaver = some(d, 3, subject="leaver")
    some(d, 2, subject="other")
    before = d.done("list").data, d.done("journal").data
    for count in "", " count=2", " count=4", " count=0", " count=18446744073709551615":
        for verb in "revoke", "disable", "enable", "delete", "update description=x":
            reply = d.ask(f"{verb} subject=leaver{count}")
            assert (reply.verdict, reply["matched"]) == ("ERR count", "3"), (verb, count)
    assert d.ask("revoke subject=nobody").final["matched"] == "0"
    assert (d.done("list").data, d.done("journal").data) == before
    assert {d.verify(token["token"]) for token in leaver} == {"OK"}


def test_all_that_match_are_revoked_in_one_commit_and_refused_everywhere(daemon):
    d = daemon()
    leaver, other = some(d, scaled(200, 20), subject="leaver"), some(d, 5, subject="leaves")
    assert {d.verify(token["token"]) for token in leaver} == {"OK"}
    commits, newest = int(d.stats()["commits"]), int(d.stats()["journal_newest"])
    with d.client() as watcher:
        watcher.send(f"watch after={newest}")
        reply = d.done(f"revoke subject=leaver count={len(leaver)}")
        assert reply.final.raw == f"OK count={len(leaver)} changed={len(leaver)}"
        assert int(d.stats()["commits"]) == commits + 1
        assert {d.verify(token["token"]) for token in leaver} == {"NO revoked"}
        assert {d.verify(token["token"]) for token in other} == {"OK"}
        events = [watcher.line().decode() for _ in leaver]
    wanted = {token["id"] for token in leaver}
    entries = d.done(f"journal after={newest}").lines
    assert {entry["id"] for entry in entries} == wanted and {entry["event"] for entry in entries} == {"revoke"}
    assert len(entries) == len(events) == len(leaver)
    assert all(f"event=revoke id={entry['id']}" in event for entry, event in zip(entries, events))
    assert d.done(f"revoke subject=leaver count={len(leaver)}").final.raw == f"OK count={len(leaver)} changed=0"
    d.restart()
    assert {d.verify(token["token"]) for token in leaver} == {"NO revoked"}


def test_every_state_is_included_unless_one_is_asked_for(daemon):
    d = daemon()
    made = of_every_state(d, "leaver")
    for state in made:
        assert d.ask(f"revoke subject=leaver state={state}").final["matched"] == "1", state
    d.done("revoke subject=leaver state=pending count=1")
    assert states(d, subject="leaver")[made["pending"]["id"]] == "revoked"
    assert d.done("revoke subject=leaver count=5")["changed"] == "3"
    assert set(states(d, subject="leaver").values()) == {"revoked"}
    assert d.verify(made["disabled"]["token"]) == "NO revoked"
    assert d.done("delete subject=leaver count=5")["changed"] == "5"
    assert d.list() == [] and d.verify(made["active"]["token"]) == "NO unknown"
    assert d.ask(f"import token={made['active']['token']}").verdict == "ERR banned"


def test_what_can_never_be_changed_does_not_match_unless_it_is_asked_for(daemon):
    d = daemon()
    made = of_every_state(d, "s")
    assert d.done("disable subject=s count=4")["changed"] == "3"
    assert d.done("enable subject=s count=4")["count"] == "4"
    assert d.verify(made["disabled"]["token"]) == "OK"
    assert d.done("update subject=s description=x count=4")["changed"] == "4"
    assert d.done("update subject=s expires=2099-01-01T00:00:00Z count=3")["changed"] == "3"
    for request in "disable subject=s state=revoked count=1", "enable state=revoked count=1", "update state=revoked scopes=a count=1":
        reply = d.ask(request)
        assert (reply.verdict, reply["id"]) == ("NO revoked", made["revoked"]["id"]), request
    reply = d.ask("update state=expired expires=never count=1")
    assert (reply.verdict, reply["id"]) == ("NO expired", made["expired"]["id"])


def test_only_what_was_not_so_already_is_counted_as_changed(daemon):
    d = daemon()
    some, others = [[d.create(subject="s", scopes=scopes)["id"] for _ in range(3)] for scopes in ("a", "b")]
    d.done(f"disable {some[0]}")
    for request, changed in (("enable subject=s", 1), ("enable subject=s", 0), ("update subject=s scopes=a", 3),
                             ("update subject=s scopes=a", 0), ("disable subject=s", 6), ("disable subject=s", 0),
                             ("revoke subject=s", 6), ("revoke subject=s", 0)):
        newest = int(d.stats()["journal_newest"])
        reply = d.done(f"{request} count=6")
        assert (reply["count"], reply["changed"]) == ("6", str(changed)), request
        assert int(d.stats()["journal_newest"]) == newest + changed, request
    assert {line["state"] for line in d.list()} == {"revoked"} and len(others) == 3


def test_if_one_cannot_be_changed_none_is(daemon):
    d = daemon()
    some(d, 3, subject="s")
    late = d.create(subject="s", activates="2030-01-01T00:00:00Z")
    before = d.done("list").data, d.done("journal").data
    reply = d.ask("update subject=s expires=2029-01-01T00:00:00Z description=changed count=4")
    assert (reply.verdict, reply["id"]) == ("ERR bad-value", late["id"]), reply
    assert (d.done("list").data, d.done("journal").data) == before
    assert d.done("update subject=s expires=2031-01-01T00:00:00Z scopes=a,b count=4")["changed"] == "4"
    assert {(line["expires"], line["scopes"]) for line in d.list()} == {("2031-01-01T00:00:00Z", "a,b")}


def test_there_is_no_request_for_everything(daemon):
    d = daemon()
    token = d.create(subject="s", ttl="1d")
    for verb in "revoke", "disable", "enable", "delete", "update scopes=a":
        for arguments, verdict in (("", "ERR missing"), (" count=1", "ERR missing"), (' match=""', "ERR missing"),
                                   (' match="" count=1', "ERR missing"), (" subject=s limit=1", "ERR unknown-key"),
                                   (" subject=s sort=created", "ERR unknown-key"), (" subject=s count=x", "ERR bad-value"),
                                   (f" {token['id']} count=1", "ERR syntax"), (f" {token['id']} state=active", "ERR syntax")):
            assert d.ask(verb + arguments).verdict == verdict, verb + arguments
    assert d.ask(f"revoke token={token['token']} subject=s").verdict == "ERR syntax"
    assert d.ask("update subject=s count=1").verdict == "ERR missing"
    assert d.ask(f"update {token['id']} subject=t").verdict == "OK", "of one token it is a claim"
    assert d.verify(token["token"]) == "OK"


def test_only_an_administrator_changes_many(daemon):
    d = daemon(roles=("admin", "observe", "verify"))
    d.create(subject="s")
    for role in "verify", "observe":
        for request in "revoke subject=s", "revoke subject=s count=1", "disable subject=s count=1":
            assert d.ask(request, role).verdict == "ERR forbidden", (role, request)
    assert set(states(d).values()) == {"active"}


def test_replies_come_in_the_order_of_the_requests(daemon):
    d = daemon()
    ids = [token["id"] for token in some(d, 20, subject="s")]
    replies = d.client().pipeline([
        "create subject=s", f"disable {ids[0]}", "disable subject=s count=21", "create subject=s", f"enable {ids[1]}",
        "disable subject=s", "revoke subject=s count=22", "list subject=s state=revoked", f"enable {ids[1]}", "create subject=s"])
    assert [reply.verdict for reply in replies] == ["OK"] * 5 + ["ERR count"] + ["OK"] * 2 + ["NO revoked", "OK"]
    assert (replies[2]["changed"], replies[5]["matched"], replies[7]["count"]) == ("20", "22", "22")
    for _ in range(20):         # nothing comes behind it that would make the session look again
        one, many = d.client().pipeline(["create subject=t", "delete subject=t count=1"])
        assert (one.verdict, many.verdict) == ("OK", "OK")
    with d.client() as client:
        client.send("create subject=t", "delete subject=t count=1")
        client.finish()
        assert [reply.verdict for reply in client.replies()] == ["OK", "OK"], "also at the end of input"


@pytest.mark.timeout(120)
def test_one_request_changes_at_most_ten_thousand(daemon):
    d = daemon()
    replies = d.client(patience=60).pipeline(f"import digest={secrets.token_hex(32)} subject=s" for _ in range(10001))
    assert {reply.verdict for reply in replies} == {"OK"}
    reply = d.ask("revoke subject=s count=10001")
    assert (reply.verdict, reply["matched"], reply["max"]) == ("ERR count", "10001", "10000")
    d.done(f"delete {replies[7]['id']}")
    commits = int(d.stats()["commits"])
    assert d.done("revoke subject=s count=10000")["changed"] == "10000"
    assert int(d.stats()["commits"]) == commits + 1
    d.restart()
    assert d.done("list subject=s state=revoked limit=20000 fields=id")["count"] == "10000"


# -- what goes on meanwhile ----------------------------------------------------------------------

class Churn:
    """Clients that exchange the subjects of two tokens, which are anywhere in the order, while others of these subjects
    are changed: so the number stays the same, and the set does not.  Now and then one is created or deleted."""

    def __init__(self, d, seed):
        self.stop, self.wrong = threading.Event(), []
        self.threads = [threading.Thread(target=self.run, args=(d.path(), seed + number), daemon=True) for number in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self, path, seed):
        chosen, pair = random.Random(seed), []
        with Client(path) as client:
            while not self.stop.wait(chosen.random() / 50):
                if not pair or chosen.random() < 0.02:
                    lines = [f"import digest={secrets.token_hex(32)} subject={subject} created=20{chosen.randrange(10, 26)}-01-01T00:00:00Z"
                             for subject in ("leaver", "other")]
                    pair = [reply["id"] for reply in client.pipeline(lines)]
                elif chosen.random() < 0.02:
                    client.request(f"delete {pair.pop()}")
                    pair = []
                else:
                    pair.reverse()
                    lines = [f"update {ident} subject={subject}" for ident, subject in zip(pair, ("leaver", "other"))]
                    verdicts = {reply.verdict for reply in client.pipeline(lines)}
                    self.wrong += verdicts - {"OK", "NO revoked"}
                    pair = pair if verdicts == {"OK"} else []

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60 * PATIENCE)
            assert not thread.is_alive(), "a client is stuck"
        assert self.wrong == []


class Replay:
    """What the journal says of each token: its subject, and whether it is revoked."""

    def __init__(self, entries):
        self.entries, self.at, self.tokens = entries, 0, {}

    def before(self, serial):
        while self.entries[self.at]["serial"] < serial:
            entry = self.entries[self.at]
            self.at += 1
            if entry["event"] in ("import", "create", "update"):
                revoked = self.tokens.get(entry["id"], (None, False))[1]
                self.tokens[entry["id"]] = entry.get("subject"), revoked
            elif entry["event"] == "revoke":
                self.tokens[entry["id"]] = self.tokens[entry["id"]][0], True
            else:
                assert entry["event"] == "delete"
                del self.tokens[entry["id"]]
        return self.tokens


def revoked_together(entries):
    """Return the runs of revocations; nothing else revokes here, and each run is one request's."""
    runs, last = [], None
    for entry in entries:
        if entry["event"] == "revoke":
            if last is None or entry["serial"] != last + 1:
                runs.append([])
            runs[-1].append(entry)
            last = entry["serial"]
    return runs


@pytest.mark.timeout(120)
@pytest.mark.parametrize("selected", ["subject=leaver", "match=leaver"])     # by the table; by the records, in many steps
def test_what_was_counted_is_what_is_changed_while_others_create_update_and_delete(daemon, selected):
    """The journal has the order of all changes: at a revocation of many, what matched must be all tokens of the subject."""
    d = daemon()
    replies = d.client().pipeline(f"import digest={secrets.token_hex(32)} created=20{10 + number % 16}-01-01T00:00:00Z"
                                  for number in range(scaled(6000, 2000)))
    assert {reply.verdict for reply in replies} == {"OK"}
    churn, done = Churn(d, 11), []
    while len(done) < scaled(20, 5):
        matched = d.ask(f"revoke {selected}")["matched"]
        reply = d.ask(f"revoke {selected} count={matched}")
        assert reply.verdict in ("OK", "ERR count"), reply
        if reply.verdict == "OK" and reply["changed"] != "0":
            done.append((int(reply["count"]), int(reply["changed"])))
            d.create(subject="stranger")        # something stands between two runs
    churn.finish()
    entries = d.done("journal limit=100000").lines
    for entry in entries:
        entry["serial"] = int(entry["serial"])
    replay, runs = Replay(entries), revoked_together(entries)
    assert len(runs) == len(done)
    for (count, changed), run in zip(done, runs):
        tokens = replay.before(run[0]["serial"])
        of_leaver = {ident: revoked for ident, (subject, revoked) in tokens.items() if subject == "leaver"}
        assert {entry["id"] for entry in run} == {ident for ident, revoked in of_leaver.items() if not revoked}
        assert (count, changed) == (len(of_leaver), len(run))


def test_denial_of_many_is_in_force_although_the_disk_refuses_and_saved_later(daemon):
    d = daemon()
    leaver, stopped, kept = some(d, 30, subject="leaver"), some(d, 30, subject="stopped"), some(d, 3, subject="kept")
    with writes_refused(d):
        for verb, tokens, verdict in ("revoke", leaver, "NO revoked"), ("disable", stopped, "NO disabled"):
            reply = d.ask(f"{verb} subject={tokens[0]['subject']} count=30")
            assert reply.verdict == "ERR store" and "in force" in reply["message"], reply
            assert {d.verify(token["token"]) for token in tokens} == {verdict}
        for request in "update subject=kept scopes=a count=3", "delete subject=kept count=3", "enable subject=kept count=3":
            reply = d.ask(request)
            assert reply.verdict == "ERR store" and "not done" in reply["message"], reply
        assert int(d.stats()["denials_unsaved"]) == 60
    saved(d)
    assert [line for line in d.list(subject="kept") if "scopes" in line] == [], "what was refused is not done later"
    assert {d.verify(token["token"]) for token in kept} == {"OK"}
    d.kill()
    d.start()
    assert {d.verify(token["token"]) for token in leaver} == {"NO revoked"}
    assert {d.verify(token["token"]) for token in stopped} == {"NO disabled"}
    assert d.done("enable subject=stopped count=30")["changed"] == "30"
    assert {d.ask(f"verify {token['token']}", "verify").verdict for token in stopped} == {"OK"}


def test_denial_of_many_after_a_kill_is_answered_when_nobody_believes_the_old_table():
    if library() is None:
        pytest.skip("needs libjeton in this process")
    while_it_is_believed(denial_of_many_waits_for_it)


def denial_of_many_waits_for_it(d):
    """Revoke many after a kill; return whether the table was seen to be believed meanwhile."""
    leaver, other = some(d, 5, subject="leaver"), d.create(subject="other")
    handle = Handle(d.path("verify"))
    eventually(lambda: handle.verify(leaver[0]["token"]) == ("OK", "table"), "the table answers")
    d.kill()
    d.start()
    client = d.client()
    client.send("revoke subject=leaver count=5")
    eventually(lambda: d.ask(f"verify {leaver[0]['token']}", "verify").verdict == "NO revoked", "it is in force")
    d.done(f"update {other['id']} description=x")
    believed = 0
    while client.silent(within=0.01):
        believed += handle.verify(leaver[-1]["token"]) == ("OK", "table")
    assert client.reply().final.raw == "OK count=5 changed=5"
    assert not [token for token in leaver if handle.verify(token["token"])[0] == "OK"]
    eventually(lambda: {handle.verify(token["token"])[0] for token in leaver} == {"NO revoked"}, "all are refused")
    handle.close()
    return believed > 0


def test_daemon_stops_while_the_answer_is_held_back(daemon):
    d = daemon()
    leaver = some(d, 3, subject="leaver")
    d.kill()
    d.start()
    gone, waiting = d.client(), d.client()
    for client in gone, waiting:
        client.send("revoke subject=leaver count=3")
    eventually(lambda: d.ask(f"verify {leaver[0]['token']}", "verify").verdict == "NO revoked", "it is in force")
    gone.close()
    assert d.ask("ping").verdict == "OK"
    d.restart()
    assert states(d) == {token["id"]: "revoked" for token in leaver}
