# SPDX-License-Identifier: Apache-2.0
"""The verifiers that judge a token are configured for each service."""
import os
import signal
import subprocess
import time

from daemon import run_jetond
from settings import BUILD, PATIENCE, ROOT
from waiting import eventually

ODD = f"{BUILD}/tests/verifiers/odd.so"

REQUIRING = """
[service git]
requisite = local
requisite = require scope=repo:write

[service strict]
required = local
required = require scope=repo:write
required = require scope=admin
"""

FOREIGN = f"""
[service api]
sufficient = local
sufficient = {ODD} does=pass subject=mallory scopes=b,a issuer=https://idp.example
"""


def test_unknown_service_is_judged_as_other(daemon):
    d = daemon(config="[service other]\nrequisite = local\nrequisite = require subject=ci\n")
    mine, theirs = d.create(subject="ci")["token"], d.create(subject="web")["token"]
    for service in None, "other", "nobody-configured-this":
        assert d.verify(mine, service=service) == "OK"
        assert d.verify(theirs, service=service) == "NO subject"


def test_requirement_is_judged_the_same_by_table_and_socket(daemon):
    d = daemon(config=REQUIRING)
    able = d.create(scopes="repo:write,repo:read", subject="ci")["token"]
    unable, admin = d.create(scopes="repo:read")["token"], d.create(scopes="admin,repo:write")
    for service, token, verdict in (
            ("git", able, "OK"), ("git", unable, "NO scope"), ("git", admin["token"], "OK"),
            ("strict", able, "NO scope"), ("strict", admin["token"], "OK"),
            (None, unable, "OK"), ("git", "x" * 40, "NO unknown"), ("git", "x", "NO malformed"),
            ("git", admin["id"], "NO identifier"), ("git", "y" * 600, "NO unknown")):
        assert d.verify(token, service=service) == verdict, f"{service} {token[:10]}"
        d.answered_by("table")
    assert d.verify(able, service="git", subject="web") == "NO subject"
    assert d.verify(unable, service="git", subject="web") == "NO subject"
    assert d.verify(able, service="git", scope="repo:delete") == "NO scope"
    d.done(f"disable {admin['id']}")
    assert d.verify(admin["token"], service="strict") == "NO disabled"


def test_table_shows_how_far_it_reaches(daemon):
    d = daemon(config=REQUIRING + FOREIGN + "[service both]\nrequisite = local\n"
               f"required = {ODD} does=nod\n")
    assert d.done("table", "verify")["final"] == "yes"
    assert d.done("table service=unconfigured", "verify")["final"] == "yes"
    reply = d.done("table service=strict", "verify")
    assert (reply["final"], reply["scope"]) == ("if", "admin,repo:write")
    assert d.done("table service=api", "verify")["final"] == "no"
    assert d.ask("table service=both", "verify").verdict == "ERR forbidden"


def test_each_service_is_timed_even_if_it_is_never_asked_first(daemon):
    d = daemon(config="[service first]\nrequisite = local\n\n[service second]\nrequisite = local\n")
    value = d.create()["token"]
    lines = [f"verify service={service} {value}" for service in ("first", "second")]
    for _ in range(100):
        d.client("verify").pipeline(lines)
    for service in "first", "second":
        assert d.stat("service_timed", service=service) > 0, service


def test_foreign_verifier_takes_over_where_the_table_knows_nothing(daemon):
    d = daemon(config=FOREIGN)
    token = d.create(subject="ci")
    assert d.verify(token["token"], service="api") == "OK"
    d.answered_by("table")
    assert d.verify("z" * 700, service="api") == "OK"
    d.answered_by("daemon")
    reply = d.ask("verify service=api " + "z" * 700, "verify")
    assert ({key: reply[key] for key in ("subject", "scopes", "issuer", "verifier")} ==
            {"subject": "mallory", "scopes": "a,b", "issuer": "https://idp.example",
             "verifier": "odd"})
    assert d.verify("z" * 700, service="api", scope="c") == "NO scope"
    assert d.verify("z" * 700, service="api", subject="ci") == "NO subject"
    assert d.verify("z" * 700) == "NO unknown"
    assert d.ask("verify service=api " + token["token"], "verify")["verifier"] == "local"


