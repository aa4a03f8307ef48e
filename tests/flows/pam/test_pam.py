# SPDX-License-Identifier: Apache-2.0
"""pam_jeton: who gets in, and with which PAM code.  Needs no privilege: the service files are in a
directory of the test's own, through libpam-wrapper."""
import os
import socket
import time

from harness import Daemon, claim, same, stamp
from pam_stack import (Application, DELETE_CRED, FakeDaemon, MODULE, PROMPT, asks, both, pamtester,
                       service_files)
from settings import PATIENCE
from value import altered, value_new

PERMIT = "auth required pam_permit.so\naccount required pam_permit.so\n"

# What is done to a token, and what account management makes of it.  Authentication says AUTH_ERR.
CHANGES = {
    "disable {id}": "PERM_DENIED",
    "revoke {id}": "PERM_DENIED",
    "update {id} expires={past}": "ACCT_EXPIRED",
    'update {id} scopes="other"': "PERM_DENIED",
    "update {id} subject=bob": "PERM_DENIED",
    'update {id} subject=""': "PERM_DENIED",
    "delete {id}": "AUTH_ERR",
}


def change(d, line, token):
    d.done(line.format(id=token["id"], past=stamp(time.time() - 60)))


# -- who gets in ---------------------------------------------------------------------------------

@claim
def pamtester_gets_in_with_a_token_as_its_password():
    with Daemon() as d:
        token = d.create(subject="ann")
        directory = service_files({"door": asks(d)})
        three = ["authenticate", "acct_mgmt", "setcred(PAM_ESTABLISH_CRED)"]
        status, said = pamtester(directory, "door", "ann", token["token"], *three)
        same(status, 0, said)
        status, said = pamtester(directory, "door", "bob", token["token"], *three)
        same((status, "Authentication failure" in said), (1, True), said)
        d.done(f"revoke {token['id']}")
        status, said = pamtester(directory, "door", "ann", token["token"], *three)
        same((status, "Authentication failure" in said), (1, True), said)


@claim
def every_refusal_looks_the_same_to_the_other_side():
    with Daemon() as d:
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
        with Application(door=asks(d, "scope=in")) as pam:
            good = d.create(subject="ann", scopes="in")["token"]
            same((pam.once("door", "ann", good), pam.said), ("SUCCESS", PROMPT))
            for what, value in wrong.items():
                same((pam.once("door", "ann", value), pam.said), ("AUTH_ERR", PROMPT), what)
            for user in "bob", "", "x" * 3000:
                same((pam.once("door", user, good), pam.said), ("AUTH_ERR", PROMPT), user)


@claim
def subject_must_be_the_user_to_the_letter():
    with Daemon() as d:
        with Application(door=asks(d)) as pam:
            for subject in "ann", "Ünïcode", "ann@example.org", "a b", "x" * 256, "\\", '"':
                value = d.create(subject=subject)["token"]
                same(pam.once("door", subject, value), "SUCCESS", subject)
                for user in (subject[:-1], subject + "x", subject + " ", " " + subject,
                             subject + "\udcff", subject + "\n", "*",
                             *({subject.swapcase()} - {subject})):
                    same(pam.once("door", user, value), "AUTH_ERR", (subject, user))
            nobody = d.create()["token"]
            for user in "ann", "", "root", "*", "-":
                same(pam.once("door", user, nobody), "AUTH_ERR", f"no subject: {user}")


@claim
def user_is_asked_for_where_the_application_has_not_said():
    with Daemon() as d, Application(door=asks(d)) as pam:
        value = d.create(subject="ann")["token"]
        same(pam.once("door", None, "ann", value), "SUCCESS")
        same([style for style, _ in pam.said], [2, 1], "the name with echo, the token without")
        same(pam.once("door", None, "bob", value), "AUTH_ERR")
        same(pam.once("door", None, "", value), "AUTH_ERR")


