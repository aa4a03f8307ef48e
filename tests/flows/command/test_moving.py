# SPDX-License-Identifier: Apache-2.0
"""Moving tokens from one host to another by export and import: whole, again, and by a hostile file."""
import hashlib
import json
import re
import subprocess
import time

import pytest

from jeton_command import JETON, Terminal, jeton, setting
from settings import scaled
from timestamp import stamp
from value import digest_of, id_of, value_new
from waiting import eventually


def exported(d):
    return jeton(d.path(), "export").out


def import_into(d, text, *options):
    return jeton(d.path(), *options, "import", input=text, within=60)


def tokens_of(text):
    """The lines of an export without its last one, which names the history of the store."""
    return sorted(line for line in text.splitlines() if line.startswith("* "))


def checksum_of(text):
    """As b2sum -l 256 computes it."""
    lines = "".join(line + "\n" for line in text.splitlines() if line.startswith("* "))
    return hashlib.blake2b(lines.encode(), digest_size=32).hexdigest()


def many_sorts(d):
    """Make a token of each sort that an export tells apart; return their values."""
    values = {name: d.create(description=f"the {name} one", subject=name, scopes="a,b")
              for name in ("plain", "revoked", "disabled", "rotated", "shortened", "used", "ending")}
    d.done(f"revoke {values['revoked']['id']}")
    d.done(f"disable {values['disabled']['id']}")
    d.done(f"rotate {values['rotated']['id']} grace=1h")
    d.done(f"update {values['shortened']['id']} expires={stamp(time.time() + 3600)}")
    d.done(f"update {values['ending']['id']} expires={stamp(time.time() + 7200)} description=\"\\\"é\\\\\"")
    assert d.verify(values["used"]["token"]) == "OK"
    eventually(lambda: "used" in d.done(f"show {values['used']['id']}").lines[0], "the use is noted")
    d.done(f"import digest={hashlib.sha256(b'x' * 40).hexdigest()} digest_alg=sha256 by=uid:4711")
    d.done(f"import digest={hashlib.sha256(b'y' * 40).hexdigest()} subject=ann by=uid:4712 owner=uid:4712")
    d.done('import token="eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIiwiaWF0IjoxNTE2MjM5MDIyfQ.c2lnbmF0dXJl"')
    d.done(f"delete {d.create()['id']}")
    return {name: reply["token"] for name, reply in values.items()}


def test_everything_that_an_export_has_comes_back_from_the_other_side(daemon):
    old, new = daemon(), daemon()
    values = many_sorts(old)
    text = exported(old)
    done = import_into(new, text)
    assert done.status == 0, done
    assert tokens_of(exported(new)) == tokens_of(text)
    assert [line["by"] for line in new.list()] == [line["by"] for line in old.list()]
    assert "by=uid:4711 " in text and "by=uid:4712 owner=uid:4712 " in text
    shown = new.done(f"show {id_of(values['used'])}").lines[0]
    assert shown["used"] == old.done(f"show {id_of(values['used'])}").lines[0]["used"]
    new.restart()
    assert tokens_of(exported(new)) == tokens_of(text), "the last use, too, is on the disk"
    for name, value in values.items():
        assert new.verify(value) == old.verify(value), name


def test_last_use_of_an_import_is_no_later_than_now_and_never_goes_back(daemon):
    d = daemon()
    value = value_new()
    d.done(f'import digest={digest_of(value).hex()} used=2199-01-01T00:00:00Z')
    used = d.list()[0]["used"]
    assert used <= stamp(time.time() + 1)
    reply = d.done(f'import digest={digest_of(value).hex()} used=2001-01-01T00:00:00Z state=disabled')
    assert (reply["merged"], d.list()[0]["used"]) == ("deny", used)


def test_export_ends_with_the_checksum_of_its_lines(daemon):
    d = daemon()
    many_sorts(d)
    text = exported(d)
    assert text.splitlines()[-1].endswith(f" checksum={checksum_of(text)}")
    pages = daemon()
    pages.client().pipeline([f"create description={'x' * 900}" for _ in range(scaled(1000, 100))], within=60)
    text = exported(pages)
    assert text.splitlines()[-1].endswith(f" checksum={checksum_of(text)}"), "over many chunks"