def test_revoked_token_is_refused_whatever_other_verifiers_answer(daemon):
    d = daemon(config=FOREIGN)
    for verb, verdict in ("revoke", "NO revoked"), ("disable", "NO disabled"):
        token = d.create()
        assert d.verify(token["token"], service="api") == "OK"
        d.done(f"{verb} {token['id']}")
        assert d.verify(token["token"], service="api") == verdict


def test_verifiers_are_given_what_is_asked_and_what_is_known(daemon):
    config = f"[service look]\nrequisite = local\nrequired = {ODD} does=look\n"
    d = daemon(config=config)
    token = d.create(subject="ci", scopes="a,b")["token"]
    reply = d.ask(f"verify service=look scope=a subject=ci {token}", "verify")
    assert reply.verdict == "NO denied"
    assert (reply["message"] ==
            f"service look, uid {os.geteuid()}, scopes a, subject ci, identity ci")


def test_later_verifier_narrows_and_cannot_make_it_somebody_elses(daemon):
    config = f"""
[service narrow]
requisite = local
required = {ODD} does=pass scopes=b,c
[service other-name]
requisite = local
required = {ODD} does=pass subject=root
"""
    d = daemon(config=config)
    token = d.create(subject="ci", scopes="a,b")["token"]
    reply = d.ask(f"verify service=narrow {token}", "verify")
    assert ((reply.verdict, reply["subject"], reply["scopes"], reply["verifier"]) ==
            ("OK", "ci", "b", "local"))
    assert d.verify(token, service="narrow", scope="a") == "NO scope"
    assert d.verify(token, service="other-name") == "ERR unavailable"
    eventually(lambda: "another subject than the verifier before it" in d.log(), "it is logged")


def test_peers_are_distinguished(daemon):
    config = """
[service mine]
requisite = require peer_uid=0
sufficient = local
[service theirs]
requisite = require peer_uid=65533
sufficient = local
[service group]
requisite = require peer_gid=65533
sufficient = local
"""
    d = daemon(config=config.replace("=0", f"={os.geteuid()}"))
    token = d.create()["token"]
    assert d.verify(token, service="mine") == "OK"
    assert d.verify(token, service="theirs") == "NO denied"
    assert d.verify(token, service="group") == "NO denied"


def test_throttled_user_learns_when_to_come_back(daemon):
    config = "[service other]\nrequisite = throttle failures=5 per=1h\nsufficient = local\n"
    d = daemon(config=config)
    with d.client("verify") as client:
        token = d.create()["token"]
        for _ in range(50):
            assert client.request(f"verify {token}").verdict == "OK"
        for _ in range(5):
            assert client.request("verify " + "x" * 40).verdict == "NO unknown"
        reply = client.request("verify " + "x" * 40)
        assert reply.verdict == "NO denied"
        assert 0 < int(reply["retry_after"]) <= 720, reply
        assert client.request(f"verify {token}").verdict == "NO denied"
        assert client.request(f"verify service=unconfigured {token}").verdict == "NO denied"
        assert d.stat("service_answers", service="other", answer="denied") == 3


def test_throttle_by_client_leaves_the_application_its_good_tokens(daemon):
    d = daemon(config="[service other]\nrequisite = throttle by=client failures=5 per=1h\nsufficient = local\n")
    with d.client("verify") as application:
        token = d.create()["token"]
        for _ in range(5):
            assert application.request("verify client=192.0.2.1 " + "x" * 40).verdict == "NO unknown"
        assert application.request("verify client=192.0.2.1 " + "x" * 40).verdict == "NO denied"
        assert application.request(f"verify client=192.0.2.1 {token}").verdict == "NO denied"
        assert application.request(f"verify client=192.0.2.2 {token}").verdict == "OK"
        assert application.request(f"verify {token}").verdict == "OK"
        for wrong in 'client=""', "client=" + "x" * 257, r'client="a\nb"', r'client="a\x00b"', r'client="\xff"':
            assert application.request(f"verify {wrong} {token}").verdict == "ERR bad-value"
            assert application.request(f"verify service=git {wrong} {token}").verdict == "ERR bad-value"


