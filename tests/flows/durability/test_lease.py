# SPDX-License-Identifier: Apache-2.0
"""The table of a daemon that was killed: how long its clients believe it, and what the next daemon does meanwhile."""
import os
import subprocess
import sys
import time

import pytest

from client import Client
from daemon import Daemon
from killed_table import while_it_is_believed
from library import Handle, library
from waiting import eventually

HELD = "may believe a table that no daemon has ended"
MOUNTS = ["unshare", "--mount", "--propagation", "private"]
OFFSET = 2              # seconds by which a clock is behind, in a time namespace


def need_library():
    if library() is None:
        pytest.skip("needs libjeton in this process")


def by_table(handle, value, **wanted):
    return handle.verify(value, **wanted) == ("OK", "table")


class Denial:
    """A change under way in a session of its own, of a token that the table of the killed daemon passes."""

    def __init__(self, d, line, claims, wanted=None):
        self.wanted = wanted or {}
        self.token = d.create(**claims)
        self.line = line.format(id=self.token["id"])
        self.client = None

    def passes(self, handle):
        return by_table(handle, self.token["token"], **self.wanted)

    def send(self, d):
        self.client = Client(d.path())
        self.client.send(self.line, "create description=after", "ping")

    def answered(self):
        return not self.client.silent()


def test_denial_after_a_kill_is_answered_when_nobody_believes_the_old_table():
    need_library()
    while_it_is_believed(denials_wait_for_it)


def denials_wait_for_it(d):
    """Deny in all ways after a kill; return whether the table was seen to be believed meanwhile."""
    denials = [Denial(d, "revoke {id}", {}), Denial(d, "disable {id}", {}), Denial(d, "delete {id}", {}),
               Denial(d, "rotate {id}", {}), Denial(d, "update {id} subject=bob", {"subject": "ann"}, {"subject": "ann"}),
               Denial(d, "update {id} scopes=a", {"scopes": "a,b"}, {"scope": "b"})]
    disabled = d.create()
    d.done(f"disable {disabled['id']}")
    handle = Handle(d.path("verify"))
    eventually(lambda: all(denial.passes(handle) for denial in denials), "the table answers")
    d.kill()
    d.start()
    for denial in denials:
        denial.send(d)
    # Everything else goes on at once, and the new table denies.
    held = str(2 * len(denials))

    def in_time():
        return not any(denial.answered() for denial in denials)
    eventually(lambda: d.stats()["answers_held"] == held or not in_time(), "they are held, each with the next one")
    assert d.ask(f"verify {denials[0].token['token']}", "verify").verdict == "NO revoked"
    d.create()
    d.done(f"enable {disabled['id']}")
    d.done(f"update {disabled['id']} description=x")
    assert d.stats()["answers_held"] == held or not in_time()
    open_ones = list(denials)
    believed = 0
    end = time.monotonic() + 40
    while open_ones and time.monotonic() < end:
        for denial in list(open_ones):
            answered = denial.answered()
            passes = denial.passes(handle)
            assert not (answered and passes), f"{denial.line}: answered, and the old table still passes it"
            believed += passes
            if answered:
                open_ones.remove(denial)
        time.sleep(0.005)
    assert open_ones == []
    for denial in denials:
        assert [denial.client.reply().verdict for _ in range(3)] == ["OK"] * 3, "in order"
        denial.client.close()
    eventually(lambda: d.stats()["answers_held"] == "0", "the counter follows the answers")
    assert d.log().count(HELD) == 1
    handle.close()
    return believed > 0


def test_denial_after_a_stop_in_good_order_is_answered_at_once(daemon):
    d = daemon()
    first, second = d.create(), d.create()
    d.restart()
    d.done(f"revoke {first['id']}")
    with open(f"{d.store}.lease") as file:
        boot = file.read().split(" ")[1]
    d.kill()
    with open(f"{d.store}.lease", "w") as file:     # as if the machine had been booted since
        file.write(f"v=1 {boot[:-1]}{'0' if boot[-1] != '0' else '1'} state=running\n")
    d.start()
    d.done(f"revoke {second['id']}")
    assert HELD not in d.log()


def test_denial_after_a_stop_soon_after_a_kill_waits_for_the_table_of_the_killed_daemon(daemon):
    """The daemon between them ended in good order, and its successor does not say that it was killed."""
    d = daemon()
    token = d.create()
    d.kill()
    d.start()
    d.stop()
    d.start()
    assert d.log().count(HELD) == 2
    with d.client() as client:
        client.send(f"revoke {token['id']}")
        eventually(lambda: d.stats()["answers_held"] == "1", "it is held back")
        assert client.silent()
        d.stop()