@claim
def scopes_of_the_line_must_all_be_the_tokens():
    with Daemon() as d:
        value = d.create(subject="ann", scopes="a,b,c:d/*")["token"]
        with Application(a=asks(d, "scope=a"), both=asks(d, "scope=c:d/*,a"),
                         more=asks(d, "scope=a,x"), x=asks(d, "scope=x")) as pam:
            same([pam.once(name, "ann", value) for name in ("a", "both", "more", "x")],
                 ["SUCCESS", "SUCCESS", "AUTH_ERR", "AUTH_ERR"])


# -- the account phase ---------------------------------------------------------------------------

@claim
def account_management_refuses_what_was_revoked_meanwhile():
    with Daemon() as d, Application(door=asks(d, "scope=in")) as pam:
        for line, code in CHANGES.items():
            token = d.create(subject="ann", scopes="in")
            pam.start("door", "ann", token["token"])
            same((pam.authenticate(), pam.account()), ("SUCCESS", "SUCCESS"), line)
            change(d, line, token)
            same((pam.account(), pam.said), (code, []), line)
            same(pam.end(), "SUCCESS")
        token = d.create(subject="ann", scopes="in")
        pam.start("door", "ann", token["token"])
        same(pam.authenticate(), "SUCCESS")
        d.done(f"disable {token['id']}")
        same(pam.account(), "PERM_DENIED")
        d.done(f"enable {token['id']}")
        same(pam.account(), "SUCCESS", "it is judged anew each time")
        pam.do("set_user", user="bob")
        same(pam.account(), "PERM_DENIED", "it is another user now")
        pam.end()


@claim
def account_line_asks_what_the_auth_line_asked_unless_it_says_otherwise():
    with Daemon() as d:
        token = d.create(subject="ann", scopes="in")
        fake = FakeDaemon("NO revoked message=\"no\"")
        with Application(more=asks(d, "scope=in", "scope=in,admin"),
                         fake=asks(d, "", f"socket={fake.path} service=x")) as pam:
            pam.start("more", "ann", token["token"])
            same((pam.authenticate(), pam.account()), ("SUCCESS", "PERM_DENIED"))
            pam.end()
            pam.start("fake", "ann", token["token"])
            same((pam.authenticate(), pam.account()), ("SUCCESS", "PERM_DENIED"))
            pam.end()
            assert "service=x" in fake.lines[0], fake.lines


@claim
def account_management_leaves_alone_who_used_no_token():
    with Daemon() as d:
        value = d.create(subject="ann")["token"]
        jeton = f"account required {MODULE}\n"
        line = f"auth sufficient {MODULE} socket={d.path('verify')}\n"
        with Application(mixed=line + jeton + PERMIT, alone="auth required pam_permit.so\n" + jeton,
                         strict="auth required pam_permit.so\n"
                                f"account [success=ok default=bad] {MODULE}\n" + PERMIT) as pam:
            pam.start("mixed", "ann", "not a token")
            same((pam.authenticate(), pam.account()), ("SUCCESS", "SUCCESS"), "pam_permit's")
            same(pam.end(), "SUCCESS")
            pam.start("mixed", "ann", value)
            same((pam.authenticate(), pam.account()), ("SUCCESS", "SUCCESS"))
            pam.do("set_user", user="bob")
            same(pam.account(), "PERM_DENIED")
            pam.end()
            for service in "alone", "strict":
                pam.start(service, "ann")
                same((pam.authenticate(), pam.account()), ("SUCCESS", "PERM_DENIED"), service)
                pam.end()


@claim
def credentials_are_always_set_and_deleting_them_forgets_the_token():
    with Daemon() as d, Application(door=asks(d)) as pam:
        pam.start("door", "ann", d.create(subject="ann")["token"])
        same(pam.credentials(), "SUCCESS", "in a process that did not authenticate")
        same((pam.authenticate(), pam.credentials(), pam.account()), ("SUCCESS",) * 3)
        same((pam.credentials(DELETE_CRED), pam.account()), ("SUCCESS", "PERM_DENIED"))
        pam.end()


