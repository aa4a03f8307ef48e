# SPDX-License-Identifier: Apache-2.0
"""pam_jeton in other people's processes: what it exports, logs, keeps and leaves behind."""
import os
import re
import subprocess

import proc
from harness import Daemon, claim, need_plain_build, need_root, same
from pam_stack import Application, MODULE, asks, both, module_for_others, need_module
from settings import scaled
from value import value_new

OTHER_UID = 65534


@claim
def pam_module_exports_its_three_functions_and_registers_no_handlers():
    need_module()
    symbols = subprocess.check_output(["nm", "-D", MODULE], text=True).splitlines()
    defined = [line.split()[2] for line in symbols if re.search(r" [TDBRVWi] ", line)]
    same(sorted(name for name in defined if "san" not in name),
         ["pam_sm_acct_mgmt", "pam_sm_authenticate", "pam_sm_setcred"])
    for unwanted in "atfork", "atexit", "signal", "sigaction", "pthread_create", "fork", "exit":
        same([line for line in symbols if line.split()[-1].split("@")[0].strip("_") == unwanted],
             [], unwanted)


@claim
def log_names_tokens_by_identifier_and_never_holds_a_value():
    with Daemon() as d:
        good = d.create(subject="ann", scopes="in")
        short = "0123456789abcdefghijklmnopqrstuv"          # as short as a value can be
        d.done(f"import token={short} subject=ann")
        with Application(door=asks(d, "debug", "debug")) as pam:
            for value in good["token"], short, value_new():
                pam.start("door", "ann", value)
                pam.authenticate()
                pam.account()
                pam.end()
                pam.once("door", value, value)
                pam.once("door", value, "wrong")
                pam.once("door", "bob\nSYSLOG(3): forged", value)
            logged = pam.logged()
            output = pam.output()
            for value in good["token"], short:
                assert value[:16] not in output and value[-16:] not in output
            for entry in ((6, f"user ann, token {good['id']}: accepted"),
                          (5, f"user (not shown), token {good['id']}: "
                              "the token speaks for another subject"),
                          (5, "user ann, token not known: no such token here")):
                assert entry in logged, (entry, logged)
            same([text for _, text in logged if "forged" in text], [])


@claim
def nothing_is_left_behind_when_a_session_has_ended():
    with Daemon() as d, Application(door=asks(d)) as pam:
        value = d.create(subject="ann")["token"]

        def look():
            had = pam.do("possessions")
            same([name for name in had["files"] if re.search("jeton|sodium", name)], [])
            return had["descriptors"], had["files"], had["mappings"]
        for wanted, password in ([0, 0], value), ([7, 6], "wrong"):
            same(pam.do("loop", service="door", user="ann", value=password, count=5)["codes"],
                 [wanted])
            before = look()
            pam.do("loop", service="door", user="ann", value=password, count=scaled(50, 5))
            after = look()
            same(after[:2], before[:2])
            assert after[2] <= before[2] + 4, "mappings grew from {2} to {2}".format(before, after)
        d.kill()
        pam.do("loop", service="door", user="ann", value=value, count=5)
        same(look()[:2], before[:2], "nor without a daemon")


@claim
def between_two_calls_no_connection_is_open():
    with Daemon() as d, Application(door=asks(d)) as pam:
        pam.start("door", "ann", d.create(subject="ann")["token"])
        before = proc.descriptors(pam.process.pid)      # it has answered: it is up
        same((pam.authenticate(), proc.descriptors(pam.process.pid)), ("SUCCESS", before))
        same((pam.account(), proc.descriptors(pam.process.pid)), ("SUCCESS", before))
        pam.end()


