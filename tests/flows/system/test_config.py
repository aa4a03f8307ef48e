# SPDX-License-Identifier: Apache-2.0
"""Configuration: every mistake gets one clear line that shows where it is and what would be right."""
import os

from client import Client
from daemon import run_jetond
from waiting import eventually

GOOD = """\
; a comment
[daemon]
prefix = abc
activation_delay = 0s
retention = 7d
journal_entries = 5000
log_level = warning
max_connections = 100
max_connections_per_uid = 50
idle_timeout = 1h
line_timeout = 10s
workers = 2

[verify]
mode = 0600
table_group =
"""


def complaint(done):
    """Return the one line that a failed start ends with."""
    assert done.returncode not in (0, None) and done.returncode > 0, done
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, f"one line: {done.stderr}"
    return lines[0]


def test_good_configuration_passes_the_check_and_works(daemon):
    d = daemon(config=GOOD)
    assert d.create()["token"].startswith("abc_")
    assert os.stat(d.path("verify")).st_mode & 0o777 == 0o600
    assert os.stat(d.path("admin")).st_mode & 0o777 == 0o660
    d.stop()
    done = run_jetond(*d.arguments(), "--check")
    assert done.returncode == 0, done.stderr
    d.start()


def test_mistake_in_the_file_is_one_line_with_file_and_number(daemon):
    good = "[daemon]\nlog_level = info\n"
    wrong = [
        ("[deamon]\nworkers = 1\n", 1, "deamon"), ("[daemon]\nworker = 1\n", 2, "worker"),
        (good + "workers = many\n", 3, "number"), (good + "workers = 65\n", 3, "64"),
        (good + "workers = -1\n", 3, "number"), (good + "retention = 30\n", 3, "duration"),
        (good + "journal_entries = 99\n", 3, "100"), ("[daemon]\nlog_level = loud\n", 2, "error"),
        (good + "prefix = Jtn\n", 3, "lower-case"), (good + "store = tokens.tdb\n", 3, "absolute"),
        (good + "\n[verify]\nmode = 999\n", 5, "octal"), (good + "log_level = debug\n", 3, "twice"),
        (good + "[admin]\npath = relative.sock\n", 4, "absolute"),
        (good + "[admin]\npath = /" + "x" * 120 + "\n", 4, "107"),
        (good + "just words\n", 3, "key = value"), (good + "[open\n", 3, "section"),
        (good + "[verify]\ntable_groups = x\n", 4, "table_groups"),
    ]
    d = daemon(config=GOOD)
    d.stop()
    for text, line, word in wrong:
        d.configure(text)
        for more in ("--check",), ():
            output = complaint(run_jetond(*d.arguments(), *more))
            assert f"{d.config}:{line}:" in output and word in output, f"{text!r}: {output}"
    d.configure(GOOD)
    d.start()


def test_mistake_in_set_is_one_line_that_names_it(daemon):
    d = daemon()
    d.stop()
    for setting, word in (("workers=1", "section.key=value"), ("daemon.workers", "section.key"),
                          ("daemon.workers=x", "number"), ("daemon.nothing=1", "nothing"),
                          ("nowhere.key=1", "nowhere"), ("", "section.key=value")):
        output = complaint(run_jetond(*d.arguments(), "--set", setting))
        assert word in output and (setting in output or "--set" in output), f"{setting}: {output}"
    d.start()


def test_what_the_configuration_names_must_exist(daemon):
    d = daemon()
    d.stop()
    for setting, words in (
            (f"daemon.store={d.directory}/none/t.tdb", ["none"]),
            (f"verify.path={d.directory}/none/v.sock", ["none"]),
            ("admin.group=no-such-group-here", ["no-such-group-here"]),
            ("admin.owner=no-such-user-here", ["no-such-user-here"]),
            ("verify.table_group=no-such-group-here", ["no-such-group-here"])):
        for more in ("--check",), ():
            output = complaint(run_jetond(*d.arguments(), "--set", setting, *more))
            assert all(word in output for word in words), f"{setting}: {output}"
    output = complaint(run_jetond("--config", f"{d.directory}/missing.conf", "--check"))
    assert "missing.conf" in output, output
    d.start()


def test_version_and_help_answer_and_unknown_options_are_usage_errors():
    done = run_jetond("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("jetond "), done.stdout
    done = run_jetond("--help")
    assert done.returncode == 0
    for option in "--config", "--set", "--check", "--version", "--help":
        assert option in done.stdout, f"{option}: {done.stdout}"
    for arguments in ["--nonsense"], ["word"], ["--config"], ["--set"]:
        done = run_jetond(*arguments)
        assert done.returncode == 2, arguments
        assert done.stderr.strip() and not done.stdout, done


def test_reload_applies_a_new_delay_and_level(daemon):
    d = daemon(config="[daemon]\nactivation_delay = 0s\n")
    assert d.create()["state"] == "active"
    d.configure("[daemon]\nactivation_delay = 1h\nlog_level = debug\n")
    d.reload()
    eventually(lambda: d.create()["state"] == "pending", "the new delay is applied")
    assert d.create(delay="0s")["state"] == "active", "what a request asks for comes first"


def test_reload_of_a_broken_file_keeps_the_old_settings_and_logs_why(daemon):
    d = daemon(config="[daemon]\nactivation_delay = 1h\n")
    assert d.create()["state"] == "pending"
    d.configure("[daemon]\nactivation_delay = 0s\nworker = 1\n")
    d.reload()
    eventually(lambda: f"{d.config}:3:" in d.log(), "it logs where the mistake is")
    assert d.create()["state"] == "pending"
    os.unlink(d.config)
    d.reload()
    eventually(lambda: d.log().count(d.config) >= 2, "it logs that there is no file")
    assert d.create()["state"] == "pending"
    d.configure("[daemon]\nactivation_delay = 0s\n")
    d.reload()
    eventually(lambda: d.create()["state"] == "active", "a good file is applied")


def test_reload_logs_what_needs_a_restart(daemon):
    d = daemon(config="[daemon]\nprefix = abc\n")
    d.configure("[daemon]\nprefix = xyz\n")
    d.reload()
    eventually(lambda: "restart" in d.log(), "it is logged")
    assert d.create()["token"].startswith("abc_")
    d.restart()
    assert d.create()["token"].startswith("xyz_")


def test_one_role_may_listen_on_several_sockets_and_another_on_none(daemon):
    d = daemon(roles=("admin",), config="")
    d.stop()
    paths = [f"{d.directory}/{name}.sock" for name in "abc"]
    d.configure("[verify]\n" + "".join(f"path = {path}\n" for path in paths))
    d.arguments = lambda: ["--config", d.config, "--set", f"daemon.store={d.store}",
                           "--set", f"admin.path={d.path()}", "--set", "admin.group=",
                           "--set", "verify.table_group="]
    d.start()
    for path in paths:
        with Client(path) as client:
            assert client.request("hello")["role"] == "verify"
    assert not os.path.exists(d.path("observe"))