# -- nobody there --------------------------------------------------------------------------------

@claim
def without_a_daemon_nobody_gets_in_and_nobody_waits():
    with Daemon() as d, Application(door=asks(d, "timeout=1")) as pam:
        value = d.create(subject="ann")["token"]
        pam.start("door", "ann", value, value)
        same(pam.authenticate(), "SUCCESS")
        d.kill()
        same(pam.account(), "AUTHINFO_UNAVAIL", "killed")
        assert pam.seconds < 1 * PATIENCE, pam.seconds
        pam.end()
        same((pam.once("door", "ann", value), pam.said), ("AUTHINFO_UNAVAIL", PROMPT), "killed")
        assert pam.seconds < 1 * PATIENCE, pam.seconds
        os.unlink(d.path("verify"))
        same(pam.once("door", "ann", value), "AUTHINFO_UNAVAIL", "no socket")
        d.start()
        same(pam.once("door", "ann", value), "SUCCESS", "it is back")


@claim
def stack_can_ask_another_module_while_the_daemon_is_away_and_only_then():
    with Daemon() as d:
        value = d.create(subject="ann")["token"]
        line = f"auth [success=done authinfo_unavail=ignore default=die] {MODULE} "
        with Application(door=f"{line} socket={d.path('verify')}\n" + PERMIT,
                         wrong=f"{line} nullok\n" + PERMIT) as pam:
            same([pam.once("door", "ann", value), pam.once("door", "ann", "wrong")],
                 ["SUCCESS", "AUTH_ERR"])
            d.kill()
            same([pam.once("door", "ann", "wrong"), pam.once("wrong", "ann", value)],
                 ["SUCCESS", "SERVICE_ERR"])
            d.start()
            same(pam.once("door", "ann", "wrong"), "AUTH_ERR")


@claim
def daemon_that_does_not_answer_costs_the_timeout_and_no_more():
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
            same(pam.once(service, "ann", value_new()), "AUTHINFO_UNAVAIL", service)
            assert 1.9 < pam.seconds < 2.5 * PATIENCE, (service, pam.seconds)


@claim
def answers_that_are_not_a_clear_yes_are_none():
    value = value_new()
    answers = {"OK": "AUTHINFO_UNAVAIL", "": "AUTHINFO_UNAVAIL", "OK id=": "AUTHINFO_UNAVAIL",
               "OK id=0000 subject=ann verifier=local": "AUTHINFO_UNAVAIL",
               "OK id=0000 subject=ann verifier=jwt": "SUCCESS",
               "OK id=0000 subject=bob verifier=jwt": "AUTH_ERR",
               "OK id=0000 verifier=jwt": "AUTH_ERR",
               "OK id=0000 subject= verifier=jwt": "AUTH_ERR",
               "NO denied message=no": "AUTH_ERR", "NO whim message=no": "AUTH_ERR",
               "ERR busy message=no": "AUTHINFO_UNAVAIL", "ERR whim message=no": "AUTHINFO_UNAVAIL",
               "ERR bad-value message=no": "SERVICE_ERR", "x" * 9000: "AUTHINFO_UNAVAIL"}
    fake = FakeDaemon(None)
    with Application(door=both(f"socket={fake.path} timeout=2")) as pam:
        for fake.answer, code in answers.items():
            same(pam.once("door", "ann", value), code, fake.answer[:60])


@claim
def socket_that_others_could_have_put_there_is_a_fault_of_the_configuration():
    with Daemon() as d:
        value = d.create(subject="ann")["token"]
        others = f"{d.directory}/others"
        os.mkdir(others)
        os.chmod(others, 0o777)
        fake = FakeDaemon("OK id=0000 subject=ann verifier=jwt")
        os.link(fake.path, f"{others}/sock")
        os.symlink(d.path("verify"), f"{d.directory}/link")
        with Application(others=both(f"socket={others}/sock"),
                         link=both(f"socket={d.directory}/link")) as pam:
            same(pam.once("others", "ann", value), "SERVICE_ERR")
            same(pam.once("link", "ann", value), "SERVICE_ERR")
            faults = [text for level, text in pam.logged() if level == 3 and "cannot ask" in text]
            same(len(faults), 2, pam.logged())


