# SPDX-License-Identifier: Apache-2.0
"""What was denied here stays denied, whoever else would pass it, and however it is written."""
import hashlib
import secrets
import time

from client import Fields
from settings import BUILD, PATIENCE
from timestamp import unix_time
from value import digest_of, id_of, value_new
from waiting import eventually, keeping_pace

NAMES = f"{BUILD}/tests/verifiers/odd.so does=name subject=mallory issuer=https://idp.example"
# In each of these somebody else passes whatever the table does not refuse.
ORDERS = {"below": f"sufficient = local\nsufficient = {NAMES}\n",
          "above": f"sufficient = {NAMES}\nsufficient = local\n",
          "alone": f"requisite = {NAMES}\n",
          "optional": f"optional = {NAMES}\noptional = local\n"}
CONFIG = "".join(f"[service {name}]\n{lines}" for name, lines in ORDERS.items())
DAY = 86400


def jws(signed=None):
    """A text that looks like a compact JWS; with the same signed part it is the same credential."""
    signed = signed or f"{secrets.token_hex(24)}.{secrets.token_urlsafe(150)}"
    return f"{signed}.{secrets.token_urlsafe(64)}"


def another(value):
    """The same JWS with another signature that verifies."""
    return jws(value.rpartition(".")[0])


def signed_digest(value):
    return hashlib.blake2b(value.rpartition(".")[0].encode(), digest_size=32,
                           person=b"jeton signed v1".ljust(16, b"\0")).digest()


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def verdicts(daemon, value):
    return {daemon.verify(value, service=name) for name in ORDERS}


def purged(daemon):
    eventually(lambda: daemon.list() == [], "the record is purged")


def test_denial_outlives_the_retention_of_its_record(daemon):
    d = daemon("daemon.retention=1s", "daemon.trust_clock=yes", config=CONFIG)
    values = [jws(), secrets.token_urlsafe(40)]
    for value in values:
        d.done(f"import token={value} expires={stamp(3600)}")
        assert verdicts(d, value) == {"OK"}
        d.done(f"revoke token={value}", "verify")
        assert verdicts(d, value) == {"NO revoked"}
    purged(d)
    for again in range(2):
        for value in values:
            assert verdicts(d, value) == {"NO revoked"}
            assert d.ask(f"import token={value}").verdict == "ERR banned"
        assert verdicts(d, another(values[0])) == {"NO revoked"}
        assert d.stats()["bans"] == "3"
        d.restart()


def test_deleted_and_rotated_values_stay_denied(daemon):
    d = daemon("daemon.retention=1s", "daemon.trust_clock=yes", config=CONFIG)
    deleted, rotated, graced, held = secrets.token_urlsafe(40), jws(), jws(), jws()
    for value in deleted, rotated, graced, held:
        d.done(f"import token={value}")
    d.done(f"delete {id_of(deleted)}")
    d.done(f"rotate {id_of(rotated)}")
    new = d.done(f"rotate {id_of(graced)} grace=1s")
    d.done(f"rotate {id_of(held)} grace=1h")
    assert d.ask(f"update {id_of(held)} expires=never").verdict == "ERR bad-value"
    assert verdicts(d, deleted) == verdicts(d, rotated) == {"NO revoked"}
    eventually(lambda: verdicts(d, graced) == {"NO revoked"}, "the grace and the retention end")
    for value in deleted, rotated, graced, another(rotated), another(graced):
        assert verdicts(d, value) == {"NO revoked"}
    assert d.verify(new["token"]) == "OK"
    d.restart()
    for value in deleted, rotated, graced, another(rotated), another(graced):
        assert verdicts(d, value) == {"NO revoked"}


def test_token_that_reached_its_own_end_is_not_banned(daemon):
    d = daemon("daemon.retention=1s", "daemon.trust_clock=yes", config=CONFIG)
    d.done(f"import token={secrets.token_urlsafe(40)} expires={stamp(1)}")
    purged(d)
    assert d.stats()["bans"] == "0"


