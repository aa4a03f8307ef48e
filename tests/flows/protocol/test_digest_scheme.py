# SPDX-License-Identifier: Apache-2.0
"""Tokens that are known by the SHA-256 of their value: judged by the table, denied and moved like others."""
import hashlib
import itertools
import subprocess
import time

import pytest

from daemon import Daemon, run_jetond
from received_table import Table
from timestamp import stamp, unix_time
from value import id_of
from waiting import eventually

number = itertools.count()


def foreign():
    return f"ghp_{next(number):036d}"


def sha256(value):
    return hashlib.sha256(value.encode()).hexdigest()


def imported(d, value, **claims):
    keys = "".join(f" {key}={word}" for key, word in claims.items())
    reply = d.done(f"import digest={sha256(value)} digest_alg=sha256{keys}")
    assert reply["id"] == sha256(value)[:20]
    return reply["id"]


def layout(d):
    """The layout of the table that is handed out: 2 if it may have tokens by SHA-256."""
    return Table(d).number("I", 8)


def test_token_imported_by_its_sha256_is_judged_by_socket_and_table(daemon):
    d = daemon()
    value = foreign()
    assert d.verify(value) == "NO unknown" and layout(d) == 1
    ident = imported(d, value, scopes="repo", subject="ci")
    assert layout(d) == 2
    assert d.verify(value, scope="repo", subject="ci") == "OK"
    d.answered_by("table")
    assert d.verify(value, scope="admin") == "NO scope"
    reply = d.ask(f'verify token="{value}"', "verify")
    assert (reply["id"], reply["sent"], reply["verifier"]) == (ident, id_of(value), "local")
    assert d.done(f'id token="{value}"')["id"] == ident
    assert d.list()[0]["digest_alg"] == "sha256"
    own = d.create()
    assert "sent" not in d.ask(f'verify token="{own["token"]}"', "verify")
    assert d.verify(own["token"]) == "OK" and d.verify(foreign()) == "NO unknown"


def test_digest_itself_and_a_value_of_the_wrong_digest_do_not_pass(daemon):
    d = daemon()
    value, mislabelled = foreign(), foreign()
    imported(d, value)
    d.done(f"import digest={sha256(mislabelled)}")      # by jeton's own digest, of which nobody knows the value
    assert d.verify(sha256(value)) == "NO unknown"
    assert d.verify(mislabelled) == "NO unknown"
    assert d.verify(value) == "OK"


def test_short_value_is_malformed_whatever_its_sha256_is(daemon):
    d = daemon()
    imported(d, "hunter2")
    assert d.verify("hunter2") == "NO malformed"


@pytest.mark.parametrize("role", ["verify", "admin"])
def test_revocation_by_value_denies_the_token_of_its_sha256_in_every_process(daemon, role):
    d = daemon()
    value = foreign()
    ident = imported(d, value)
    assert d.verify(value) == "OK"
    assert d.done(f'revoke token="{value}"', role)["id"] == ident
    assert d.verify(value) == "NO revoked"
    assert d.list(state="revoked")[0]["id"] == ident
    d.restart()
    assert d.verify(value) == "NO revoked"


def test_states_of_a_token_by_sha256_are_those_of_any_token(daemon):
    d = daemon()
    value = foreign()
    ident = imported(d, value)
    d.done(f"disable {ident}")
    assert d.verify(value) == "NO disabled"
    d.done(f"enable {ident}")
    assert d.verify(value) == "OK"
    ended = foreign()
    imported(d, ended, expires="2020-01-01T00:00:00Z")
    assert d.verify(ended) == "NO expired"


def test_rotation_gives_a_value_of_jetons_own(daemon):
    d = daemon()
    value = foreign()
    ident = imported(d, value, scopes="repo", subject="ci")
    new = d.done(f"rotate {ident}")
    assert new["token"].startswith("jtn_") and new["replaces"] == ident
    assert d.verify(new["token"], scope="repo", subject="ci") == "OK"
    assert d.verify(value) == "NO revoked"
    assert "digest_alg" not in d.done(f"show {new['id']}").lines[0]