@claim
def value_is_kept_out_of_core_dumps_and_wiped_at_the_end():
    need_plain_build()
    with Daemon() as d, Application(door=asks(d)) as pam:
        value = d.create(subject="ann")["token"].encode()
        tail = value[-30:]              # malloc() writes over the beginning of what is freed
        pid = pam.process.pid
        give, take = os.pipe2(0)
        os.write(take, value)
        pam.start("door", "ann", None)
        # The pipe's reading end, through /proc: the value must not go through the channel.
        same(pam.do("open_secret", path=f"/proc/{os.getpid()}/fd/{give}")["length"], len(value))
        assert proc.memory_holds(pid, tail) is not None, "the search finds what is there"
        same((pam.authenticate(), pam.account()), ("SUCCESS", "SUCCESS"))
        pam.do("wipe")
        kept = proc.memory_holds(pid, tail)
        assert kept is not None, "account management needs it"
        flags = mapping_flags(pid, kept)
        assert "dd" in flags, f"not left out of core dumps: {flags}"
        same(pam.account(), "SUCCESS")
        pam.end()
        same(proc.memory_holds(pid, tail), None)


def mapping_flags(pid, address):
    """VmFlags of the mapping that holds an address."""
    inside = False
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            if extent := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
                inside = int(extent[1], 16) <= address < int(extent[2], 16)
            elif inside and line.startswith("VmFlags:"):
                return line.split()[1:]
    return []


@claim
def threads_authenticate_at_the_same_time():
    with Daemon() as d, Application(door=asks(d)) as pam:
        users = [[f"user{i}", d.create(subject=f"user{i}")["token"]] for i in range(6)]
        users += [["user0", users[1][1]], ["user1", "wrong"]]
        same(pam.do("threads", service="door", users=users, count=scaled(40, 4))["codes"],
             [[[0, 0]]] * 6 + [[[7, 6]]] * 2)


@claim
def application_that_has_closed_its_standard_streams_is_served():
    with Daemon() as d, Application(door=asks(d)) as pam:
        value = d.create(subject="ann")["token"]
        same(pam.once("door", "ann", value), "SUCCESS")
        pam.do("close_standard")
        same(pam.once("door", "ann", value), "SUCCESS")
        same(pam.once("door", "ann", "wrong"), "AUTH_ERR")
        same(pam.do("standard")["open"], [], "nothing took their numbers")


@claim
def child_after_fork_asks_for_itself_and_the_parent_goes_on():
    with Daemon() as d, Application(door=asks(d)) as pam:
        token = d.create(subject="ann")
        pam.start("door", "ann", token["token"])
        same(pam.authenticate(), "SUCCESS")
        same(pam.do("in_child", name="pam_acct_mgmt")["code"], 0)
        same(pam.account(), "SUCCESS")
        d.done(f"revoke {token['id']}")
        same(pam.do("in_child", name="pam_acct_mgmt")["code"], 6)
        same((pam.account(), pam.end()), ("PERM_DENIED", "SUCCESS"))


@claim
def application_in_a_chroot_is_served_where_the_socket_is_there():
    need_root()
    with Daemon() as d, Application(door=both("socket=/verify.sock")) as pam:
        token = d.create(subject="ann")
        pam.start("door", "ann", token["token"])
        pam.do("chroot", directory=d.directory)
        same((pam.authenticate(), pam.account()), ("SUCCESS", "SUCCESS"))
        d.done(f"revoke {token['id']}")
        same((pam.account(), pam.end()), ("PERM_DENIED", "SUCCESS"))


@claim
def application_of_another_user_is_served():
    need_root()
    with Daemon(uid=12345) as d:
        os.chmod(d.directory, 0o755)
        token = d.create(subject="ann")
        module = module_for_others()
        with Application(door=asks(d).replace(MODULE, module)) as pam:
            pam.do("become", uid=OTHER_UID)
            pam.start("door", "ann", token["token"])
            same((pam.authenticate(), pam.account()), ("SUCCESS", "SUCCESS"))
            pam.end()
            os.chmod(d.path("verify"), 0o600)
            same(pam.once("door", "ann", token["token"]), "SERVICE_ERR", "it may not connect")
            assert any("Permission denied" in text for _, text in pam.logged()), pam.logged()