# -- options -------------------------------------------------------------------------------------

@claim
def unknown_and_malformed_options_refuse_everybody_and_are_logged():
    with Daemon() as d:
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
                same(pam.once(f"auth{i}", "ann", value), "SERVICE_ERR", options)
                same(pam.said, [], "not even asked")
                pam.start(f"account{i}", "ann", value)
                same((pam.authenticate(), pam.account()), ("SUCCESS", "SERVICE_ERR"), options)
                pam.end()
            faults = [text for level, text in pam.logged() if level == 3 and "option" in text]
            same(len(faults), 2 * len(bad), faults)
            assert 'option "nullok": no such option' in faults[0], faults[0]


@claim
def service_is_the_pam_service_unless_another_is_given():
    fake = FakeDaemon("NO unknown message=no")
    asked = both(f"socket={fake.path}")
    with Application(**{"door": asked, "Odd@name": asked, "given": asked.replace(
            fake.path, f"{fake.path} service=api:v1/x")}) as pam:
        for service in "door", "given":
            same(pam.once(service, "ann", value_new()), "AUTH_ERR")
        assert "service=door " in fake.lines[0], fake.lines
        assert "service=api:v1/x " in fake.lines[1], fake.lines
    with Application(**{"odd@name": asked}) as pam:
        same(pam.once("odd@name", "ann", value_new()), "AUTH_ERR")
        assert "service=" not in fake.lines[2], "one that the daemon can have no section for"


@claim
def prompt_is_as_configured():
    with Daemon() as d, Application(door=asks(d, "[prompt=Token of the %s: ]")) as pam:
        same(pam.once("door", "ann", d.create(subject="ann")["token"]), "SUCCESS")
        same(pam.said, [[1, "Token of the %s: "]])


@claim
def first_pass_options_share_one_password_between_modules():
    with Daemon() as d:
        value, other = d.create(subject="ann")["token"], d.create(subject="ann")["token"]
        own = asks(d)
        again = asks(d, "use_first_pass")
        first = f"auth optional {MODULE} socket={d.path('verify')} scope=none\n"
        with Application(use=first + again, tried=first + asks(d, "try_first_pass"),
                         plain=first + own, alone=again, stays=first + asks(
                             d, "use_first_pass try_first_pass")) as pam:
            two = PROMPT + PROMPT
            for service, answers, code, said in (
                    ("use", [value, other], "SUCCESS", PROMPT),
                    ("use", ["wrong", other], "AUTH_ERR", PROMPT),
                    ("stays", ["wrong", other], "AUTH_ERR", PROMPT),
                    ("tried", [value, "wrong"], "SUCCESS", PROMPT),
                    ("tried", ["wrong", other], "SUCCESS", two),
                    ("tried", ["wrong", "wrong"], "AUTH_ERR", two),
                    ("plain", [value, "wrong"], "AUTH_ERR", two),
                    ("plain", ["wrong", other], "SUCCESS", two),
                    ("alone", [value], "AUTH_ERR", [])):
                same((pam.once(service, "ann", *answers), pam.said), (code, said),
                     (service, answers))


@claim
def conversation_that_fails_is_no_password():
    with Daemon() as d, Application(door=asks(d)) as pam:
        same(pam.once("door", "ann", 19), "CONV_ERR")
        same(pam.once("door", None, 19), "CONV_ERR")
        pam.start("door", "ann", 30, d.create(subject="ann")["token"])
        same(pam.authenticate(), "INCOMPLETE", "an application with an event loop comes again")
        same(pam.authenticate(), "SUCCESS")
        pam.end()