@pytest.mark.parametrize("first", ["value", "digest"])
@pytest.mark.parametrize("denied", ["value", "digest"])
def test_denial_of_a_value_under_either_digest_denies_it_under_both(daemon, first, denied):
    d = daemon()
    value = foreign()
    # By its digests alone nobody can know that the two are one value.
    by_own = f"import digest={full_digest(value)}"
    by_sha256 = f"import digest={sha256(value)} digest_alg=sha256"
    for line in (by_own, by_sha256) if first == "value" else (by_sha256, by_own):
        d.done(line)
    assert d.verify(value) == "OK"
    d.done(f"revoke {id_of(value) if denied == 'value' else sha256(value)[:20]}")
    assert d.verify(value) == "NO revoked"
    d.restart()
    assert d.verify(value) == "NO revoked"


def full_digest(value):
    return hashlib.blake2b(value.encode(), digest_size=32, person=b"jeton token v1").hexdigest()


def test_value_whose_sha256_is_here_is_not_imported_again(daemon):
    d = daemon()
    value = foreign()
    ident = imported(d, value)
    assert d.ask(f'import token="{value}"').verdict == "ERR exists"
    reply = d.done(f'import token="{value}" state=revoked')
    assert (reply["id"], reply["state"], reply["merged"]) == (ident, "revoked", "deny")
    assert d.verify(value) == "NO revoked"


def test_value_whose_sha256_is_imported_in_the_same_batch_is_not_imported_again(daemon):
    d = daemon()
    values = [foreign() for _ in range(10)]
    with d.client() as client:
        replies = client.pipeline([line for value in values for line in (
            f"import digest={sha256(value)} digest_alg=sha256", f'import token="{value}"',
            f'import token="{value}" state=revoked')])
    assert [reply.verdict for reply in replies] == ["OK", "ERR exists", "OK"] * len(values)
    assert {line["state"] for line in d.list()} == {"revoked"} and len(d.list()) == len(values)


@pytest.mark.parametrize("denial", ['revoke token="{}"', 'import token="{}" state=revoked'])
@pytest.mark.parametrize("shorter", ["value", "digest"])
def test_denial_by_value_outlasts_both_tokens_of_that_value(daemon, shorter, denial):
    """One is imported by its value, and then, as nobody can know, the other one by a digest of it."""
    d = daemon("daemon.retention=1s", "daemon.trust_clock=yes")
    value = foreign()
    d.done(f'import token="{value}"{" ttl=1h" if shorter == "value" else ""}')
    imported(d, value, **({"ttl": "1h"} if shorter == "digest" else {}))
    d.done(denial.format(value))
    eventually(lambda: len(d.list()) == 1, "the revoked one is removed")
    assert d.verify(value) == "NO revoked"
    ban, = [line for line in d.done("export").data if b" ban " in line]
    assert b"expires=" not in ban, "a token of that value, which never expires, is still here"


def test_value_that_is_here_by_two_digests_is_judged_by_both_and_then_by_what_is_left(daemon):
    """No digest shows that the other one is here: when one has expired and gone, nobody knows that it was."""
    d = daemon("daemon.retention=5s", "daemon.trust_clock=yes")
    value = foreign()
    kept = d.done(f'import token="{value}" subject=ci')["id"]
    other = imported(d, value, ttl="2s", subject="other")
    end = unix_time(d.done(f"show {other}").lines[0]["expires"])
    assert d.verify(value, subject="ci") == "OK" or time.time() >= end
    eventually(lambda: d.verify(value, subject="ci") == "NO expired", "the other one has expired")
    eventually(lambda: [line["id"] for line in d.list()] == [kept], "it is removed")
    assert d.verify(value, subject="ci") == "OK"