def test_every_denial_of_a_jws_holds_for_its_signed_part(daemon):
    d = daemon(config=CONFIG)
    for deny in ("import token={} state=revoked", "ban token={}"):
        value = jws()
        d.done(deny.format(value))
        assert verdicts(d, value) == verdicts(d, another(value)) == {"NO revoked"}
    for deny, verdict in (("revoke token={0}", "NO revoked"), ("revoke {1}", "NO revoked"),
                          ("disable {1}", "NO disabled"), ("delete {1}", "NO revoked")):
        value = jws()
        d.done(f"import token={value}")
        assert verdicts(d, another(value)) == {"OK"}
        d.done(deny.format(value, id_of(value)))
        assert verdicts(d, value) == verdicts(d, another(value)) == {verdict}
        d.restart()
        assert verdicts(d, value) == verdicts(d, another(value)) == {verdict}
        if verdict == "NO disabled":
            d.done(f"enable {id_of(value)}")
            assert verdicts(d, value) == verdicts(d, another(value)) == {"OK"}


def test_jws_is_one_token_however_it_is_signed(daemon):
    d = daemon(config=CONFIG)
    first = jws()
    second = another(first)
    d.done(f"import token={first}")
    assert d.ask(f"import token={second}").verdict == "ERR exists"
    assert d.done(f"import token={second} state=disabled")["id"] == id_of(first)
    assert verdicts(d, first) == verdicts(d, second) == {"NO disabled"}
    assert d.done(f"import token={second} state=revoked")["id"] == id_of(first)
    assert verdicts(d, first) == verdicts(d, second) == {"NO revoked"}
    assert [line["id"] for line in d.list()] == [id_of(first)]


def test_revoking_another_signature_of_a_jws_denies_the_one_that_is_here(daemon):
    d = daemon(config=CONFIG)
    first = jws()
    second = another(first)
    d.done(f"import token={first}")
    refused = d.ask(f'revoke token="{second}"', "verify")
    assert refused.verdict == "NO unknown" and "ban it" in refused["message"]
    assert verdicts(d, first) == {"OK"}, "who shows no valid signature denies nobody's token"
    revoked = d.done(f'revoke token="{second}"')
    assert (revoked["id"], revoked["state"]) == (id_of(first), "revoked")
    for again in range(2):
        assert verdicts(d, first) == verdicts(d, second) == {"NO revoked"}
        d.restart()
    both = jws()
    replies = d.client().pipeline([f"import token={both}", f'revoke token="{another(both)}"'])
    assert [reply.verdict for reply in replies] == ["OK", "OK"] and d.verify(both) == "NO revoked"
    assert d.ask(f'revoke token="{jws()}"').verdict == "NO unknown"


def test_credential_is_denied_by_what_its_issuer_calls_it(daemon):
    d = daemon(config=CONFIG + f"[service both]\nrequisite = local\nrequired = {NAMES}\n")
    name = secrets.token_hex(24)
    first, second, other = (jws(f"{n}.{secrets.token_urlsafe(150)}") for n in
                            (name, name, secrets.token_hex(24)))
    reply = d.done(f"ban issuer=https://idp.example id={name}")
    assert (reply["state"], len(reply["id"])) == ("banned", 20)
    d.done(f"ban issuer=https://elsewhere.example id={other.partition('.')[0]}")
    assert verdicts(d, first) == verdicts(d, second) == {"NO revoked"}
    assert verdicts(d, other) == {"OK"}
    d.done(f"import token={first} subject=mallory")
    assert d.verify(first, service="both") == "NO revoked"
    assert d.verify(first) == "OK", "the table alone knows a token by its text"
    for only_one_name in "x" * 500, "blake2b:x":
        bans = int(d.stats()["bans"])
        d.done(f"ban issuer=https://idp.example id={only_one_name}")
        assert int(d.stats()["bans"]) == bans + 1, "it is counted once"
    bans = d.stats()["bans"]
    d.restart()
    assert d.stats()["bans"] == bans
    assert d.verify(first, service="both") == "NO revoked"
    assert verdicts(d, second) == {"NO revoked"}
    for wrong, verdict in ((f"ban id={name}", "ERR missing"), ("ban issuer=x", "ERR missing"),
                           (f"ban token={first} id={name}", "ERR syntax"), ("ban", "ERR missing"),
                           ("ban token=\"\"", "ERR too-short"),
                           ('ban issuer="a\\x00b" id=c', "ERR bad-value")):
        assert d.ask(wrong).verdict == verdict, wrong
    assert d.ask(f"ban token={first}", "verify").verdict == "ERR forbidden"


