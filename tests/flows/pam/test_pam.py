# SPDX-License-Identifier: Apache-2.0
"""pam_jeton: who gets in, and with which PAM code.  Needs no privilege: the service files are in a
directory of the test's own, through libpam-wrapper."""
import os
import re
import socket
import time

from pam_stack import (Application, DELETE_CRED, FakeDaemon, MODULE, PROMPT, asks, both, pamtester,
                       service_files)
from settings import PATIENCE
from timestamp import stamp
from value import altered, value_new
from waiting import eventually

PERMIT = "auth required pam_permit.so\naccount required pam_permit.so\n"

# What is done to a token, and what account management makes of it.  Authentication answers AUTH_ERR.
CHANGES = {
    "disable {id}": "PERM_DENIED",
    "revoke {id}": "PERM_DENIED",
    "update {id} expires={soon}": "ACCT_EXPIRED",
    'update {id} scopes="other"': "PERM_DENIED",
    "update {id} subject=bob": "PERM_DENIED",
    'update {id} subject=""': "PERM_DENIED",
    "delete {id}": "AUTH_ERR",
}


def change(d, line, token):
    d.done(line.format(id=token["id"], soon=stamp(time.time() + 2)))
    if "{soon}" in line:
        eventually(lambda: d.done(f"show {token['id']}").lines[0]["state"] == "expired", "it expires")


# -- who gets in ---------------------------------------------------------------------------------

def test_pamtester_gets_in_with_a_token_as_its_password(daemon):
    d = daemon()
    token = d.create(subject="ann")
    directory = service_files({"login": asks(d)})
    three = ["authenticate", "acct_mgmt", "setcred(PAM_ESTABLISH_CRED)"]
    status, output = pamtester(directory, "login", "ann", token["token"], *three)
    assert status == 0, output
    status, output = pamtester(directory, "login", "bob", token["token"], *three)
    assert (status, "Authentication failure" in output) == (1, True), output
    d.done(f"revoke {token['id']}")
    status, output = pamtester(directory, "login", "ann", token["token"], *three)
    assert (status, "Authentication failure" in output) == (1, True), output


def test_every_refusal_looks_the_same_to_the_other_side(daemon):
    d = daemon()
    wrong = {"mistyped": altered(d.create(subject="ann")["token"], 20),
             "never issued": value_new(), "foreign": "x" * 40, "empty": "", "short": "secret",
             "longest": "x" * 512, "overlong": "x" * 513, "far too long": "x" * 20000,
             "not text": "\udcff" * 40, "two lines": "x" * 40 + "\nverify " + "x" * 40,
             "an identifier": d.create(subject="ann")["id"],
             "pending": d.create(subject="ann", scopes="in", delay="1h")["token"]}
    for line in CHANGES:
        token = d.create(subject="ann", scopes="in")
        change(d, line, token)
        wrong[line] = token["token"]
    with Application(login=asks(d, "scope=in")) as pam:
        good = d.create(subject="ann", scopes="in")["token"]
        assert (pam.once("login", "ann", good), pam.messages) == ("SUCCESS", PROMPT)
        for what, value in wrong.items():
            assert (pam.once("login", "ann", value), pam.messages) == ("AUTH_ERR", PROMPT), what
        for user in "bob", "", "x" * 3000:
            assert (pam.once("login", user, good), pam.messages) == ("AUTH_ERR", PROMPT), user