def test_banned_value_does_not_come_back_by_its_sha256(daemon):
    """The table had no bans until then: no stack of this daemon needs them."""
    d = daemon()
    value = foreign()
    d.done(f'ban token="{value}"')
    imported(d, value)
    assert d.verify(value) == "NO revoked"
    d.restart()
    assert d.verify(value) == "NO revoked"


@pytest.mark.parametrize("denial", ["ban digest={}", "ban digest={} expires=2040-01-01T00:00:00Z",
                                    "import digest={} state=revoked", "import digest={}"])
@pytest.mark.parametrize("line", ["ban digest={} digest_alg=sha256", "import digest={} digest_alg=sha256 state=revoked"])
def test_denial_whose_scheme_is_said_only_afterwards_holds_after_a_restart(daemon, denial, line):
    """Also where an identifier of that digest is denied already, as one of jeton's own."""
    d = daemon()
    value = foreign()
    d.done(f'import token="{value}"')
    d.done(denial.format(sha256(value)))
    assert d.verify(value) == "OK", "nothing says that it is a SHA-256"
    if line.startswith("import") and denial.startswith("ban"):
        assert d.ask(line.format(sha256(value))).verdict in ("ERR banned", "OK")
    else:
        d.done(line.format(sha256(value)))
    assert d.verify(value) == "NO revoked"
    d.restart()
    assert layout(d) == 2 and d.verify(value) == "NO revoked"


@pytest.mark.parametrize("how", ["delete", "ban"])
def test_denied_token_by_sha256_leaves_a_ban_that_holds_for_its_value(daemon, how):
    d = daemon()
    value = foreign()
    ident = imported(d, value)
    if how == "ban":
        assert d.done(f'ban token="{value}"')["state"] == "revoked"
        assert d.list()[0]["state"] == "revoked"
    d.done(f"delete {ident}")
    assert d.ask(f"import digest={sha256(value)} digest_alg=sha256").verdict == "ERR banned"
    assert d.ask(f'import token="{value}"').verdict == "ERR banned"
    d.restart()                                         # there is no such token any more, but the ban
    d.ask(f"import digest={full_digest(value)}")
    assert d.verify(value) == "NO revoked"
    assert f"* ban digest={sha256(value)} digest_alg=sha256 ".encode() in b"\n".join(d.done("export").data)


def test_export_carries_the_digest_scheme(daemon):
    d, other = daemon(), daemon()
    value, banned = foreign(), foreign()
    imported(d, value, subject="ci")
    d.done(f"delete {imported(d, banned)}")
    exported = d.done("export").data
    for line in exported:
        other.done(line)
    assert sorted(other.done("export").data) == sorted(exported)
    assert other.verify(value, subject="ci") == "OK"
    assert other.verify(banned) == "NO revoked"


def test_use_of_a_token_by_sha256_is_noted(daemon):
    d = daemon()
    value = foreign()
    imported(d, value)
    assert d.verify(value) == "OK"
    eventually(lambda: "used" in d.list()[0], "the use is noted")


def test_digest_alg_is_refused_where_it_means_nothing(daemon):
    d = daemon()
    value = foreign()
    assert d.ask(f'import token="{value}" digest_alg=sha256').verdict == "ERR bad-value"
    assert d.ask(f"import digest={sha256(value)} digest_alg=md5").verdict == "ERR bad-value"
    assert d.ask("create digest_alg=sha256").verdict == "ERR unknown-key"


def test_store_with_tokens_by_sha256_is_checked_and_opened_again():
    with Daemon() as d:
        value = foreign()
        imported(d, value, created=stamp(time.time() - 9))
        d.kill()
        d.start()
        assert d.verify(value) == "OK"


def test_first_import_by_sha256_while_others_verify_loses_no_verification(daemon):
    d = daemon()
    own = d.create()["token"]
    values = [foreign() for _ in range(20)]
    for value in values:
        assert d.verify(own) == "OK"
        imported(d, value)
        assert d.verify(value) == "OK"
        d.answered_by("table")


