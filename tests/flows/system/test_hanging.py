# SPDX-License-Identifier: Apache-2.0
"""What the daemon depends on hangs: whoever reads its log, a name service.  All else goes on."""
import contextlib
import os
import subprocess
import tempfile

import pytest

from daemon import Daemon, environment
from preload import built
from settings import JETOND
from waiting import eventually


class Log:
    """A pipe for standard error, which is read when we want it."""

    def __init__(self):
        self.reader, self.writer = os.pipe()

    def fill(self):
        """Fill the pipe; by an open file of our own, as the daemon's must stay as it is."""
        with open(os.open(f"/proc/self/fd/{self.writer}", os.O_WRONLY | os.O_NONBLOCK), "wb", 0) as pipe:
            for size in 4096, 1:
                while pipe.write(b"x" * size) is not None:
                    pass

    def read(self):
        return os.read(self.reader, 1 << 20).decode()


@contextlib.contextmanager
def daemon_that_logs_to(log, **options):
    d = Daemon(config="[daemon]\nactivation_delay = 0s\n", **options)
    d.process = subprocess.Popen([JETOND, *d.arguments()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=log.writer, env=environment(d.hangs) | d.extra)
    eventually(d.listens, "jetond listens")
    yield d
    if d.process is not None:
        d.process.kill()
        d.process.wait()


def delay_becomes(d, delay, state):
    """Reload another delay, which is logged; it is in use."""
    d.configure(f"[daemon]\nactivation_delay = {delay}\n")
    d.reload()
    eventually(lambda: d.create()["state"] == state, f"the delay is {delay}")


def test_log_reader_that_hangs_holds_up_nothing():
    log = Log()
    with daemon_that_logs_to(log) as d:
        log.read()
        log.fill()
        token = d.create()
        for delay, state in (("1h", "pending"), ("0s", "active"), ("1h", "pending")):
            delay_becomes(d, delay, state)
        with d.client() as new:
            assert new.request("ping").verdict == "OK", "connections are accepted"
        assert d.verify(token["token"]) == "OK"
        d.answered_by("table")
        d.done(f"revoke {token['id']}")
        text = ""
        while text.count("configuration reloaded") < 3:
            text += log.read()
        assert d.stats()["log_dropped"] == "0", "so few lines wait in memory"
        log.fill()
        delay_becomes(d, "0s", "active")
        d.stop()


def test_log_reader_that_is_gone_holds_up_nothing():
    log = Log()
    with daemon_that_logs_to(log) as d:
        os.close(log.reader)
        os.close(log.writer)
        for delay, state in (("1h", "pending"), ("0s", "active")):
            delay_becomes(d, delay, state)
        eventually(lambda: int(d.stats()["log_dropped"]) >= 2, "what was lost is counted")
        d.stop()


# -- a name service ------------------------------------------------------------------------------

SERVICE = "[service a]\nrequired = require peer_gid=root\nrequired = local\n"


@contextlib.contextmanager
def daemon_with_names(*settings):
    """A daemon whose look-ups of groups hang while the file exists that is yielded as well."""
    directory = tempfile.mkdtemp(prefix="")
    hang = f"{directory}/hang"
    d = Daemon(*settings, config="[daemon]\nactivation_delay = 0s\n", hangs=True, directory=directory,
               extra={"LD_PRELOAD": built("names"), "JETON_NAMES_HANG": hang})
    with d:
        yield d, hang


def begin_to_hang(d, hang, rest=""):
    """Reload a delay of an hour; it hangs."""
    open(hang, "x").close()
    configure(d, "1h", rest)
    eventually(lambda: os.path.exists(f"{hang}.1"), "a look-up hangs")


def configure(d, delay, rest=""):
    d.configure(f"[daemon]\nactivation_delay = {delay}\n{rest}")
    d.reload()


@pytest.mark.parametrize("settings, rest", [(["verify.table_group=root"], ""), ([], SERVICE)],
                         ids=["table_group", "verifier"])
def test_name_service_that_hangs_at_a_reload_holds_up_nothing(settings, rest):
    with daemon_with_names(*settings) as (d, hang):
        token = d.create()
        begin_to_hang(d, hang, rest)
        configure(d, "0s")
        with d.client() as new:
            assert new.request("ping").verdict == "OK", "connections are accepted"
        assert d.verify(token["token"]) == "OK"
        d.answered_by("table")
        assert d.create()["state"] == "active", "the old configuration is in force"
        d.done(f"revoke {token['id']}")
        os.unlink(hang)
        eventually(lambda: d.log().count("configuration reloaded") == 2, "both reloads take effect, in turn")
        assert d.create()["state"] == "active"
        configure(d, "1h")
        eventually(lambda: d.create()["state"] == "pending", "a third one, too")


def test_name_service_that_does_not_answer_is_not_taken_for_a_group_that_is_missing():
    with daemon_with_names("verify.table_group=root") as (d, hang):
        open(f"{hang}.fails", "x").close()
        configure(d, "1h")
        eventually(lambda: "the group root cannot be looked up: Connection refused" in d.log(), "it is reported")
        assert "there is no group" not in d.log()
        assert d.create()["state"] == "active", "the old configuration is in force"
        os.unlink(f"{hang}.fails")
        configure(d, "1h")
        eventually(lambda: d.create()["state"] == "pending", "a reload works again")


def test_name_service_that_does_not_answer_is_not_taken_for_a_name_that_a_verifier_has_wrong():
    with daemon_with_names() as (d, hang):
        open(f"{hang}.fails", "x").close()
        for kind, name in ("group", "peer_gid=root"), ("user", "peer_uid=root"):
            configure(d, "1h", SERVICE.replace("peer_gid=root", name))
            told = f"{name[:8]}=: the {kind} root cannot be looked up: Connection refused"
            eventually(lambda: told in d.log(), f"{told} is reported")
        assert "of this machine" not in d.log()
        assert d.create()["state"] == "active", "the old configuration is in force"


def test_start_while_a_name_service_fails_may_be_tried_again(daemon):
    d = daemon(config=SERVICE)
    d.stop()
    open(f"{d.directory}/names.fails", "x").close()
    names = {"LD_PRELOAD": built("names"), "JETON_NAMES_HANG": f"{d.directory}/names"}
    for more in [], ["--check"]:
        done = subprocess.run([JETOND, *d.arguments(), *more], capture_output=True, text=True,
                              env=environment(True) | names, timeout=60)
        assert done.returncode == 1 and "peer_gid=: the group root cannot be looked up" in done.stderr, done


@pytest.mark.parametrize("key, kind", [("admin.owner", "user"), ("admin.group", "group"), ("daemon.user", "user"),
                                       ("verify.table_group", "group")])
def test_check_tells_a_name_service_that_fails_from_a_missing_name(daemon, key, kind):
    d = daemon(config="")
    d.stop()
    fails = f"{d.directory}/names"
    open(f"{fails}.fails", "x").close()
    for more, status, fault in (({}, 2, f"there is no {kind} nobody-here on this machine"),
                                ({"LD_PRELOAD": built("names"), "JETON_NAMES_HANG": fails}, 1,
                                 f"the {kind} nobody-here cannot be looked up: Connection refused")):
        for extent in ["--check-config"], []:
            done = subprocess.run([JETOND, *d.arguments(), "--set", f"{key}=nobody-here", *extent],
                                  capture_output=True, text=True, env=environment(True) | more, timeout=60)
            assert done.returncode == status and fault in done.stderr, done.stderr


def test_daemon_ends_in_good_order_while_a_name_service_hangs():
    with daemon_with_names() as (d, hang):
        begin_to_hang(d, hang, SERVICE)
        d.stop()
        assert "a reload has not returned" in d.log()
        assert not os.path.exists(f"{hang}.ended"), "no library was ended under the thread that is left"
        os.unlink(hang)
        d.start()
        assert d.create()["state"] == "pending"