def test_export_that_was_changed_is_noticed(daemon):
    old = daemon()
    many_sorts(old)
    text = exported(old)
    for changed in (text.replace("scopes=a,b", "scopes=a,c", 1), text.replace("* ban", "* import", 1),
                    "\n".join(sorted(text.splitlines(), reverse=True)[1:] + [text.splitlines()[-1], ""])):
        done = import_into(daemon(), changed, "-k")
        assert done.status == 2 and "checksum" in done.err, done
        done = import_into(daemon(), changed, "-k", "--partial")
        assert "checksum" not in done.err, done
    done = import_into(daemon(), text.replace("\n", "\r\n"))
    assert done.status == 0 and "checksum" not in done.err, "another system's line ends are no change"


def test_export_of_an_older_version_is_imported_with_a_warning(daemon):
    old, new = daemon(), daemon()
    value = old.create()["token"]
    text = re.sub(r" checksum=\w+| by=uid:\d+", "", exported(old))
    done = import_into(new, text)
    assert done.status == 0 and "has no checksum" in done.err, done
    assert new.verify(value) == "OK"


def test_part_of_an_export_is_imported_on_demand(daemon):
    old = daemon()
    many_sorts(old)
    lines = exported(old).splitlines(keepends=True)
    for part, count in (("".join(lines[:2]), 2), ("".join(lines[:3] + lines[-1:]), 3),
                        ("".join(lines[:3]) + lines[4][:40], 3)):
        done = import_into(daemon(), part)
        assert done.status == 2, done
        new = daemon()
        done = import_into(new, part, "--partial")
        assert (done.status, len(new.list())) == (0, count), done
        assert "cut off" not in done.err and "the export had" not in done.err, done


def test_import_run_again_after_it_was_interrupted_brings_the_rest(daemon):
    old, new = daemon(), daemon()
    values = many_sorts(old)
    text = exported(old)
    lines = text.splitlines(keepends=True)
    assert import_into(new, "".join(lines[:4])).status == 2
    done = import_into(new, text)
    assert done.status == 0 and "4 already here" in done.err, done
    assert tokens_of(exported(new)) == tokens_of(text)
    done = import_into(new, text)
    assert done.status == 0 and "imported 0 tokens" in done.err, done
    output = json.loads(jeton(new.path(), "-j", "import", input=text).out)
    assert (output["new"], output["present"]) == (0, len(values) + 4), output


def test_later_denials_reach_tokens_that_are_there_already(daemon):
    old, new = daemon(), daemon()
    values = {name: old.create(subject=name) for name in ("revoked", "disabled", "rotated", "shortened", "kept")}
    assert import_into(new, exported(old)).status == 0
    old.done(f"revoke {values['revoked']['id']}")
    old.done(f"disable {values['disabled']['id']}")
    old.done(f"rotate {values['rotated']['id']}")
    old.done(f"update {values['shortened']['id']} expires={stamp(time.time() + 600)}")
    done = import_into(new, exported(old))
    assert done.status == 0 and "1 new, 0 updated, 4 denied, 1 already here" in done.err, done
    assert tokens_of(exported(new)) == tokens_of(exported(old)), "and no use yet, whose times differ"
    for name, reply in values.items():
        assert new.verify(reply["token"]) == old.verify(reply["token"]), name


def test_import_never_revives_what_is_denied_there(daemon):
    old, new = daemon(), daemon()
    values = {name: old.create() for name in ("revoke", "disable", "delete", "update", "rotate")}
    text = exported(old)
    assert import_into(new, text).status == 0
    for verb, reply in values.items():
        new.done(f"{verb} {reply['id']}" + (f" expires={stamp(time.time() + 600)}" if verb == "update" else ""))
    verdicts = {name: new.verify(reply["token"]) for name, reply in values.items()}
    eventually(lambda: "used" in new.done(f"show {values['update']['id']}").lines[0], "the use is noted")
    before = tokens_of(exported(new))
    assert import_into(new, text).status == 0
    assert tokens_of(exported(new)) == before
    assert {name: new.verify(reply["token"]) for name, reply in values.items()} == verdicts
    new.restart()
    assert {name: new.verify(reply["token"]) for name, reply in values.items()} == verdicts