def test_stats_count_by_service_and_verifier(daemon):
    d = daemon(config=FOREIGN)
    with d.client("verify") as client:
        token = d.create()["token"]
        for value in token, token, "z" * 700, "x":
            client.request(f"verify service=api {value}")
        client.request(f"verify {token}")
        assert d.stat("service_answers", service="api", answer="ok") == 4
        assert d.stat("verifier_outcomes", service="api", verifier="local", outcome="pass") == 2
        assert d.stat("verifier_outcomes", service="api", verifier="local", outcome="fail") == 2
        assert d.stat("verifier_outcomes", service="api", verifier="odd", outcome="pass") == 2
        assert d.stat("verifier_timed", service="api", verifier="odd") == 2
        assert d.stat("service_answers", service="other", answer="ok") == 1
        assert d.stats()["verify_ok"] == "5"


def test_reload_swaps_all_stacks_and_recalls_tables(daemon):
    d = daemon(config="[service git]\nsufficient = local\n")
    token = d.create(scopes="a")["token"]
    assert d.verify(token, service="git") == "OK"
    d.answered_by("table")
    d.configure("[service git]\nrequisite = local\nrequisite = require scope=b\n")
    d.reload()
    eventually(lambda: "configuration reloaded" in d.log(), "it is reloaded")
    assert d.verify(token, service="git") == "NO scope"
    assert d.stat("service_answers", service="git", answer="ok") == 1


def test_broken_configuration_keeps_the_old_stacks_and_logs_why(daemon):
    d = daemon(f"daemon.verifiers={BUILD}/tests/verifiers",
               config="[service git]\nrequisite = local\nrequisite = require scope=a\n")
    token = d.create(scopes="a")["token"]
    for broken, why in (
            ("[service git]\nsufficient = locol\n", "locol"),
            ("[service git]\nsufficient = local\nsuficient = local\n", "suficient"),
            (f"[service git]\nsufficient = {BUILD}/tests/verifiers/odd-abi.so\n",
             "compile it again"),
            ("[service git]\nrequired = require scope=a\n", "put it below a verifier")):
        d.configure(broken)
        d.reload()
        eventually(lambda: why in d.log(), f"the log has {why}")
        assert d.verify(token, service="git") == "OK"
    eventually(lambda: d.log().count("the configuration stays as it was") == 4, "each is logged once")


def test_tokens_go_on_being_verified_while_the_configuration_is_reloaded(daemon):
    configs = [REQUIRING + FOREIGN, FOREIGN.replace("mallory", "eve")]
    d = daemon(config=configs[0])
    with d.client("verify") as client:
        token = d.create(scopes="repo:write")["token"]
        end = time.monotonic() + 60 * PATIENCE
        round = 0
        while d.log().count("configuration reloaded") < 50:
            assert time.monotonic() < end
            round += 1
            d.configure(configs[round % 2])
            d.reload()
            for service in "git", "api", "other":
                assert client.request(f"verify service={service} {token}").verdict == "OK"
            assert client.request("verify service=api " + "z" * 600).verdict == "OK"


def test_check_opens_every_verifier(daemon):
    d = daemon(config=FOREIGN)
    arguments = ["--check", *d.arguments()]
    assert run_jetond(*arguments).returncode == 0
    d.configure(FOREIGN.replace("does=pass", "does=nonsense"))
    broken = run_jetond(*arguments)
    assert broken.returncode == 2 and f"{d.config}:4: odd: does= should be" in broken.stderr, broken
    os.kill(d.pid, signal.SIGHUP)
    eventually(lambda: "the configuration stays" in d.log(), "the daemon refuses it too")


