# SPDX-License-Identifier: Apache-2.0
"""[policy]: which tokens can be made."""
import os
import re
import threading
import time

from client import Client
from daemon import run_jetond
from refused_writes import writes_refused
from jeton_command import jeton
from policy_cases import CASES, EARLIER, POLICY
from reloading import reconfigure
from requirements import need_root
from timestamp import stamp, unix_time
from waiting import eventually

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration):
    return int(duration[:-1]) * UNITS[duration[-1]]


class Table:
    """Sends requests of policy_cases, and judges the answers."""

    def __init__(self, d):
        self.daemon = d
        self.ids = {}
        self.digests = 0

    def replace(self, match):
        if match[1] == "digest":
            self.digests += 1
            return f"{self.digests:08x}" + 56 * "0"
        if match[1].startswith("in:"):
            return stamp(time.time() + seconds(match[1][3:]))
        return self.ids[match[1]]

    def send(self, line):
        name, _, request = line.rpartition(" := ")
        reply = self.daemon.ask(re.sub(r"\{([^}]*)\}", self.replace, request))
        if name:
            self.ids[name] = reply["id"]
        return reply

    def judge(self, case):
        line, _, wanted = case.partition(" -> ")
        reply = self.send(line.strip())
        words = [word for word in wanted.split() if "=" not in word]
        fields = dict(word.split("=", 1) for word in wanted.split() if "=" in word)
        assert reply.verdict == " ".join(words), f"{line}: {reply}"
        for key, value in fields.items():
            if value.startswith("~"):
                assert abs(unix_time(reply[key]) - time.time() - seconds(value[1:])) < 60, f"{line}: {reply}"
            else:
                assert (reply[key] if key in reply else "-") == value, f"{line}: {reply}"
        if reply.verdict == "ERR policy":
            assert set(reply.final) == {*fields, "message"}, f"{line}: {reply}"