def test_hostile_file_changes_no_token_that_is_there(daemon):
    d = daemon()
    mine = d.create(subject="ann", scopes="read", description="mine", ttl="1h")
    victim = digest_of(mine["token"]).hex()
    before = d.done(f"show {mine['id']}").data
    other = victim[:20] + "0" * 44                      # the same identifier, but another digest
    lines = [f"import digest={victim} scopes=read,admin expires=never",
             f"import digest={victim} created=2999-01-01T00:00:00Z subject=root scopes=admin",
             f"import digest={victim} state=active own_end=never expires=never",
             f"import digest={victim} by=uid:0 used=2001-01-01T00:00:00Z replaces={mine['id']}",
             f"import digest={victim} digest_alg=sha256 subject=root", f"import digest={victim} owner=uid:0",
             f"import digest={other} subject=root", f"import digest={other} digest_alg=sha256",
             f"import digest={other} state=revoked", f"import digest={other} own_end=never expires=2020-01-01T00:00:00Z",
             f"enable {mine['id']}", f"update {mine['id']} scopes=admin", f"delete {mine['id']}",
             f'import digest={victim} description="\x00"', f"import digest={victim}\x00 scopes=admin",
             f"import digest={victim} digest={victim}", f"import digest={victim} by=0", "import " + "x" * 200_000,
             f"import digest={victim} description={'x' * 9000}", f'import digest={victim} description="', "* " * 4000,
             f"import digest={'1' * 64} created=2026-01-01T00:00:00Z expires=2025-01-01T00:00:00Z activates=2026-01-01T00:00:00Z",
             "import digest=" + "\u0661" * 64, "OK count=99999999999999999999", "OK", "* OK count=1"]
    done = import_into(d, "\n".join(lines) + "\n", "-k")
    assert done.status == 2, done
    assert d.done(f"show {mine['id']}").data == before
    assert d.verify(mine["token"], subject="ann", scope="read") == "OK"
    assert len(d.list()) == 1
    assert [n for n in range(11, 14) if f"line {n}: " in done.err] == [11, 12, 13], done.err


def test_same_token_twice_in_a_file_is_one_token_and_its_denial_wins(daemon):
    d = daemon()
    value = value_new()
    digest = digest_of(value).hex()
    lines = [f"import digest={digest} subject=first", f"import digest={digest} subject=second",
             f"import digest={digest} state=revoked", f"import digest={digest} state=active"]
    done = import_into(d, "\n".join(lines) + "\n")
    assert done.status == 0 and "1 new, 0 updated, 1 denied, 2 already here" in done.err, done
    assert (d.list()[0]["subject"], d.verify(value)) == ("first", "NO revoked")


def test_refusals_are_named_by_their_lines_and_then_only_counted(daemon):
    d = daemon()
    done = import_into(d, "".join(f"import digest={n}\n" for n in range(300)), "-k")
    named = re.findall(r"line (\d+): ", done.err)
    assert named == [str(n) for n in range(1, 101)] and "only counted" in done.err, done
    assert "refused 300 lines" in done.err


def test_import_that_stopped_tells_of_lines_that_were_not_read_only_if_there_are(daemon):
    d = daemon()
    good, bad = f"digest={64 * '1'}\n", "digest=zz\n"
    for text, more in ((bad, False), (good + bad, False), (bad + good, False), (bad + "#\n", False),
                       (bad + 3000 * good, True), (256 * bad, False), (3000 * "# comment\n" + bad, False)):
        done = jeton(d.path(), "import", input=text)
        assert done.status == 2 and "refused" in done.err, done
        assert ("Stopped: the lines after line " in done.err) == more, done
    done = jeton(d.path(), "import", "--format=csv", input="value\n" + "x\n")
    assert done.status == 2 and "Stopped" not in done.err, done


def test_import_of_nothing_is_refused_where_the_socket_grants_no_import(daemon):
    d = daemon()
    for text in "", "# only a comment\n\n":
        for role in "verify", "observe":
            done = jeton(d.path(role), "import", input=text)
            assert done.status == 2 and done.err.startswith("jeton: forbidden: "), done
        done = jeton(d.path(), "import", input=text)
        assert done.status == 0 and "imported 0 tokens" in done.err, done
    done = jeton(d.path("verify"), "import", "--format=csv", input="value\n")
    assert done.status == 2 and "forbidden: " in done.err, done


