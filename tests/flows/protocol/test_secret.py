# SPDX-License-Identifier: Apache-2.0
"""The value: its form, and that it is shown once and then is nowhere."""
import os
import re
import resource
import signal

import proc
from requirements import need_plain_build, need_root
from value import BASE62, check_of, id_of
from waiting import eventually


def test_value_and_id_have_the_documented_form(daemon):
    d = daemon()
    for _ in range(20):
        token = d.create()
        value = token["token"]
        assert re.fullmatch(f"jtn_[{BASE62}]{{49}}", value), value
        assert value[-6:] == check_of(value[:-6]), "check digits"
        assert token["id"] == id_of(value)
        assert d.done(f"id {value}", "verify")["id"] == token["id"]


def test_prefix_is_configurable(daemon):
    d = daemon("daemon.prefix=acme")
    value = d.create()["token"]
    assert re.fullmatch(f"acme_[{BASE62}]{{49}}", value), value
    assert value[-6:] == check_of(value[:-6])
    assert d.verify(value) == "OK"
    assert d.verify(value[:-1] + ("0" if value[-1] != "0" else "1")) == "NO malformed"


def test_values_do_not_repeat(daemon):
    d = daemon()
    values = [r["token"] for r in d.client().pipeline(["create"] * 1000)]
    assert len(set(values)) == 1000
    assert (len({value[4:8] for value in values}) > 990), "the first four characters vary"


def rotated_and_used(d):
    """Return values that have gone through everything a value can go through."""
    first = d.create(description="kept nowhere", subject="ann", scopes="a,b")
    second = d.done(f"rotate {first['id']} grace=1h")
    values = [first["token"], second["token"]]
    for value in values:
        assert d.verify(value, scope="a", subject="ann") == "OK"
        assert d.verify(value, scope="c") == "NO scope"
        d.done(f"id {value}", "verify")
        d.ask(f"verify nonsense={value} {value}", "verify")     # an error that could quote it
        d.ask(f"create description={value} {value}")
        d.ask(f"{value} {value}", "verify")
        d.ask(f"show {value}")
        d.ask(f'verify {value} "unterminated', "verify")
    return values


def test_value_is_shown_once_and_kept_nowhere(daemon):
    d = daemon("daemon.log_level=debug")
    values = rotated_and_used(d)
    d.ask(f"revoke token={values[0]}")
    ids = [id_of(value) for value in values]
    replies = [d.done(verb) for verb in ("list", "journal", "export", "stats")]
    replies += [d.done(f"show {i}") for i in ids]
    replies += [d.ask(f"verify {v}", "verify") for v in values]
    replies += [d.ask(f"bad=key {v}") for v in values]
    replies += [d.ask(f"verify {v} {v}", "verify") for v in values]
    replies += [d.ask(f"import token={v}") for v in values]
    replied = "".join(line for r in replies for line in [*map(bytes.decode, r.data), r.final.raw])
    d.stop()
    places = {"replies": replied, "log": d.log()}
    for name in os.listdir(d.directory):
        if name.startswith("tokens.tdb"):
            with open(f"{d.directory}/{name}", "rb") as file:
                places[name] = file.read().decode("latin-1")
    assert len(places) >= 4, f"store, store.used and store.lock are there: {list(places)}"
    for place, text in places.items():
        for value in values:
            # What follows the prefix, and most of it: a piece of a secret is one too.
            assert value[4:36] not in text, f"a value is in {place}"


def test_value_is_not_left_in_the_daemons_memory(daemon):
    need_root()
    need_plain_build()
    d = daemon()
    values = rotated_and_used(d)
    with d.client("verify") as client:      # in bulk, as programs do
        for value in values:
            client.pipeline([f"verify {value}"] * 200)
    for role in "admin", "verify":
        d.done("ping", role)
    secrets = [value[4:36].encode() for value in values]
    eventually(lambda: not any(proc.memory_holds(d.pid, s) for s in secrets),
               "no value in the daemon's memory", every=0.2)
    # The search itself works: an id is there.
    assert proc.memory_holds(d.pid, bytes.fromhex(id_of(values[0])))


def test_values_of_clients_that_are_gone_are_not_left_in_memory(daemon):
    need_root()
    need_plain_build()
    d = daemon()
    value = d.create()["token"]
    half = d.client("verify")
    half.send_raw(f"verify {value}".encode())               # never ends its line
    eventually(lambda: half.unread_by_peer() == 0, "the half line is read")
    half.close()
    hasty = d.client("verify")
    hasty.send(*[f"verify {value}"] * 500)
    hasty.close()
    d.done("ping")
    eventually(lambda: not proc.memory_holds(d.pid, value[4:36].encode()),
               "no value in the daemon's memory", every=0.2)


def test_daemon_is_not_dumpable(daemon):
    need_plain_build()
    d = daemon(uid=65534 if os.geteuid() == 0 else None)
    # /proc gives what belongs to an undumpable process to root.
    assert os.stat(f"/proc/{d.pid}/mem").st_uid == 0, "owner of /proc/PID/mem"
    d.done("create")


def test_files_are_for_the_daemon_alone(daemon):
    d = daemon()
    d.create()
    d.restart()
    modes = {name: oct(os.stat(f"{d.directory}/{name}").st_mode & 0o777)
             for name in os.listdir(d.directory) if name.startswith("tokens.tdb")}
    assert set(modes.values()) == {"0o600"}, modes


def test_crash_leaves_no_core(daemon):
    need_plain_build()
    d = daemon()
    try:
        resource.prlimit(d.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    except (PermissionError, ValueError):
        pass
    pid = d.pid
    d.signal(signal.SIGABRT)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status), status
    d.process = None