def test_table_refuses_whatever_others_pass_first(daemon):
    d = daemon(config=CONFIG)
    for claims, verdict in ((f"expires={stamp(-60)}", "NO expired"), ("delay=1h", "NO pending"),
                            ("state=disabled", "NO disabled"), ("state=revoked", "NO revoked")):
        for value in jws(), secrets.token_urlsafe(40):
            d.done(f"import token={value} {claims}")
            assert verdicts(d, value) == {verdict}, claims
    value = secrets.token_urlsafe(40)
    d.done(f"import token={value} scopes=a subject=ann")
    assert d.verify(value, service="above") == "OK", "it is no denial that it is for somebody else"
    assert d.verify(value, service="above", subject="mallory") == "OK"


def test_long_values_are_deniable(daemon):
    d = daemon(config=CONFIG)
    longest = 8192 - len('verify service="optional" token=""\n')
    for length in 513, 700, 4000, longest:
        value = "~" * (length - 32) + secrets.token_hex(16)
        assert verdicts(d, value) == {"OK"}
        d.done(f"ban digest={digest_of(value).hex()}")
        assert verdicts(d, value) == {"NO revoked"}, length
        value = "~" * (length - 32) + secrets.token_hex(16)
        d.done(f"import digest={digest_of(value).hex()} state=revoked")
        assert verdicts(d, value) == {"NO revoked"}, length
        assert d.verify(value) == "NO revoked"
    value = "x" * 8000
    d.done(f"import token={value}")
    assert (d.verify(value), d.ask(f"id {value}")["id"]) == ("OK", id_of(value))
    d.done(f"revoke token={value}", "verify")
    assert d.verify(value) == "NO revoked"


def test_ban_of_a_token_revokes_it_and_outlives_it(daemon):
    d = daemon("daemon.retention=1s", "daemon.trust_clock=yes", config=CONFIG)
    value = jws()
    d.done(f"import token={value} expires={stamp(60)}")
    reply = d.done(f"ban token={value}")
    assert (reply["state"], reply["id"]) == ("revoked", id_of(value))
    assert [line["event"] for line in d.done("journal").lines if line["event"] != "purge"] == ["import", "revoke"]
    purged(d)
    assert verdicts(d, value) == {"NO revoked"}
    assert all("expires" not in line for line in d.done("export").lines), "it is for ever"


def test_ban_is_journaled_kept_and_purged_after_its_end(daemon):
    d = daemon("daemon.trust_clock=yes", config=CONFIG)
    value = value_new("other")
    reply = d.done(f"ban token={value} ttl=1h")
    assert (reply["state"], reply["id"]) == ("banned", id_of(value))
    assert unix_time(reply["expires"]) - time.time() > 3500
    entry = d.done("journal").lines[-1]
    assert (entry["event"], entry["id"], entry["expires"]) == ("ban", id_of(value), reply["expires"])
    d.done(f"ban token={value} ttl=1m")
    assert d.done("export").lines[0]["expires"] == reply["expires"], "a ban is never shortened"
    d.done(f"ban token={value} expires=never")
    assert "expires" not in d.done("export").lines[0]

    def banned_for_a_moment(step):
        ended = value_new("other")
        step()
        d.done(f"ban token={ended} expires={stamp(-DAY + 2)}")
        assert verdicts(d, ended) == {"NO revoked"}
        return ended
    ended = keeping_pace(banned_for_a_moment, 1)
    time_of_end = time.time() + 2
    eventually(lambda: time.time() > time_of_end, "it has ended a day ago")
    d.restart()
    eventually(lambda: d.stats()["bans"] == "1", "it is purged")
    assert (verdicts(d, ended), verdicts(d, value)) == ({"OK"}, {"NO revoked"})
    assert d.done("journal").lines[-1]["event"] == "purge"
    d.done(f"ban token={ended} expires={stamp(-DAY - 9)}")
    assert d.stats()["bans"] == "1", "what ended long ago needs no ban"