def test_refusal_of_a_line_by_the_policy_names_rule_and_bound(daemon):
    d = daemon("policy.max_ttl=90d", "policy.require=description")
    for expires, named in ("2099-01-01", "(rule=max_ttl max=90d)"), ("", "(rule=require missing=description)"):
        done = jeton(d.path(), "import", "--format=csv",
                     input=f"value,description,expires\n{'v' * 40},{'x' if expires else ''},{expires}\n")
        assert done.status == 2 and "line 2: " in done.err and named in done.err, done


def test_import_shows_its_progress_on_a_terminal(daemon):
    d = daemon()
    count = scaled(200_000, 20_000)
    path = f"{d.directory}/lines"
    with open(path, "w") as file:
        file.writelines(f"digest={n * 0x9e3779b97f4a7c15 % 2**64:016x}{n:048x}\n" for n in range(count))
    seen = Terminal(d.path(), "-c", f"exec {JETON} import <{path}", program="/bin/sh").finish(within=120)
    assert re.search(r"\d+ lines \(\d+ %\): \d+ imported", seen), seen[-300:]
    assert f"imported {count} tokens" in seen


# -- the formats of others ------------------------------------------------------------------------

def sha256(value):
    return hashlib.sha256(value.encode())


def base64(digest):
    return subprocess.run(["base64", "-w0"], input=digest, capture_output=True, check=True).stdout.decode()


def token(n):
    return f"ghp_{n:036d}"


def from_format(d, name, text, *options):
    return jeton(d.path(), *options, "import", f"--format={name}", input=text)


def test_csv_with_values_and_digests_is_imported(daemon):
    d = daemon()
    text = ("\ufeffvalue,sha256,description,subject,scopes,created,expires\r\n"
            f"{token(1)},,\"a \"\"quoted\"\", text\",ann,\"read,write\",2019-04-01,2099-01-31 12:00:00+00\r\n"
            f",{sha256(token(2)).hexdigest()},,ben,read write,1554076800,never\r\n\r\n"
            f",{base64(sha256(token(3)).digest())},\"two\nlines\",,,,\r\n"
            f"\"with \"\"quotes\"\" {'x' * 32}\",,,,,,\r\n")
    done = from_format(d, "csv", text)
    assert done.status == 0, done
    first, second, third, fourth = d.list()
    assert (first["description"], first["subject"], first["scopes"], first["created"], first["expires"]) == \
        ('a "quoted", text', "ann", "read,write", "2019-04-01T00:00:00Z", "2099-01-31T12:00:00Z")
    assert (second["subject"], second["scopes"], second["created"]) == ("ben", "read,write", "2019-04-01T00:00:00Z")
    assert "expires" not in second and third["description"] == "two\nlines"
    for n in (1, 2, 3):
        assert d.verify(token(n)) == "OK", n
    assert d.ask(f'verify token="with \\"quotes\\" {"x" * 32}"').verdict == "OK" and "digest_alg" not in fourth
    assert token(1) not in done.err


@pytest.mark.parametrize("text, message", [
    ("value,exprires\n", "not known: exprires"),        # as a misspelt expires= must not make an immortal token
    ("description,subject\n", "no column with values or digests"),
    ("value\nabc,def\n", "more or fewer columns"),
    (f"value,expires\n{token(1)},soon\n", "expiry"),
    (f"value,expires\n{token(1)},1893456000000000\n", "expiry"),       # microseconds are not the year 9999
    (f"value,expires\n{token(1)},2027-01-31T12:00:00+01:00\n", "expiry"),
    ("value\nshort\n", "32 bytes"),
    ("sha256\nabcdef\n", "no SHA-256"),
    (f"value\n\"{token(1)}\n", "has no end"),
    (f"value\n\"{token(1)}\"x\n", "quoted field"),
    (f"value\nx\"{token(1)}\n\"", ""),
    (f"value,description\n{token(1)},{'x' * 70000}\n", "long"),
    (f"value,description\n{token(1)},\"" + ("x" * 5000 + "\n") * 20 + "\"\n", "longer than any token's"),
    (f"value,description\n{token(1)},{'x' * 9000}\n", "8192 bytes"),
    ("value" + ",value" * 100 + "\n", "more columns"),
    (f"value\n{token(1)}", "no line end"),
])
def test_csv_that_is_wrong_imports_nothing_and_names_the_line(daemon, text, message):
    d = daemon()
    for options in ((), ("-k",)):
        done = from_format(d, "csv", text, *options)
        assert done.status == 2 and message in done.err and "line" in done.err, done
        assert d.list() == []