def lines_of(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_a_hundred_requests_are_answered_as_the_policy_says(daemon):
    d = daemon(config="")
    table = Table(d)
    for line in lines_of(EARLIER):
        assert table.send(line).verdict == "OK", line
    reconfigure(d, POLICY)
    cases = lines_of(CASES)
    assert len(cases) >= 100
    for case in cases:
        table.judge(case)


def test_a_refused_change_changes_nothing(daemon):
    d = daemon(config="")
    token = d.create(subject="a", scopes="x", description="d")
    reconfigure(d, "[policy]\nscopes = y\nmax_ttl = 1d\n")
    journal, tokens = d.done("journal").lines, d.list()
    for request in (f"rotate {token['id']}", f"update {token['id']} description=e scopes=x,z",
                    "create scopes=x ttl=1h", "import digest=" + "a" * 64):
        assert d.ask(request).verdict == "ERR policy", request
    assert d.done("journal").lines == journal and d.list() == tokens
    assert d.verify(token["token"]) == "OK"


def test_policy_is_reloaded_and_a_bad_one_leaves_the_old_in_force(daemon):
    d = daemon(config="[policy]\nmax_ttl = 5d\n")
    assert d.ask("create ttl=6d").final["max"] == "5d"
    reconfigure(d, "[policy]\nmax_ttl = 7d\n")
    d.done("create ttl=6d")
    assert d.ask("create ttl=8d").final["max"] == "7d"
    d.configure("[policy]\nmax_ttl = 9d\ndefault_ttl = 10d\n")
    d.reload()
    eventually(lambda: "longer than max_ttl" in d.log(), "it is refused")
    assert d.ask("create ttl=8d").final["max"] == "7d"
    reconfigure(d, "")
    d.done("create")


def test_policy_holds_after_a_restart_and_counts_what_is_there(daemon):
    d = daemon("policy.max_tokens_per_subject=2", config="")
    first, _ = d.create(subject="a"), d.create(subject="a", ttl="1h")
    for _ in range(2):
        assert d.ask("create subject=a").verdict == "ERR policy"
        d.restart()
    d.done(f"revoke {first['id']}")
    d.restart()
    d.create(subject="a")
    assert d.ask("create subject=a").verdict == "ERR policy"


def test_token_that_expires_makes_way_for_another(daemon):
    d = daemon("policy.max_tokens_per_subject=1", config="")
    d.create(subject="a", ttl="1s")
    eventually(lambda: d.ask("create subject=a ttl=1s").verdict == "OK", "the first has expired")
    d.restart()
    eventually(lambda: d.ask("create subject=a").verdict == "OK", "the second has expired")
    assert d.ask("create subject=a").verdict == "ERR policy"


def test_concurrent_creates_never_exceed_the_number_of_tokens(daemon):
    """Also where tokens are revoked, moved and renewed meanwhile: all that are left at each moment are counted."""
    d = daemon("policy.max_tokens_per_subject=7", config="")
    made = [[] for _ in range(8)]

    def work(mine):
        with Client(d.path()) as client:
            for n in range(40):
                client.send(*[f"create subject=s{n % 3} ttl=90d"] * 5)
                replies = [client.reply() for _ in range(5)]
                mine += [reply["id"] for reply in replies if reply.verdict == "OK"]
                if mine and n % 2:
                    assert client.request(f"revoke {mine.pop()}").verdict == "OK"
                if mine and n % 3 == 0:
                    client.request(f"update {mine[-1]} subject=s{(n + 1) % 3}")
    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for n in range(3):
            assert len(d.list(subject=f"s{n}", state="active")) <= 7
    for thread in threads:
        thread.join()
    for n in range(3):
        while d.ask(f"create subject=s{n}").verdict == "OK":
            pass
        assert len(d.list(subject=f"s{n}", state="active")) == 7


def test_counts_are_right_after_the_disk_has_refused(daemon):
    d = daemon("policy.max_tokens_per_subject=5", config="")
    kept = [d.create(subject="a")["id"] for _ in range(3)]
    with writes_refused(d):
        assert d.ask("create subject=a").verdict == "ERR store"
        assert d.ask(f"revoke {kept[0]}").verdict == "ERR store", "in force, and not saved"
        assert d.ask(f"update {kept[1]} subject=b").verdict == "ERR store"
    eventually(lambda: d.stats()["denials_unsaved"] == "0", "the denial is saved")
    made = 0
    while eventually(lambda: (reply := d.ask("create subject=a")).verdict != "ERR store" and reply, "it works") \
            .verdict == "OK":
        made += 1
    assert made == 3 and len(d.list(subject="a", state="active")) == 5


def test_import_run_again_under_a_stricter_policy_finds_what_is_there(daemon):
    d = daemon(config="")
    line, other = (f"import digest={digit * 64} subject=ann scopes=read" for digit in "ab")
    d.done(line)
    reconfigure(d, "[policy]\nmax_ttl = 5d\nscopes = write\nmax_tokens_per_subject = 1\n")
    assert d.ask(line).verdict == "ERR exists"
    assert d.ask(other).verdict == "ERR policy", "what is new is judged"
    assert d.done(f"{line} state=disabled")["merged"] == "deny", "a denial wins"
    assert [t["state"] for t in d.list()] == ["disabled"]


def test_import_by_a_user_who_is_exempt_is_not_refused(daemon):
    d = daemon("policy.max_ttl=1d", f"policy.exempt_import=nobody,{os.geteuid()}", config="")
    d.done("import digest=" + "a" * 64)
    assert d.ask("create").verdict == "ERR policy", "only to import"
    d.stop()
    d.settings = ("policy.max_ttl=1d", "policy.exempt_import=nobody")
    d.start()
    assert d.ask("import digest=" + "b" * 64).verdict == "ERR policy"


def test_policy_shows_what_is_in_force_in_the_order_in_which_it_is_tried(daemon):
    d = daemon(config=POLICY + "warn = 3d,14d\nexempt_import = root\n")
    lines = d.done("policy", role="observe").lines
    assert [line.get("policy") for line in lines] == ["svc", "bot", "free", ""]
    assert dict(lines[0]) == {"policy": "svc", "subject": "svc-*", "max_ttl": "365d",
                              "require": "subject,scopes,expiry", "scopes": "read,write"}
    assert dict(lines[3]) == {"policy": "", "default_ttl": "30d", "max_ttl": "90d", "require": "description",
                              "scopes": "read,deploy:*,*:list", "max_tokens": "3", "warn": "14d,3d",
                              "exempt_import": "root"}
    assert d.ask("policy", role="verify").verdict == "ERR forbidden"
    rows = jeton(d.path(), "policy").rows
    assert rows[0][:4] == ["svc", "svc-*", "", "365d"] and rows[3][2:5] == ["30d", "90d", "3"]


def test_list_finds_the_tokens_that_break_the_policy_and_says_which_rules(daemon):
    d = daemon(config="")
    table = Table(d)
    for line in lines_of(EARLIER):
        table.send(line)
    dead = d.create(subject="old", scopes="admin")["id"]
    d.done(f"revoke {dead}")
    assert d.list(policy="violated") == []
    reconfigure(d, POLICY)
    found = {line["id"]: line["violates"] for line in d.list(policy="violated")}
    every = "max_ttl,max_tokens_per_subject"
    assert found == {table.ids[name]: rules for name, rules in {
        "old": "max_ttl,require,scopes", "bare": "max_ttl,require", "long": "max_ttl",
        "crowd1": every, "crowd2": every, "crowd3": every, "crowd4": every}.items()}
    assert [line["id"] for line in d.list(policy="violated", subject="long")] == [table.ids["long"]]
    rows = jeton(d.path(), "list", "policy=violated").rows
    assert {row[0] for row in rows} == set(found)


def test_policy_of_the_largest_size_is_shown_and_printed_whole(daemon):
    """32 sections, each with as many patterns as fit into one."""
    sections = []
    for n in range(32):
        words = [f"{n:02}-{i:02}-" + "x" * 57 + "*" for i in range(15)]
        sections.append(f"[policy p{n}]\nsubject = p{n}-*\n" + "".join(f"scopes = {word}\n" for word in words))
    text = "".join(sections)
    d = daemon(config=text)
    lines = d.done("policy").lines
    assert len(lines) == 33 and len({line.get("policy") for line in lines}) == 33
    assert all(line["scopes"].count(",") == 14 for line in lines[:32])
    d.stop()
    printed = run_jetond(*d.arguments(), "--print-config").stdout
    d.configure(printed)
    d.start()
    assert d.done("policy").lines == lines


def test_exempt_user_may_import_by_the_kernels_word_alone(daemon):
    need_root()
    d = daemon("policy.max_ttl=1d", "policy.exempt_import=65534", "admin.mode=0660", config="")
    os.chown(d.path(), 65534, -1)
    os.chmod(d.directory, 0o711)
    os.chmod(os.path.dirname(d.directory), 0o711)
    line = "import digest=" + "c" * 64
    assert d.ask(line).verdict == "ERR policy"
    pid = os.fork()
    if pid == 0:
        os.setgid(65534)
        os.setuid(65534)
        os._exit(0 if Client(d.path()).request(line).verdict == "OK" else 1)
    assert os.waitpid(pid, 0)[1] == 0


MISTAKES = [
    ("[policy]\ndefault_ttl = 30\n", 2, "default_ttl: this should be a duration"),
    ("[policy]\nmax_ttl = long\n", 2, "max_ttl: this should be a duration"),
    ("[policy]\nmax_ttl = 1d\nmax_ttl = 1d\n", 3, "max_ttl is given twice"),
    ("[policy]\nmax_ttl = 1d\ndefault_ttl = 2d\n", 3, "default_ttl: this is longer than max_ttl"),
    ("[policy]\nrequire = describtion\n", 2, "any of description, subject, scopes and expiry"),
    ("[policy]\nrequire = subject,,scopes\n", 2, "any of description, subject, scopes and expiry"),
    ("[policy]\nscopes = a b\n", 2, "scopes: this should be scopes with * for any text"),
    ("[policy]\nscopes = a,\n", 2, "scopes: this should be scopes with * for any text"),
    ("[policy]\nmax_tokens_per_subject = many\n", 2, "a number up to 1000000"),
    ("[policy]\nmax_tokens_per_subject = -1\n", 2, "a number up to 1000000"),
    ("[policy]\nsubject = x\n", 2, "goes into a [policy NAME]"),
    ("[policy]\nwarn = 3d,3d\n", 2, "warn: this should be up to 8 durations"),
    ("[policy]\nwarn = 0s\n", 2, "warn: this should be up to 8 durations"),
    ("[policy]\nwarn = 1d,2d,3d,4d,5d,6d,7d,8d,9d\n", 2, "warn: this should be up to 8 durations"),
    ("[policy]\nexempt_import = no-such-user-here\n", 2, "exempt_import: there is no user no-such-user-here"),
    ("[policy]\nexempt_import = ,\n", 2, "up to 16 users"),
    ("[policy]\ncolour = red\n", 2, "[policy] has no key colour"),
    ("[policy]\n[policy]\n", 2, "[policy] is given twice: it begins in line 1"),
    ("[policy a]\nmax_ttl = 1d\n", 1, "[policy a] subject: this section needs subject = PATTERN"),
    ("[policy a]\n", 1, "[policy a] subject: this section needs subject = PATTERN"),
    ("[policy a]\nsubject =\n", 2, "a pattern of 1 to 256 bytes"),
    ("[policy a]\nsubject = x\nwarn = 1d\n", 3, "[policy a] cannot have warn: only [policy] can"),
    ("[policy a,b]\nsubject = x\n", 1, "[policy NAME]: NAME should be 1 to 64 bytes"),
    ("[policy " + "x" * 65 + "]\nsubject = x\n", 1, "[policy NAME]: NAME should be 1 to 64 bytes"),
    ("[policy self]\nsubject = x\n", 1, "[policy self]: replies call [self] by this name; choose another one"),
    ("[policies]\nmax_ttl = 1d\n", 1, "there is no section [policies]"),
    ("".join(f"[policy p{n}]\nsubject = x\n" for n in range(33)), 65, "at most 32 sections [policy NAME]"),
]


def test_mistake_in_a_policy_is_one_line_with_file_and_number(daemon):
    d = daemon(config="")
    d.stop()
    for text, number, words in MISTAKES:
        d.configure(text)
        for more in (["--check"], []):
            done = run_jetond(*d.arguments(), *more)
            lines = done.stderr.strip().splitlines()
            assert done.returncode == 2 and len(lines) == 1, (text, done)
            assert f"{d.config}:{number}: " in lines[0] and words in lines[0], (text, lines)
    d.configure(POLICY)
    assert run_jetond(*d.arguments(), "--check").returncode == 0
    d.start()


def test_pattern_that_matches_every_subject_leaves_tokens_without_one_to_the_unnamed_policy(daemon):
    d = daemon(config="[policy]\nmax_ttl = 1d\n[policy all]\nsubject = *\nmax_ttl = 2d\n")
    assert d.ask("create ttl=2d").final["max"] == "1d"
    d.done("create ttl=2d subject=a")
    assert d.ask("create ttl=3d subject=a").final["policy"] == "all"


def test_policy_can_be_given_as_an_option(daemon):
    d = daemon("policy.max_ttl=2d", "policy.max_ttl=3d", "policy ci.subject=ci-*", "policy ci.scopes=x",
               "policy ci.scopes=y", config="[policy]\nmax_ttl = 1d\n[policy ci]\nscopes = z\nsubject = old\n")
    assert d.ask("create ttl=4d").final["max"] == "3d"
    assert d.ask("create subject=ci-1 scopes=z").verdict == "ERR policy"
    d.create(subject="ci-1", scopes="x,y")
