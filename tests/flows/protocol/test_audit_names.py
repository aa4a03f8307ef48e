# SPDX-License-Identifier: Apache-2.0
"""Who it was: names of users, looked up where nobody waits for them, and who they logged in as."""
import os
import pwd
import subprocess
import sys
import tempfile
import textwrap

import pytest

from preload import built
from requirements import need_plain_build
from settings import PATIENCE
from waiting import eventually

MY_NAME = pwd.getpwuid(os.getuid()).pw_name
LOGIN = 4242

# Logs in as LOGIN, as pam_loginuid does, and sends its arguments, a line each, on one connection.
LOGGED_IN = f"""
    import socket, sys
    with open("/proc/self/loginuid", "w") as file:
        file.write("{LOGIN}")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(sys.argv[1])
        s.sendall("".join(line + "\\n" for line in sys.argv[2:]).encode())
        s.shutdown(socket.SHUT_WR)
        print(s.makefile().read())
    """


def logged_in(path, *lines):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(LOGGED_IN), path, *lines], capture_output=True,
                          text=True, timeout=40 * PATIENCE)
    if done.returncode != 0:
        pytest.skip(f"nobody can log in here: {done.stderr.splitlines()[-1]}")
    return done.stdout


def test_who_logged_in_stands_beside_who_asked(daemon):
    d = daemon("daemon.logins=yes")
    token = d.create()
    logged_in(d.path(), f"revoke {token['id']}", f"update {d.create()['id']} subject=ann", "create")
    logged_in(d.path("verify"), f"revoke token={d.create()['token']}")
    entries = d.done("journal").lines
    assert ({e["event"] for e in entries if e.get("login") == f"uid:{LOGIN}"} == {"create", "update", "revoke"})
    assert all(e["by"] == f"uid:{os.getuid()}" for e in entries), "who asked is still who asked"
    own = open("/proc/self/loginuid").read().strip()
    mine = {e.get("login") for e in entries if int(e["pid"]) == os.getpid()}
    assert mine == {None if own == str(2 ** 32 - 1) else f"uid:{own}"}
    d.restart()
    assert d.done("journal").lines == entries


def test_who_logged_in_stands_in_each_entry_of_a_change_of_many(daemon):
    d = daemon("daemon.logins=yes")
    tokens = {d.create(subject="leaver")["id"] for _ in range(2)}
    for line in ("update subject=leaver description=x", "disable subject=leaver", "enable subject=leaver",
                 "revoke subject=leaver", "delete subject=leaver"):
        newest = d.stat("journal_newest")
        logged_in(d.path(), f"{line} count=2")
        entries = d.done(f"journal after={newest}").lines
        assert {(e["id"], e.get("login")) for e in entries} == {(i, f"uid:{LOGIN}") for i in tokens}, line


def test_sandbox_hides_who_logged_in_unless_it_is_configured_to_show_it(daemon):
    need_plain_build()      # sanitizers read /proc
    d = daemon()
    if d.stat("protection_landlock") == 0:
        pytest.skip("there is no Landlock here")
    logged_in(d.path(), "create")
    assert "login" not in d.done("journal").lines[0]


def test_client_that_has_ended_has_no_login_of_another(daemon):
    d = daemon("daemon.logins=yes")
    with d.stopped():
        logged_in_and_gone = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(LOGGED_IN).replace("print(s.makefile().read())", ""), d.path(),
             "create subject=gone"], stderr=subprocess.DEVNULL)
        if logged_in_and_gone.wait(40 * PATIENCE) != 0:
            pytest.skip("nobody can log in here")
    entry = eventually(lambda: d.done("journal subject=gone").lines, "the change is made")[0]
    assert "login" not in entry, "its process is not there any more"


def with_hanging_names(daemon):
    """A daemon whose look-ups of names hang while the file is there."""
    directory = tempfile.mkdtemp(prefix="")
    hang = f"{directory}/hang"
    open(hang, "w").close()
    return daemon(directory=directory, extra={"LD_PRELOAD": built("names"), "JETON_NAMES_HANG": hang},
                  hangs=True), hang


def test_hanging_name_service_holds_up_nothing_but_names(daemon):
    d, hang = with_hanging_names(daemon)
    token = d.create()
    with d.client() as waiting:
        waiting.send(f"show {token['id']}")
        eventually(lambda: os.path.exists(hang + ".uid"), "a name is looked up")
        assert d.verify(token["token"]) == "OK"
        d.done(f"update {token['id']} subject=ann")
        assert d.list()[0]["subject"] == "ann"
        line = waiting.reply().lines[0]
    assert line["by"] == f"uid:{os.getuid()}" and "by_name" not in line, "its answer comes without names"
    assert d.ask(f"journal by={MY_NAME}").verdict == "ERR unavailable", "what it left out would not be noticed"
    assert d.done(f"journal by=uid:{os.getuid()}").lines
    os.unlink(hang)
    eventually(lambda: d.done(f"show {token['id']}").lines[0].get("by_name") == MY_NAME, "the service answers again")


def test_daemon_ends_although_a_name_is_looked_up_for_ever(daemon):
    d, hang = with_hanging_names(daemon)
    token = d.create()
    with d.client() as waiting:
        waiting.send(f"show {token['id']}")
        eventually(lambda: os.path.exists(hang + ".uid"), "a name is looked up")
        d.stop()
    assert not os.path.exists(hang + ".ended"), "libraries were ended under the look-up"