def test_bans_are_exported_and_imported(daemon):
    old, new = daemon(config=CONFIG), daemon(config=CONFIG)
    gone, banned, active = jws(), jws(), jws()
    for value in gone, active:
        old.done(f"import token={value}")
        new.done(f"import token={value}")
    old.done(f"delete {id_of(gone)}")
    old.done(f"ban token={banned} expires={stamp(3600)}")
    export = old.done("export")
    assert int(export["count"]) == len(export.lines) == 5
    with new.client() as client:
        answers = [client.request(line.decode()) for line in export.data]
    assert sorted(reply.verdict for reply in answers) == ["ERR exists"] + ["OK"] * 4
    for value in gone, banned, another(gone), another(banned):
        assert verdicts(new, value) == {"NO revoked"}
    assert verdicts(new, active) == {"OK"}
    assert ({Fields(line[2:]).get("digest") for line in export.data[1:]} <=
            {Fields(line[2:]).get("digest") for line in new.done("export").data})


def test_denial_wins_when_two_hosts_are_merged(daemon):
    one, two = daemon("daemon.retention=30d", config=CONFIG), daemon(config=CONFIG)
    values = {verb: jws() for verb in ("revoke", "disable", "rotate", "shorten", "none")}
    for value in values.values():
        for d in one, two:
            d.done(f"import token={value} expires={stamp(3600)}")
    one.done(f"revoke {id_of(values['revoke'])}")
    one.done(f"disable {id_of(values['disable'])}")
    one.done(f"rotate {id_of(values['rotate'])} grace=1s")
    one.done(f"update {id_of(values['shorten'])} expires={stamp(2)}")
    for source, target in (one, two), (two, one):
        for line in source.done("export").data:
            assert target.ask(line.decode()).verdict in ("OK", "ERR exists"), line
    for d in one, two:
        eventually(lambda: verdicts(d, values["shorten"]) == {"NO expired"}, "it was shortened")
        assert verdicts(d, values["rotate"]) == {"NO expired"}
        assert verdicts(d, values["revoke"]) == {"NO revoked"}
        assert verdicts(d, values["disable"]) == {"NO disabled"}
        assert verdicts(d, values["none"]) == {"OK"}
        assert d.ask(f"update {id_of(values['rotate'])} expires=never").verdict != "OK"


def test_bans_are_in_the_table_only_where_others_could_pass(daemon):
    d = daemon("daemon.sandbox=no", config="")
    values = [value_new("other") for _ in range(1000)]
    with d.client() as client:
        client.pipeline([f"ban token={value}" for value in values])
    before = d.stats()
    assert (before["bans"], before["tokens"], d.verify(values[0])) == ("1000", "0", "NO unknown")
    assert int(before["table_slots"]) < 1000
    d.configure(CONFIG)
    d.reload()
    eventually(lambda: "configuration reloaded" in d.log(), "it is reloaded")
    asked = [f"verify service=above {value}" for value in values]
    assert {r.verdict for r in d.client("verify").pipeline(asked)} == {"NO revoked"}
    assert (d.stats()["tokens"], d.list()) == ("0", [])
    assert int(d.stats()["table_slots"]) >= 2000
    d.configure("")
    d.reload()
    eventually(lambda: d.log().count("configuration reloaded") == 2, "it is reloaded")
    eventually(lambda: d.verify(values[0]) == "NO unknown", "the table drops them")
    d.configure(CONFIG)
    d.reload()
    eventually(lambda: d.log().count("configuration reloaded") == 3, "it is reloaded")
    assert {r.verdict for r in d.client("verify").pipeline(asked)} == {"NO revoked"}


