# SPDX-License-Identifier: Apache-2.0
"""The restrictions that the daemon puts on itself."""
import os
import re
import socket

import proc
import pytest
from daemon import run_jetond
from requirements import need_plain_build, need_root
from settings import BUILD
from waiting import eventually



def name_service_connects():
    with open("/etc/nsswitch.conf") as file:
        sources = re.findall(r"^(?:passwd|group|initgroups)\s*:([^#\n]*)", file.read(), re.M)
    return bool(set(" ".join(sources).split()) - {"files", "db", "systemd"})


PROTECTIONS = ("no_new_privs", "not_dumpable", "seccomp", "landlock")


def figures(d):
    return {name.removeprefix("protection_"): int(value) for name, value in d.stats().items()
            if name.startswith("protection_")}


def test_every_thread_is_under_the_filter_and_without_new_privileges(daemon):
    need_plain_build()
    d = daemon()
    threads = os.listdir(f"/proc/{d.pid}/task")
    assert len(threads) >= 3, threads
    for thread in threads:
        task = f"{d.pid}/task/{thread}"
        assert (proc.status(task, "Seccomp"), proc.status(task, "NoNewPrivs")) == (2, 1), task
    got = figures(d)
    assert ({name: got[name] for name in PROTECTIONS if name != "landlock"} ==
            {name: 1 for name in PROTECTIONS if name != "landlock"})
    assert got["landlock"] == int(got["landlock_abi"] > 0)
    assert got["landlock"] or "Landlock" in d.log(), "what is not there is logged"


def test_sandbox_can_be_left_out_and_stats_show_it(daemon):
    d = daemon("daemon.sandbox=no")
    got = figures(d)
    assert (got["seccomp"], got["landlock"], got["no_new_privs"]) == (0, 0, 1)
    assert proc.status(d.pid, "Seccomp") == 0
    assert "Landlock" not in d.log() and "filter" not in d.log(), d.log()


def test_reload_finds_names_and_files_from_within_the_sandbox(daemon):
    d = daemon(config="[daemon]\nactivation_delay = 0s\n", )
    # As editors do: another file under the same name.
    with open(d.config + ".new", "w") as file:
        file.write("[daemon]\nactivation_delay = 1h\n[verify]\ntable_group = daemon\n")
    os.rename(d.config + ".new", d.config)
    d.settings = ["verify.table_group=daemon"]
    d.reload()
    eventually(lambda: d.create()["state"] == "pending", "it is applied")
    d.configure("[verify]\nowner = no-such-user\n")
    d.reload()
    eventually(lambda: "no-such-user" in d.log(), "a name that is not there is logged")
    assert d.done("ping").verdict == "OK"


def service_of(module, path):
    return f"[service {module}]\nsufficient = {BUILD}/tests/verifiers/{module}.so does=connect subject={path}\n"


@pytest.mark.skipif(name_service_connects(), reason="users of this host are asked for by connections")
def test_daemon_that_needs_no_connections_cannot_make_any(daemon):
    need_plain_build()
    d = daemon(config="")
    path = f"{d.directory}/bus.sock"
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(path)
        bus.listen()
        d.configure(service_of("odd", path))
        d.restart()
        reply = d.ask("verify service=odd " + "x" * 40, "verify")
        assert (reply.verdict, reply["message"]) == ("NO denied", "Permission denied")
        d.configure(service_of("odd", path) + service_of("odd-blocks", path))
        d.reload()
        eventually(lambda: "restart jetond: when it started, no verifier needed connections" in d.log(),
                   "a verifier that may connect is refused until a restart")
        assert d.ask("verify service=odd-blocks " + "x" * 40, "verify").verdict == "NO unknown"
        d.restart()
        assert d.ask("verify service=odd-blocks " + "x" * 40, "verify").verdict == "OK"


def test_locked_memory_is_used_where_it_is_allowed_and_logged_where_not(daemon):
    need_plain_build()
    d = daemon()
    if figures(d)["memory_locked"]:
        assert proc.status(d.pid, "VmLck") > 0
    else:
        eventually(lambda: "RLIMIT_MEMLOCK" in d.log(), "it is logged by whoever needs memory first")


def test_buffers_stay_unlocked_where_the_limit_demands_it(daemon):
    need_root()
    need_plain_build()
    import resource
    d = daemon(uid=65534, limits={resource.RLIMIT_MEMLOCK: 0})
    assert figures(d)["memory_locked"] == 0
    eventually(lambda: d.log().count("RLIMIT_MEMLOCK") == 1, "it is logged by whoever needs memory first")
    for _ in range(20):
        d.client().request("ping")
    assert d.log().count("RLIMIT_MEMLOCK") == 1, "once"


def test_bad_protection_settings_are_refused():
    for setting, word in ("daemon.sandbox=maybe", "auto"), ("daemon.network=1", "yes"):
        done = run_jetond("--set", setting)
        assert done.returncode == 2 and word in done.stderr, done