def test_audit_log_of_github_is_imported_by_its_digests(daemon):
    d = daemon()
    digest = base64(sha256(token(1)).digest())
    text = ("@timestamp,action,actor,hashed_token,programmatic_access_type,token_scopes\n"
            f"1767225600000,git.clone,octocat,{digest},Personal access token (classic),\"repo,read:org\"\n"
            f"1767225660000,git.push,octocat,{digest},Personal access token (classic),\"repo,read:org\"\n"
            "1767225670000,org.invite,octocat,,,\n")
    done = from_format(d, "github", text, "-k")
    assert "1 new" in done.err and "1 already here" in done.err and "line 4: " in done.err, done
    assert d.list()[0]["used"] == "2026-01-01T00:00:00Z"
    assert d.verify(token(1), subject="octocat", scope="repo,read:org") == "OK"


def test_values_of_gitlab_are_imported_and_its_salted_digests_are_left_out_by_name(daemon):
    d = daemon()
    value = "glpat-" + "x" * 40
    text = ("id,user_id,name,revoked,expires_at,created_at,scopes,token_digest,token,username\n"
            f"1,7,ci,f,2099-01-31,2024-05-06 07:08:09.123456,\"--- \n- api\n- :read_user\n\",,{value},ann\n"
            f"2,7,old,t,,2024-05-06 07:08:09,{{api}},,{value}2,ann\n"
            f"3,7,salted,f,,2024-05-06 07:08:09,[\"\"api\"\"],{base64(b'x' * 32)},,ann\n".replace('[""api""]', "api"))
    done = from_format(d, "gitlab", text)
    assert done.status == 1 and "1 of SHA-256 with GitLab's secret" in done.err, done
    assert "imported 2 tokens, refused 1 line" in done.err
    assert d.verify(value, subject="ann", scope="api,read_user") == "OK"
    assert d.verify(value + "2") == "NO revoked"
    first = d.list()[0]
    assert (first["created"], first["expires"]) == ("2024-05-06T07:08:09Z", "2099-01-31T00:00:00Z")


def test_htpasswd_is_imported_where_it_can_be_judged_and_counted_by_scheme_where_not(daemon):
    d = daemon()
    lines = ["# users", "", f"ann:{{SHA256}}{base64(sha256(token(1)).digest())}",
             f"ben:{{PLAIN}}{token(2)}", f"cleo:{token(3)}",
             "dan:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC", "eve:$apr1$abc$def", "fay:$6$a$b",
             "gus:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "hal:{SSHA}abc", "ida:rqXexS6ZhobKA", "jon:$2a$10$x", "kim:$1$x$y"]
    done = from_format(d, "htpasswd", "\n".join(lines) + "\n")
    assert done.status == 1, done
    assert "2 of bcrypt, 1 of apr1 (MD5), 1 of SHA-512-crypt, 1 of SHA-1, 1 of salted SHA, 1 of DES-crypt, " \
        "1 of MD5-crypt" in done.err, done
    assert "imported 3 tokens, refused 8 lines" in done.err
    for n, subject in enumerate(("ann", "ben", "cleo"), 1):
        assert d.verify(token(n), subject=subject) == "OK", subject
    done = from_format(d, "htpasswd", "lea:hunter2\n")
    assert done.status == 2 and "32 bytes" in done.err, done
    assert from_format(d, "htpasswd", "no colon\n:x\n", "-k").err.count("htpasswd") == 2


def test_unknown_format_is_refused_before_anything_is_sent(daemon):
    d = daemon()
    done = from_format(d, "vault", "x\n")
    assert done.status == 2 and "csv, github, gitlab or htpasswd" in done.err, done
    assert jeton(d.path(), "list", "--format=csv").status == 2
    assert jeton(d.path(), "list", "--partial").status == 2


def test_piped_export_reaches_the_other_host_in_one_go(daemon):
    old, new = daemon(), daemon()
    many_sorts(old)
    done = subprocess.run(["sh", "-c", f"{JETON} export | {JETON} -S {new.path()} import"], env=setting(old.path()),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    assert tokens_of(exported(new)) == tokens_of(exported(old))