def test_subject_must_be_the_user_to_the_letter(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        for subject in "ann", "Ünïcode", "ann@example.org", "a b", "x" * 256, "\\", '"':
            value = d.create(subject=subject)["token"]
            assert pam.once("login", subject, value) == "SUCCESS", subject
            for user in (subject[:-1], subject + "x", subject + " ", " " + subject,
                         subject + "\udcff", subject + "\n", "*",
                         *({subject.swapcase()} - {subject})):
                assert pam.once("login", user, value) == "AUTH_ERR", (subject, user)
        nobody = d.create()["token"]
        for user in "ann", "", "root", "*", "-":
            assert pam.once("login", user, nobody) == "AUTH_ERR", f"no subject: {user}"


def test_user_is_asked_for_where_the_application_has_not_named_one(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        value = d.create(subject="ann")["token"]
        assert pam.once("login", None, "ann", value) == "SUCCESS"
        assert [style for style, _ in pam.messages] == [2, 1], "the name with echo, the token without"
        assert pam.once("login", None, "bob", value) == "AUTH_ERR"
        assert pam.once("login", None, "", value) == "AUTH_ERR"


def test_scopes_of_the_line_must_all_be_the_tokens(daemon):
    d = daemon()
    value = d.create(subject="ann", scopes="a,b,c:d/*")["token"]
    with Application(a=asks(d, "scope=a"), both=asks(d, "scope=c:d/*,a"),
                     more=asks(d, "scope=a,x"), x=asks(d, "scope=x")) as pam:
        assert ([pam.once(name, "ann", value) for name in ("a", "both", "more", "x")] ==
                ["SUCCESS", "SUCCESS", "AUTH_ERR", "AUTH_ERR"])


# -- the account phase ---------------------------------------------------------------------------

def test_account_management_refuses_what_was_revoked_meanwhile(daemon):
    d = daemon()
    with Application(login=asks(d, "scope=in")) as pam:
        for line, code in CHANGES.items():
            token = d.create(subject="ann", scopes="in")
            pam.start("login", "ann", token["token"])
            assert (pam.authenticate(), pam.account()) == ("SUCCESS", "SUCCESS"), line
            change(d, line, token)
            assert (pam.account(), pam.messages) == (code, []), line
            assert pam.end() == "SUCCESS"
        token = d.create(subject="ann", scopes="in")
        pam.start("login", "ann", token["token"])
        assert pam.authenticate() == "SUCCESS"
        d.done(f"disable {token['id']}")
        assert pam.account() == "PERM_DENIED"
        d.done(f"enable {token['id']}")
        assert pam.account() == "SUCCESS", "it is judged anew each time"
        pam.do("set_user", user="bob")
        assert pam.account() == "PERM_DENIED", "it is another user now"
        pam.end()


def test_account_line_asks_what_the_auth_line_asked_unless_it_has_options_of_its_own(daemon):
    d = daemon()
    token = d.create(subject="ann", scopes="in")
    fake = FakeDaemon("NO revoked message=\"no\"")
    with Application(more=asks(d, "scope=in", "scope=in,admin"),
                     fake=asks(d, "", f"socket={fake.path} service=x")) as pam:
        pam.start("more", "ann", token["token"])
        assert (pam.authenticate(), pam.account()) == ("SUCCESS", "PERM_DENIED")
        pam.end()
        pam.start("fake", "ann", token["token"])
        assert (pam.authenticate(), pam.account()) == ("SUCCESS", "PERM_DENIED")
        pam.end()
        assert "service=x" in fake.lines[0], fake.lines


def test_account_management_leaves_alone_who_used_no_token(daemon):
    d = daemon()
    value = d.create(subject="ann")["token"]
    jeton = f"account required {MODULE}\n"
    line = f"auth sufficient {MODULE} socket={d.path('verify')}\n"
    with Application(mixed=line + jeton + PERMIT, alone="auth required pam_permit.so\n" + jeton,
                     strict="auth required pam_permit.so\n"
                            f"account [success=ok default=bad] {MODULE}\n" + PERMIT) as pam:
        pam.start("mixed", "ann", "not a token")
        assert (pam.authenticate(), pam.account()) == ("SUCCESS", "SUCCESS"), "pam_permit's"
        assert pam.end() == "SUCCESS"
        pam.start("mixed", "ann", value)
        assert (pam.authenticate(), pam.account()) == ("SUCCESS", "SUCCESS")
        pam.do("set_user", user="bob")
        assert pam.account() == "PERM_DENIED"
        pam.end()
        for service in "alone", "strict":
            pam.start(service, "ann")
            assert (pam.authenticate(), pam.account()) == ("SUCCESS", "PERM_DENIED"), service
            pam.end()


def test_credentials_are_always_set_and_deleting_them_forgets_the_token(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        pam.start("login", "ann", d.create(subject="ann")["token"])
        assert pam.credentials() == "SUCCESS", "in a process that did not authenticate"
        assert (pam.authenticate(), pam.credentials(), pam.account()) == ("SUCCESS",) * 3
        assert (pam.credentials(DELETE_CRED), pam.account()) == ("SUCCESS", "PERM_DENIED")
        pam.end()


# -- nobody there --------------------------------------------------------------------------------

def test_without_a_daemon_nobody_gets_in_and_nobody_waits(daemon):
    d = daemon()
    with Application(login=asks(d, "timeout=20")) as pam:
        value = d.create(subject="ann")["token"]
        pam.start("login", "ann", value, value)
        assert pam.authenticate() == "SUCCESS"
        d.kill()
        assert pam.account() == "AUTHINFO_UNAVAIL", "killed"
        assert pam.seconds < 10, pam.seconds
        pam.end()
        assert (pam.once("login", "ann", value), pam.messages) == ("AUTHINFO_UNAVAIL", PROMPT), "killed"
        assert pam.seconds < 10, pam.seconds
        os.unlink(d.path("verify"))
        assert pam.once("login", "ann", value) == "AUTHINFO_UNAVAIL", "no socket"
        d.start()
        assert pam.once("login", "ann", value) == "SUCCESS", "it is back"


def test_stack_can_ask_another_module_while_the_daemon_is_away_and_only_then(daemon):
    d = daemon()
    value = d.create(subject="ann")["token"]
    line = f"auth [success=done authinfo_unavail=ignore default=die] {MODULE} "
    with Application(login=f"{line} socket={d.path('verify')}\n" + PERMIT,
                     wrong=f"{line} nullok\n" + PERMIT) as pam:
        assert ([pam.once("login", "ann", value), pam.once("login", "ann", "wrong")] ==
                ["SUCCESS", "AUTH_ERR"])
        d.kill()
        assert ([pam.once("login", "ann", "wrong"), pam.once("wrong", "ann", value)] ==
                ["SUCCESS", "SERVICE_ERR"])
        d.start()
        assert pam.once("login", "ann", "wrong") == "AUTH_ERR"


def test_daemon_that_does_not_answer_costs_the_timeout_and_no_more():
    fake = FakeDaemon(None)
    full = socket.socket(socket.AF_UNIX)
    full_path = f"{fake.directory}/full"
    full.bind(full_path)
    full.listen(0)
    queue = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    for waiting in queue:
        waiting.setblocking(False)
        waiting.connect_ex(full_path)
    with Application(mute=both(f"socket={fake.path} timeout=2"),
                     full=both(f"socket={full_path} timeout=2")) as pam:
        for service in "mute", "full":
            assert pam.once(service, "ann", value_new()) == "AUTHINFO_UNAVAIL", service
            assert 1.9 < pam.seconds < 3.5 * PATIENCE, (service, pam.seconds)


def test_answers_that_are_not_a_clear_yes_are_none():
    value = value_new()
    answers = {"OK": "AUTHINFO_UNAVAIL", "": "AUTHINFO_UNAVAIL", "OK id=": "AUTHINFO_UNAVAIL",
               "OK id=0000 subject=ann verifier=local": "AUTHINFO_UNAVAIL",
               "OK id=0000 subject=ann verifier=jwt": "SUCCESS",
               "OK id=0000 subject=bob verifier=jwt": "AUTH_ERR",
               "OK id=0000 verifier=jwt": "AUTH_ERR",
               "OK id=0000 subject= verifier=jwt": "AUTH_ERR",
               "NO denied message=no": "AUTH_ERR", "NO whim message=no": "AUTH_ERR",
               "ERR busy message=no": "AUTHINFO_UNAVAIL", "ERR whim message=no": "AUTHINFO_UNAVAIL",
               "ERR bad-value message=no": "AUTHINFO_UNAVAIL", "x" * 9000: "AUTHINFO_UNAVAIL"}
    fake = FakeDaemon(None)
    with Application(login=both(f"socket={fake.path} timeout=20")) as pam:
        for fake.answer, code in answers.items():
            assert pam.once("login", "ann", value) == code, fake.answer[:60]


def test_each_no_of_the_protocol_is_its_code_in_account_management_and_auth_err_before():
    with open("proto/PROTOCOL.md", encoding="utf-8") as file:
        codes = dict(re.findall(r"^\| NO \| `([a-z-]+)` \|.*\| PAM_(\w+) \|$", file.read(), re.M))
    assert len(codes) == 10
    value, fake = value_new(), FakeDaemon(None)
    with Application(login=both(f"socket={fake.path}")) as pam:
        for word, code in codes.items():
            fake.answer = f"NO {word} message=no"
            assert pam.once("login", "ann", value) == "AUTH_ERR", word
            fake.answer = "OK id=0000 subject=ann verifier=jwt"
            pam.start("login", "ann", value)
            assert (pam.authenticate(), pam.account()) == ("SUCCESS", "SUCCESS"), word
            fake.answer = f"NO {word} message=no"
            assert pam.account() == code, word
            pam.end()


def test_socket_that_others_could_have_put_there_is_a_fault_of_the_configuration(daemon):
    d = daemon()
    value = d.create(subject="ann")["token"]
    others = f"{d.directory}/others"
    os.mkdir(others)
    os.chmod(others, 0o777)
    fake = FakeDaemon("OK id=0000 subject=ann verifier=jwt")
    os.link(fake.path, f"{others}/sock")
    os.symlink(d.path("verify"), f"{d.directory}/link")
    with Application(others=both(f"socket={others}/sock"),
                     link=both(f"socket={d.directory}/link")) as pam:
        assert pam.once("others", "ann", value) == "SERVICE_ERR"
        assert pam.once("link", "ann", value) == "SERVICE_ERR"
        faults = [text for level, text in pam.logged() if level == 3 and "cannot ask" in text]
        assert len(faults) == 2, pam.logged()


# -- options -------------------------------------------------------------------------------------

def test_unknown_and_malformed_options_refuse_everybody_and_are_logged(daemon):
    d = daemon()
    value = d.create(subject="ann")["token"]
    bad = ["nullok", "Debug", "debug=1", "debug=", "socket", "socket=", "socket=verify.sock",
           "socket=/" + "x" * 107, "service", "service=", "service=a,b", "service=ä",
           "service=" + "x" * 65, "scope", "scope=", "scope=,", "scope=a,,b", "scope=ä",
           "scope=" + ",".join(["s"] * 33), "scope=a scope=a", "timeout=", "timeout=0",
           "timeout=61", "timeout=-1", "timeout=1s", "timeout=99999999999999999999",
           "prompt", "prompt=", "use_first_pass=yes", "debug debug", "=", "=x", "scopes=a"]
    services = {f"auth{i}": asks(d, options) for i, options in enumerate(bad)}
    services |= {f"account{i}": asks(d, "", options) for i, options in enumerate(bad)}
    with Application(**services) as pam:
        for i, options in enumerate(bad):
            assert pam.once(f"auth{i}", "ann", value) == "SERVICE_ERR", options
            assert pam.messages == [], "not even asked"
            pam.start(f"account{i}", "ann", value)
            assert (pam.authenticate(), pam.account()) == ("SUCCESS", "SERVICE_ERR"), options
            pam.end()
        faults = [text for level, text in pam.logged() if level == 3 and "option" in text]
        assert len(faults) == 2 * len(bad), faults
        assert 'option "nullok": no such option' in faults[0], faults[0]


def test_service_is_the_pam_service_unless_another_is_given():
    fake = FakeDaemon("NO unknown message=no")
    asked = both(f"socket={fake.path}")
    with Application(**{"login": asked, "Odd@name": asked, "given": asked.replace(
            fake.path, f"{fake.path} service=api:v1/x")}) as pam:
        for service in "login", "given":
            assert pam.once(service, "ann", value_new()) == "AUTH_ERR"
        assert "service=login " in fake.lines[0], fake.lines
        assert "service=api:v1/x " in fake.lines[1], fake.lines
    with Application(**{"odd@name": asked}) as pam:
        assert pam.once("odd@name", "ann", value_new()) == "AUTH_ERR"
        assert "service=" not in fake.lines[2], "one that the daemon can have no section for"


def test_prompt_is_as_configured(daemon):
    d = daemon()
    with Application(login=asks(d, "[prompt=Token of the %s: ]")) as pam:
        assert pam.once("login", "ann", d.create(subject="ann")["token"]) == "SUCCESS"
        assert pam.messages == [[1, "Token of the %s: "]]


def test_first_pass_options_share_one_password_between_modules(daemon):
    d = daemon()
    value, other = d.create(subject="ann")["token"], d.create(subject="ann")["token"]
    own = asks(d)
    again = asks(d, "use_first_pass")
    first = f"auth optional {MODULE} socket={d.path('verify')} scope=none\n"
    with Application(use=first + again, tried=first + asks(d, "try_first_pass"),
                     plain=first + own, alone=again, stays=first + asks(
                         d, "use_first_pass try_first_pass")) as pam:
        two = PROMPT + PROMPT
        for service, answers, code, output in (
                ("use", [value, other], "SUCCESS", PROMPT),
                ("use", ["wrong", other], "AUTH_ERR", PROMPT),
                ("stays", ["wrong", other], "AUTH_ERR", PROMPT),
                ("tried", [value, "wrong"], "SUCCESS", PROMPT),
                ("tried", ["wrong", other], "SUCCESS", two),
                ("tried", ["wrong", "wrong"], "AUTH_ERR", two),
                ("plain", [value, "wrong"], "AUTH_ERR", two),
                ("plain", ["wrong", other], "SUCCESS", two),
                ("alone", [value], "AUTH_ERR", [])):
            assert (pam.once(service, "ann", *answers), pam.messages) == (code, output), (
                (service, answers))


def test_conversation_that_fails_is_no_password(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        assert pam.once("login", "ann", 19) == "CONV_ERR"
        assert pam.once("login", None, 19) == "CONV_ERR"
        pam.start("login", "ann", 30, d.create(subject="ann")["token"])
        assert pam.authenticate() == "INCOMPLETE", "an application with an event loop comes again"
        assert pam.authenticate() == "SUCCESS"
        pam.end()
