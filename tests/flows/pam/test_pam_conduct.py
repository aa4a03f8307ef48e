# SPDX-License-Identifier: Apache-2.0
"""pam_jeton in the processes of other programs: what it exports, logs, keeps and leaves behind."""
import os
import re
import resource
import subprocess

import proc
from pam_stack import Application, MODULE, asks, both, module_for_others, need_module
from requirements import need_plain_build, need_root
from settings import scaled
from value import value_new

OTHER_UID = 65534


def test_pam_module_exports_its_three_functions_and_registers_no_handlers():
    need_module()
    symbols = subprocess.check_output(["nm", "-D", MODULE], text=True).splitlines()
    defined = [line.split()[2] for line in symbols if re.search(r" [TDBRVWi] ", line)]
    assert (sorted(name for name in defined if "san" not in name) ==
            ["pam_sm_acct_mgmt", "pam_sm_authenticate", "pam_sm_setcred"])
    for unwanted in "atfork", "atexit", "signal", "sigaction", "pthread_create", "fork", "exit":
        assert ([line for line in symbols if line.split()[-1].split("@")[0].strip("_") == unwanted] ==
                []), unwanted


def test_log_names_tokens_by_identifier_and_never_holds_a_value(daemon):
    d = daemon()
    good = d.create(subject="ann", scopes="in")
    short = "0123456789abcdefghijklmnopqrstuv"          # as short as a value can be
    d.done(f"import token={short} subject=ann")
    with Application(login=asks(d, "debug", "debug")) as pam:
        for value in good["token"], short, value_new():
            pam.start("login", "ann", value)
            pam.authenticate()
            pam.account()
            pam.end()
            pam.once("login", value, value)
            pam.once("login", value, "wrong")
            pam.once("login", "bob\nSYSLOG(3): forged", value)
        logged = pam.logged()
        output = pam.output()
        for value in good["token"], short:
            assert value[:16] not in output and value[-16:] not in output
        for entry in ((6, f"user ann, token {good['id']}: accepted"),
                      (5, f"user (not shown), token {good['id']}: "
                          "the token speaks for another subject"),
                      (5, "user ann, token not known: no such token here")):
            assert entry in logged, (entry, logged)
        assert [text for _, text in logged if "forged" in text] == []


