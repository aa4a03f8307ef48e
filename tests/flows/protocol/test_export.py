# SPDX-License-Identifier: Apache-2.0
"""Moving to another daemon: import accepts what export prints."""
import hashlib
import subprocess
import time

from client import Fields, quote, socat
from settings import PATIENCE
from timestamp import stamp
from value import value_new


def varied(daemon):
    """Make tokens in every state and with every claim; return their values."""
    values = [daemon.create(description=text)["token"] for text in
              ("plain", 'with "quotes", back\\slash and\ttab', "Ünïcödé")]
    full = daemon.create(description="all of it", subject="ann", scopes="b,a", ttl="90d",
                         delay="1h")
    values.append(full["token"])
    for verb in "disable", "revoke":
        token = daemon.create(description=verb + "d", subject="bob")
        daemon.done(f"{verb} {token['id']}")
        values.append(token["token"])
    old = daemon.create(description="to be rotated", scopes="x")
    values += [old["token"], daemon.done(f"rotate {old['id']} grace=1h")["token"]]
    foreign = 'issued elsewhere, with "odd" characters'
    past = [stamp(time.time() - 86400 * days) for days in (9, 5)]
    daemon.done(f"import token={quote(foreign)} created={past[0]} expires={past[1]}")
    both = value_new()
    daemon.done(f"import token={both} created={past[0]} disabled={past[1]} revoked={past[1]}")
    return values + [foreign, both]


def described(daemon):
    """Return the list, without what belongs to the daemon rather than to the token."""
    return [{key: text for key, text in line.items()
             if key not in ("by", "used") and "refused" not in key}
            for line in daemon.list()]


def verdicts(daemon, values):
    return [daemon.verify(quote(value)) for value in values]


def test_export_piped_into_a_fresh_daemon_reproduces_every_token(daemon):
    old = daemon()
    new = daemon()
    values = varied(old)
    pipe = subprocess.run(
        f"echo export | socat -t20 - UNIX-CONNECT:{old.path()} | "
        f"socat -t20 - UNIX-CONNECT:{new.path()}",
        shell=True, capture_output=True, text=True, timeout=50 * PATIENCE)
    replies = pipe.stdout.splitlines()
    assert [line.split()[0] for line in replies] == ["OK"] * len(values), "one reply a token"
    assert described(new) == described(old)
    assert verdicts(new, values) == verdicts(old, values)
    assert (set(verdicts(new, values)) == {"OK", "NO pending", "NO disabled", "NO revoked",
                                         "NO expired"})
    assert [e["event"] for e in new.done("journal").lines] == ["import"] * len(values)
    new.restart()
    assert described(new) == described(old), "after a restart"
    assert exported(new) == exported(old), "and exported again"


def exported(daemon):
    return sorted(line.raw for line in daemon.done("export").lines)


def test_export_has_one_import_line_a_token_and_counts_them(daemon):
    d = daemon()
    epoch = d.done("hello")["epoch"]
    nothing = hashlib.blake2b(digest_size=32).hexdigest()
    assert d.done("export").final.raw == f"OK count=0 epoch={epoch} checksum={nothing}"
    values = varied(d)
    reply = d.done("export")
    assert int(reply["count"]) == len(values)
    for line in reply.lines:
        assert line.words == ["import"]
        assert len(line["digest"]) == 64
    # Again into the same daemon: nothing changes, and every line is answered so.
    text = socat(d.path(), "".join(line.decode() + "\n" for line in reply.data))
    assert [line.split()[:2] for line in text.splitlines()] == [["ERR", "exists"]] * len(values)
    assert len(d.list()) == len(values)


def test_export_keeps_dates_to_the_second(daemon):
    old = daemon()
    new = daemon()
    old.done(f"import digest={'ef' * 32} created=2001-02-03T04:05:06Z "
             "revoked=2002-03-04T05:06:07Z disabled=2001-12-31T23:59:59Z "
             "activates=2001-02-03T04:05:07Z expires=2099-12-31T23:59:59Z "
             f"replaces={'01' * 10}")
    for line in old.done("export").data:
        assert new.ask(line.decode()).verdict == "OK"
    assert new.done("export").lines == old.done("export").lines
    line = Fields(new.done("export").data[0][2:])
    assert ([line[key] for key in ("revoked", "disabled", "activates", "expires", "replaces")] ==
            ["2002-03-04T05:06:07Z", "2001-12-31T23:59:59Z", "2001-02-03T04:05:07Z",
             "2099-12-31T23:59:59Z", "01" * 10])


def test_export_with_filters_has_the_tokens_that_pass_and_no_bans(daemon):
    d, other = daemon(), daemon()
    ours = [d.create(subject="ci", scopes="a") for _ in range(3)]
    d.create(subject="other", scopes="a")
    d.done(f"delete {d.create(subject='ci')['id']}")
    d.done(f"revoke {ours[1]['id']}")
    whole = d.done("export").lines
    assert len(whole) == 5 and whole[-1].words == ["*", "ban"][1:]
    reply = d.done("export subject=ci scope=a")
    assert [line["digest"][:20] for line in reply.lines] == [token["id"] for token in ours]
    assert reply["count"] == "3" and "epoch" in reply and "revoked" in reply.lines[1]
    assert {line.raw for line in reply.lines} <= {line.raw for line in whole}
    with other.client() as client:
        assert {r.verdict for r in client.pipeline(line.raw for line in reply.lines)} == {"OK"}
    assert [other.verify(token["token"]) for token in ours] == ["OK", "NO revoked", "OK"]
    assert d.done("export state=expired").final["count"] == "0"
    assert d.ask("export sort=created").verdict == "ERR unknown-key"