def test_restore_keeps_denials_of_tokens_by_sha256(daemon):
    d = daemon()
    names = "revoked", "deleted", "kept"
    values = {name: foreign() for name in names}
    ids = {name: imported(d, value) for name, value in values.items()}
    gone = foreign()
    d.done(f"delete {imported(d, gone)}")
    d.done("checkpoint")
    subprocess.run(["tdbbackup", d.store], check=True, timeout=60)
    d.done(f"revoke {ids['revoked']}")
    d.done(f"delete {ids['deleted']}")
    later = foreign()
    d.done(f"revoke {imported(d, later)}")
    d.stop()
    done = run_jetond(*d.arguments(), "--restore", d.store + ".bak")
    assert done.returncode == 0, done
    assert run_jetond(*d.arguments(), "--check").returncode == 0
    d.start()
    assert [d.verify(values[name]) for name in names] == ["NO revoked", "NO revoked", "OK"]
    assert (d.verify(later), d.verify(gone)) == ("NO revoked", "NO revoked")


def test_restore_keeps_the_scheme_of_a_ban_that_both_stores_have(daemon):
    d = daemon()
    value, other = foreign(), foreign()
    d.done(f'import token="{value}"')
    d.done(f'import token="{other}"')
    d.done(f"ban digest={sha256(value)}")
    d.done(f"ban digest={sha256(other)} digest_alg=sha256 ttl=30d")
    d.done("checkpoint")
    subprocess.run(["tdbbackup", d.store], check=True, timeout=60)
    d.done(f"ban digest={sha256(value)} digest_alg=sha256")
    d.done(f"ban digest={sha256(other)}")
    d.stop()
    assert run_jetond(*d.arguments(), "--restore", d.store + ".bak").returncode == 0
    d.start()
    assert (d.verify(value), d.verify(other)) == ("NO revoked", "NO revoked")
    assert str(d.done("export").data).count("digest_alg=sha256") == 2


def test_first_token_by_sha256_comes_while_the_store_is_killed_again_and_again():
    with Daemon() as d:
        values = [foreign() for _ in range(8)]
        for value in values:
            with d.client() as client:
                client.send(f"import digest={sha256(value)} digest_alg=sha256")
                answered = client.reply().verdict
            d.kill_unseen()
            d.start()
            # By the socket alone: libjeton may go on with the table of the one that was killed.
            assert (answered, d.ask(f"verify {value}", "verify").verdict) == ("OK", "OK")


def test_trace_of_a_value_finds_the_token_of_its_sha256_and_its_ban(daemon):
    d = daemon()
    value = foreign()
    ident = imported(d, value, subject="ci")
    parts = d.done(f'trace token="{value}"').lines
    assert [part["id"] for part in parts if part.get("subject") == "ci"][0] == ident
    d.done(f"delete {ident}")
    assert any(part.get("part") == "ban" and part["id"] == ident for part in d.done(f'trace token="{value}"').lines)


def test_refusals_and_reuse_of_a_token_by_sha256_are_counted_like_any_others(daemon):
    d = daemon()
    old, value = foreign(), foreign()
    ident = imported(d, old, subject="ci")
    new = d.done(f"rotate {ident} grace=1s")
    assert "digest_alg" not in d.done(f"show {new['id']}").lines[0]
    eventually(lambda: d.verify(old) == "NO expired", "the grace is over")
    assert [d.verify(old) for _ in range(2)] == ["NO expired"] * 2
    line = eventually(lambda: "reused" in (line := d.done(f"show {ident}").lines[0]) and line, "somebody still has the value")
    assert (line["refused"], line["refused_as"], line["replaced_by"]) == ("3", "expired", new["id"])
    eventually(lambda: d.done(f"show {ident}").lines[0]["reused"] == "3", "each is counted")
    other = imported(d, value)
    d.done(f'ban token="{value}"')
    assert d.verify(value) == "NO revoked" and d.done(f"show {other}").lines[0]["state"] == "revoked"
    traced = d.done(f'trace token="{old}"')
    assert {ident, new["id"]} <= {line["id"] for line in traced.lines}