def test_store_whose_lease_file_is_missing_or_damaged_holds_denials_back(daemon):
    d = daemon()
    token = d.create()
    for text in None, "", "v=1 boot=x state=stopped\n", "v=1 boot=0 state=stop", "v=1 boot=0 state=running\n":
        d.stop()
        os.unlink(f"{d.store}.lease")
        if text is not None:
            with open(f"{d.store}.lease", "w") as file:
                file.write(text)
        before = d.log().count(HELD)
        d.start()
        eventually(lambda: d.log().count(HELD) == before + 1, f"a lease file of {text!r} is believed")
        d.kill()
        os.unlink(f"{d.store}.lease")
        d.start()
    with d.client() as client:
        client.send(f"revoke {token['id']}")
        eventually(lambda: d.stats()["answers_held"] == "1", "it is held back")
        d.stop()    # nobody waits for the rest of the time


class Confined(Daemon):
    """See as much of /proc as ProcSubset=pid leaves, which jetond.service has."""

    def prefix(self):
        return [*MOUNTS, "sh", "-c", "mount -t proc -o subset=pid proc /proc && exec \"$@\"", "sh"]


def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def state_after_a_kill(store, booted_since):
    with open(f"{store}.lease") as file:
        text = file.read()
    if booted_since:
        with open(f"{store}.lease", "w") as file:
            file.write(text.replace(boot_id(), "0" * 8 + boot_id()[8:]))
    return text


@pytest.mark.parametrize("given, known", [(None, False), ("", False), ("12345678-", False), (boot_id()[:-1] + "x", False),
                                          (boot_id() + "0", False), (boot_id(), True),
                                          (boot_id().replace("-", ""), True)])
def test_boot_id_that_the_unit_hides_is_taken_from_the_environment_or_unknown(given, known):
    if subprocess.run([*MOUNTS, "mount", "-t", "proc", "-o", "subset=pid", "proc", "/proc"],
                      capture_output=True).returncode != 0:
        pytest.skip("/proc cannot be mounted here")
    with Confined(extra={} if given is None else {"JETOND_BOOT_ID": given}) as d:
        token = d.create()
        d.kill()
        assert state_after_a_kill(d.store, True) == f"v=1 boot={boot_id() if known else '0'} state=running\n"
        d.start()
        assert (HELD in d.log()) == (not known), "it is held back to be safe, unless the machine was booted since"
        if known:
            d.done(f"revoke {token['id']}")
            d.kill()
            state_after_a_kill(d.store, False)
            d.start()
            assert HELD in d.log(), "the same boot, by whatever writing"


def test_lease_file_that_cannot_be_written_prevents_a_start(daemon):
    d = daemon()
    d.stop()
    os.unlink(f"{d.store}.lease")
    os.mkfifo(f"{d.store}.lease")
    d.spawn()
    assert d.process.wait(40) == 1
    assert "lease: cannot open" in d.log()
    os.unlink(f"{d.store}.lease")
    d.start()


CLIENT = """
import sys
sys.path[:0] = sys.argv[3:]
from library import Handle
handle = Handle(sys.argv[1])
print("begun", flush=True)
for line in sys.stdin:
    print(*handle.verify(sys.argv[2]), flush=True)
"""


def test_table_of_another_clock_is_not_believed_after_its_daemon_died(daemon):
    """The clock of a time namespace is behind, so that the lease seems to end later."""
    need_library()
    within = ["unshare", "--time", "--monotonic"]
    if subprocess.run([*within, "1", "true"], capture_output=True).returncode != 0:
        pytest.skip("no time namespace can be made here")
    if time.clock_gettime(time.CLOCK_MONOTONIC) < 60:
        pytest.skip("the machine was booted just now: no clock can be behind")
    d = daemon()
    value = d.create()["token"]
    # Only a child of unshare is sure to be in the new time namespace.
    client = subprocess.Popen(["unshare", "--time", f"--monotonic={-OFFSET}", "--fork", sys.executable, "-c", CLIENT,
                               d.path("verify"), value, *sys.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer():
        client.stdin.write("\n")
        client.stdin.flush()
        return client.stdout.readline().strip()
    assert client.stdout.readline() == "begun\n"
    first = eventually(lambda: (said := answer()) != "ERR unavailable nobody" and said, "it is answered")
    assert first == "OK daemon"
    d.kill()
    died = time.monotonic()
    while time.monotonic() < died + OFFSET + 1:
        assert answer() == "ERR unavailable nobody"
        time.sleep(0.02)
    client.stdin.close()
    assert client.wait(40) == 0
    d.start()