def test_no_verification_passes_while_a_reload_adds_the_first_verifier(daemon):
    """From the first answer by the new configuration on, every ban is in force."""
    d = daemon("daemon.sandbox=no", config="")
    values = [value_new("other") for _ in range(200)]
    with d.client() as client:
        client.pipeline([f"ban token={value}" for value in values])
    d.configure(CONFIG)
    with d.client("verify") as client:
        d.reload()
        end = time.monotonic() + 60 * PATIENCE
        while "configuration reloaded" not in d.log():
            assert time.monotonic() < end
            asked = [f"verify service=above {value}" for value in values]
            assert {r.verdict for r in client.pipeline(asked)} <= {"NO unknown", "NO revoked"}


def test_ban_of_another_signature_revokes_the_token_without_any_verifier_too(daemon):
    d = daemon()
    for given in "token", "digest":
        value = jws()
        other = another(value)
        d.done(f"import token={value}")
        assert d.verify(value) == "OK"
        name = f"token={other}" if given == "token" else f"digest={signed_digest(value).hex()}"
        banned = d.done(f"ban {name}")
        assert banned["id"] == id_of(value) and banned["state"] == "revoked"
        assert d.verify(value) == "NO revoked"
        d.restart()
        assert d.verify(value) == "NO revoked"


def test_ban_that_ends_does_not_end_what_it_revoked(daemon):
    d = daemon("daemon.trust_clock=yes", config=CONFIG)
    value = jws()
    d.done(f"import token={value}")
    d.done(f"ban token={value} ttl=1h")
    bans = [line for line in d.done("export").data if line.startswith(b"* ban ")]
    assert len(bans) == 1 and b"expires=" not in bans[0]
    assert d.stats()["bans"] == "1"


def test_imports_of_one_signed_part_are_one_token_though_they_come_together(daemon):
    d = daemon()
    value = jws()
    texts = [value, another(value), another(value)]
    replies = d.client().pipeline([f"import token={text}" for text in texts])
    assert [reply.verdict for reply in replies] == ["OK", "ERR exists", "ERR exists"]
    both = jws()
    replies = d.client().pipeline([f"import token={both}", f"ban token={another(both)}"])
    assert [reply.verdict for reply in replies] == ["OK", "OK"] and d.verify(both) == "NO revoked"
    third = jws()
    replies = d.client().pipeline([f"import token={third}", f"import token={another(third)} state=revoked"])
    assert [reply.verdict for reply in replies] == ["OK", "OK"] and d.verify(third) == "NO revoked"


def test_token_known_by_its_digest_alone_is_denied_with_its_signed_part(daemon):
    d = daemon(config=CONFIG)
    for before in "", " state=revoked":
        for again in (" state=revoked", " state=disabled")[:1 if before else 2]:
            value = jws()
            d.done(f"import digest={digest_of(value).hex()}{before}")
            d.done(f"import token={value}{again}")
            assert "OK" not in verdicts(d, value) | verdicts(d, another(value))
            d.restart()
            assert "OK" not in verdicts(d, value) | verdicts(d, another(value))


def test_short_values_of_others_are_deniable(daemon):
    d = daemon(config=CONFIG)
    for value in "session-17", "ab" * 10, "x" * 31:
        alone = {d.verify(value, service=name) for name in ("alone", "above")}
        assert alone == {"OK"}
        d.done(f"ban token={value}" if value[0] != "x" else f"ban digest={digest_of(value).hex()}")
        for again in range(2):
            assert "OK" not in verdicts(d, value)
            d.restart()
    assert d.ask("import token=session-18").verdict == "ERR too-short"