def example(directory):
    """The verifier in jeton-verifier(3), compiled as the page shows."""
    with open(f"{ROOT}/daemon/verifiers/jeton-verifier.3") as file:
        page = file.read()
    source = page.split(".Sh EXAMPLES")[1].split(".Bd -literal\n")[1].split("\n.Ed")[0]
    os.makedirs(f"{directory}/include/jeton")
    os.symlink(f"{ROOT}/daemon/verifiers/verifier.h", f"{directory}/include/jeton/verifier.h")
    with open(f"{directory}/hours.c", "w") as file:
        file.write(source)
    compiled = subprocess.run(
        ["gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{directory}/include", "-o",
         f"{directory}/hours.so", f"{directory}/hours.c"], capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr


def test_verifier_in_the_manual_page_compiles_and_judges(daemon):
    d = daemon(config="")
    token = d.create()["token"]
    example(d.directory)
    hour = time.gmtime().tm_hour
    after = (hour + 2) % 24
    d.configure(f"""
[daemon]
verifiers = {d.directory}
[service always]
requisite = local
requisite = hours from=0 to=24
[service later]
requisite = local
requisite = hours.so from={after}
    to={after + 1}                      ; a line may go on
""")
    d.reload()
    eventually(lambda: "configuration reloaded" in d.log(), "it is loaded")
    assert d.verify(token, service="always") == "OK"
    reply = d.ask(f"verify service=later {token}", "verify")
    assert ((reply.verdict, reply["message"]) ==
            ("NO denied", f"from {after} to {after + 1} o'clock only"))
    assert 0 < int(reply["retry_after"]) <= 7200, reply
    d.configure(f"[service x]\nsufficient = {d.directory}/hours.so from=9 to=3\n")
    d.reload()
    eventually(lambda: "give from= and to=" in d.log(), "its own message is shown")


def test_examples_in_the_manual_are_what_jetond_takes(daemon):
    with open(f"{ROOT}/daemon/jetond.conf.5") as file:
        section = file.read().split(".Sh EXAMPLES")[1].split(".Sh SEE ALSO")[0]
    examples = [part.split("\n.Ed")[0] for part in
                section.split(".Bd -literal -offset indent\n")[1:] if "[service" in part]
    assert len(examples) == 3
    d = daemon(config="")
    with open(f"{d.directory}/idp.jwks", "w") as file:
        file.write('{"keys":[{"kty":"OKP","crv":"Ed25519",'
                   '"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}')
    with open(f"{d.directory}/introspect.secret", "w") as file:
        file.write("secret\n")
    os.chmod(file.name, 0o600)
    for example in examples:
        d.configure(f"[daemon]\nverifiers = {BUILD}/verifiers\n" +
                    example.replace("[daemon]\n", "").replace("/etc/jeton/", f"{d.directory}/"))
        checked = run_jetond("--check", *d.arguments())
        assert checked.returncode == 0, checked.stderr


def test_service_without_a_section_is_named_in_the_reply_and_once_in_the_log(daemon):
    d = daemon(config="[service imap]\nsufficient = local\n[service slow]\nrequired = local\n"
               f"required = require peer_uid={os.geteuid()}\n")
    token = d.create()
    ask = lambda line: d.ask(f"verify {line} {token['token']}", "verify")
    for named in "", "service=imap", "service=other", "service=slow":
        assert not {"service", "stack"} & ask(named).final.keys(), named
    for _ in range(3):
        reply = ask("service=imapp")
        assert (reply.verdict, reply["service"], reply["stack"]) == ("OK", "imapp", "other")
        assert ask("service=imapp scope=none")["service"] == "imapp", "a refusal has it, too"
    replies = d.client("verify").pipeline(
        [f"verify service={name} {token['token']}" for name in ("imap", "imapp", "imap", "pop")])
    assert [reply.final.get("service") for reply in replies] == [None, "imapp", None, "pop"]
    eventually(lambda: d.log().count("service imapp has no section") == 1, "it is logged")
    for n in range(200):
        ask(f"service=flood-{n}")
    eventually(lambda: d.log().count("has no section") > 50, "they are logged")
    assert d.log().count("has no section") <= 64, "a flood of names is bounded"
    d.configure(f"[service other]\nrequired = local\nrequired = require peer_uid={os.geteuid()}\n")
    d.reload()
    eventually(lambda: "configuration reloaded" in d.log(), "reloaded")
    reply = ask("service=imapp")
    assert (reply.verdict, reply["service"], reply["stack"]) == ("OK", "imapp", "other")
    assert d.log().count("service imapp has no section") == 1
