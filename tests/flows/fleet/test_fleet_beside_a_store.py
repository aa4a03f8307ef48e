# SPDX-License-Identifier: Apache-2.0
"""What stands beside a fleet: --check, backups and --restore of the store, inherited sockets, a reload."""
import glob
import os
import socket
import tempfile

import pytest

from backups import backup
from client import Client
from daemon import ROLES, Daemon, run_jetond
from scripted_agent import FLEET, Agent, Changes, create, stat
from waiting import eventually


def cache_of(d):
    """Return the bytes of the cache's files."""
    found = {}
    for path in glob.glob(f"{d.store}.fleet*"):
        with open(path, "rb") as file:
            found[os.path.basename(path)] = file.read()
    assert found, "there is a cache"
    return found


def test_check_reads_the_store_beside_a_fleets_cache_and_leaves_that_alone(host, agent):
    create(host, agent)
    host.create()
    for using in True, False:
        if not using:
            agent.close()
            host.stop()
        before = cache_of(host)
        done = run_jetond(*host.arguments(), "--check")
        assert done.returncode == 0 and done.stderr == "" and " 1 tokens, " in done.stdout, done
        assert ("a daemon is using it" in done.stdout) == using
        assert cache_of(host) == before
    host.start()


def test_a_backup_has_no_tokens_of_the_fleet_and_restoring_it_takes_none(host, agent):
    ours, fleets, denied = host.create(), create(host, agent), create(host, agent)
    agent.catch_up()
    path, _ = backup(host)
    with open(path, "rb") as file:
        content = file.read()
    keys = [f"token/{token['id']}".encode() in content for token in (ours, fleets, denied)]
    assert keys == [True, False, False], "its journal names them all"
    place, changes = agent.place(), agent.changes
    agent.close()
    assert host.ask(f"revoke {denied['id']}").verdict == "ERR unavailable"
    host.done(f"revoke {ours['id']}")
    host.stop()
    before = cache_of(host)
    done = run_jetond(*host.arguments(), "--restore", path)
    assert done.returncode == 0, done
    assert cache_of(host) == before
    host.start()
    with Agent(host, changes, takes=False) as other:
        assert other.place() == place and stat(host, "fleet_unsent") == 1
        assert host.verify(fleets["token"]) == "OK"
        assert (host.verify(denied["token"]), host.verify(ours["token"])) == ("NO revoked", "NO revoked")
        assert other.take_one()["event"] == "revoke"


def test_a_backup_that_is_restored_elsewhere_brings_no_fleet(host, agent):
    fleets, ours = create(host, agent), host.create()
    path, _ = backup(host)
    other = Daemon(roles=FLEET)
    done = run_jetond(*other.arguments(), "--restore", path)
    assert done.returncode == 0, done
    with other:
        with Agent(other, Changes(host="there")):
            assert (other.verify(ours["token"]), other.verify(fleets["token"])) == ("OK", "NO unknown")


def test_an_inherited_socket_named_fleet_makes_the_host_one_of_a_fleet():
    path = f"{tempfile.mkdtemp(prefix='')}/f.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen(16)
        with Daemon(roles=ROLES, sockets={"fleet": sock}) as d:
            with Client(path) as client:
                assert client.request("hello")["role"] == "fleet"
                assert client.request("fleet place")["place"] == "none"
                assert client.request("create").verdict == "ERR forbidden"
            d.path = lambda role="admin", own=d.path: path if role == "fleet" else own(role)
            with Agent(d) as agent:
                token = create(d, agent)
                assert d.verify(token["token"]) == "OK"
            d.restart()
            assert stat(d, "fleet_tokens") == 2      # and the agent's first


@pytest.mark.parametrize("change, named", [
    ("mode = 0600", "[fleet] mode"), ("group = root", "[fleet] group"), ("owner = root", "[fleet] owner"),
    ("path =", "[fleet] path"), ("path = {}/other.sock", "[fleet] path")])
def test_a_reload_names_the_keys_of_the_fleet_that_need_a_restart(change, named):
    directory = tempfile.mkdtemp(prefix="")
    first = f"[fleet]\npath = {directory}/fleet.sock\nmode = 0660\ngroup =\n"
    with Daemon(roles=ROLES, directory=directory, config=first) as d:
        key = change.split(" ")[0]
        kept = [line for line in first.splitlines() if not line.startswith(key)]
        d.configure("\n".join([*kept, change.format(directory)]) + "\n")
        d.reload()
        eventually(lambda: "configuration reloaded" in d.log(), "it is reloaded")
        [line] = [line for line in d.log().splitlines() if "restart" in line]
        assert line.endswith(named), line
        with Client(f"{directory}/fleet.sock") as client:
            assert client.request("fleet place").verdict == "OK", "it goes on as it was"