def test_nothing_is_left_behind_when_a_session_has_ended(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        value = d.create(subject="ann")["token"]

        def look():
            had = pam.do("possessions")
            assert [name for name in had["files"] if re.search("jeton|sodium", name)] == []
            return had["descriptors"], had["files"], had["mappings"]
        for wanted, password in ([0, 0], value), ([7, 6], "wrong"):
            assert (pam.do("loop", service="login", user="ann", value=password, count=5)["codes"] ==
                    [wanted])
            before = look()
            pam.do("loop", service="login", user="ann", value=password, count=scaled(50, 5))
            after = look()
            assert after[:2] == before[:2]
            assert after[2] <= before[2] + 4, f"mappings grew from {before[2]} to {after[2]}"
        d.kill()
        pam.do("loop", service="login", user="ann", value=value, count=5)
        assert look()[:2] == before[:2], "nor without a daemon"


def test_between_two_calls_no_connection_is_open(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        pam.start("login", "ann", d.create(subject="ann")["token"])
        before = proc.descriptors(pam.process.pid)      # it has answered: it is up
        assert (pam.authenticate(), proc.descriptors(pam.process.pid)) == ("SUCCESS", before)
        assert (pam.account(), proc.descriptors(pam.process.pid)) == ("SUCCESS", before)
        pam.end()


def test_value_is_kept_out_of_core_dumps_and_wiped_at_the_end(daemon):
    need_plain_build()
    d = daemon()
    with Application(login=asks(d)) as pam:
        value = d.create(subject="ann")["token"].encode()
        tail = value[-30:]              # malloc() writes over the beginning of what is freed
        pid = pam.process.pid
        give, take = os.pipe2(0)
        os.write(take, value)
        pam.start("login", "ann", None)
        # The pipe's reading end, through /proc: the value must not go through the channel.
        assert pam.do("open_secret", path=f"/proc/{os.getpid()}/fd/{give}")["length"] == len(value)
        assert proc.memory_holds(pid, tail) is not None, "the search finds what is there"
        assert (pam.authenticate(), pam.account()) == ("SUCCESS", "SUCCESS")
        pam.do("wipe")
        kept = proc.memory_holds(pid, tail)
        assert kept is not None, "account management needs it"
        flags = mapping_flags(pid, kept)
        assert "dd" in flags, f"not left out of core dumps: {flags}"
        assert pam.account() == "SUCCESS"
        pam.end()
        assert proc.memory_holds(pid, tail) is None


def mapping_flags(pid, address):
    """Return the VmFlags of the mapping that has this address."""
    inside = False
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            if extent := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
                inside = int(extent[1], 16) <= address < int(extent[2], 16)
            elif inside and line.startswith("VmFlags:"):
                return line.split()[1:]
    return []


def kept_apart(pid):
    """The mappings that are left out of core dumps and are a process's own to write to, as sets of VmFlags."""
    with open(f"/proc/{pid}/smaps") as file:
        flags = [set(line.split()[1:]) for line in file if line.startswith("VmFlags:")]
    return [each for each in flags if {"dd", "wr"} <= each and not each & {"sh", "io", "nr"}]


def test_value_is_locked_in_memory_until_the_session_ends(daemon):
    need_plain_build()
    d = daemon()
    with Application(login=asks(d)) as pam:
        pam.start("login", "ann", d.create(subject="ann")["token"])
        assert kept_apart(pam.process.pid) == []
        assert pam.authenticate() == "SUCCESS"
        kept = kept_apart(pam.process.pid)
        assert len(kept) == 1 and "lo" in kept[0], kept
        pam.end()
        assert kept_apart(pam.process.pid) == []


def test_application_that_may_not_lock_memory_is_served(daemon):
    need_root()
    need_plain_build()
    d = daemon(uid=12345)
    os.chmod(d.directory, 0o755)
    value = d.create(subject="ann")["token"]
    with Application(login=asks(d).replace(MODULE, module_for_others())) as pam:
        resource.prlimit(pam.process.pid, resource.RLIMIT_MEMLOCK, (0, 0))
        pam.do("become", uid=OTHER_UID)
        pam.start("login", "ann", value)
        assert (pam.authenticate(), pam.account()) == ("SUCCESS", "SUCCESS")
        kept = kept_apart(pam.process.pid)
        assert len(kept) == 1 and "lo" not in kept[0], kept
        pam.end()


def test_threads_authenticate_at_the_same_time(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        users = [[f"user{i}", d.create(subject=f"user{i}")["token"]] for i in range(6)]
        users += [["user0", users[1][1]], ["user1", "wrong"]]
        assert (pam.do("threads", service="login", users=users, count=scaled(40, 4))["codes"] ==
                [[[0, 0]]] * 6 + [[[7, 6]]] * 2)


def test_application_that_has_closed_its_standard_streams_is_served(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        value = d.create(subject="ann")["token"]
        assert pam.once("login", "ann", value) == "SUCCESS"
        pam.do("close_standard")
        assert pam.once("login", "ann", value) == "SUCCESS"
        assert pam.once("login", "ann", "wrong") == "AUTH_ERR"
        assert pam.do("standard")["open"] == [], "nothing took their numbers"


def test_child_after_fork_asks_for_itself_and_the_parent_goes_on(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        token = d.create(subject="ann")
        pam.start("login", "ann", token["token"])
        assert pam.authenticate() == "SUCCESS"
        assert pam.do("in_child", name="pam_acct_mgmt")["code"] == 0
        assert pam.account() == "SUCCESS"
        d.done(f"revoke {token['id']}")
        assert pam.do("in_child", name="pam_acct_mgmt")["code"] == 6
        assert (pam.account(), pam.end()) == ("PERM_DENIED", "SUCCESS")


def test_application_in_a_chroot_is_served_where_the_socket_is_there(daemon):
    need_root()
    d = daemon()
    with Application(login=both("socket=/verify.sock")) as pam:
        token = d.create(subject="ann")
        pam.start("login", "ann", token["token"])
        pam.do("chroot", directory=d.directory)
        assert (pam.authenticate(), pam.account()) == ("SUCCESS", "SUCCESS")
        d.done(f"revoke {token['id']}")
        assert (pam.account(), pam.end()) == ("PERM_DENIED", "SUCCESS")


def test_application_of_another_user_is_served(daemon):
    need_root()
    d = daemon(uid=12345)
    os.chmod(d.directory, 0o755)
    token = d.create(subject="ann")
    module = module_for_others()
    with Application(login=asks(d).replace(MODULE, module)) as pam:
        pam.do("become", uid=OTHER_UID)
        pam.start("login", "ann", token["token"])
        assert (pam.authenticate(), pam.account()) == ("SUCCESS", "SUCCESS")
        pam.end()
        os.chmod(d.path("verify"), 0o600)
        assert pam.once("login", "ann", token["token"]) == "SERVICE_ERR", "it may not connect"
        assert any("Permission denied" in text for _, text in pam.logged()), pam.logged()


def test_log_warns_where_any_token_of_the_user_is_a_password(daemon):
    d = daemon()
    value = d.create(subject="ann", scopes="wiki:read")["token"]
    with Application(any=asks(d), login=asks(d, "scope=wiki:read")) as pam:
        assert pam.once("login", "ann", value) == "SUCCESS"
        assert [text for _, text in pam.logged() if "no scope=" in text] == []
        assert pam.once("any", "ann", value) == "SUCCESS"
        warnings = [entry for entry in pam.logged() if "no scope=" in entry[1]]
        assert len(warnings) == 1 and warnings[0][0] == 5 and "any token" in warnings[0][1], warnings


def test_log_says_why_an_account_line_alone_lets_nobody_in_without_a_token(daemon):
    d = daemon()
    with Application(login=asks(d)) as pam:
        pam.start("login", "ann")
        assert pam.account() == "PERM_DENIED"
        logged = pam.logged()
    assert any(level == 6 and "user ann did not log in with a token here" in text for level, text in logged), logged
