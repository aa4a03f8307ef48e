# SPDX-License-Identifier: Apache-2.0
"""What plugin/lua/README.md says of HAProxy: groups, a chroot, a master process, and how long it waits."""
import os
import time

import pytest

from http_askers import HAProxy
from requirements import need_root
from settings import PATIENCE

TABLE_GROUP, OTHER = 65533, 65532
pytestmark = pytest.mark.timeout(120)


def allow(*directories):
    for directory in directories:
        os.chmod(directory, 0o755)


def asked(d):
    """Return how many good verifications the daemon has answered itself."""
    return int(d.stats()["verify_ok"])


@pytest.mark.parametrize("options", (["-db"], ["-W"]), ids=("alone", "master"))
@pytest.mark.parametrize("group", (TABLE_GROUP, OTHER), ids=("jeton-table", "another"))
def test_the_table_is_used_by_its_group_only(daemon, tmp_path, group, options):
    need_root()
    d = daemon(f"verify.table_group={TABLE_GROUP}")
    allow(d.directory, os.path.dirname(d.directory))
    token = d.create()["token"]
    with HAProxy("uid 65534", f"gid {group}", options=options).serving(d.path("verify"), [{}], str(tmp_path)) as ask:
        d.restart()
        assert ask(0, [f"Bearer {token}"]).status == 200
        before = asked(d)
        for _ in range(5):
            assert ask(0, [f"Bearer {token}"]).status == 200
        assert asked(d) - before == (0 if group == TABLE_GROUP else 5)


def test_a_chroot_without_the_socket_ends_with_the_daemon(daemon, tmp_path):
    need_root()
    d = daemon()
    os.mkdir(f"{tmp_path}/empty")
    token = d.create()["token"]
    with HAProxy(f"chroot {tmp_path}/empty").serving(d.path("verify"), [{}], str(tmp_path)) as ask:
        assert ask(0, [f"Bearer {token}"]).status == 200
        d.restart()
        assert ask(0, [f"Bearer {token}"]).status == 503


@pytest.mark.slow
def test_a_daemon_that_hangs_stops_it_for_no_longer_than_the_timeout(daemon, tmp_path):
    d = daemon()
    token = d.create()["token"]
    with HAProxy().serving(d.path("verify"), [{}], str(tmp_path)) as ask:
        assert ask(0, [f"Bearer {token}"]).status == 200
        with d.stopped():
            assert ask(0, [f"Bearer {token}"]).status == 200, "the table goes on for its lease"
            begin = time.monotonic()
            while ask(0, [f"Bearer {token}"]).status == 200:
                assert time.monotonic() - begin < 20 * PATIENCE
            begin = time.monotonic()
            response = ask(0, [f"Bearer {token}"])
            assert response.status == 503 and time.monotonic() - begin < 4 * PATIENCE
        assert ask(0, [f"Bearer {token}"]).status == 200


def test_a_request_whose_action_fails_does_not_pass(daemon, tmp_path, monkeypatch):
    """HAProxy would go on with the next rule."""
    d = daemon()
    token = d.create()["token"]
    proxy = HAProxy()
    write = proxy.configuration

    def break_action(path, wants, directory, version):
        write(path, wants, directory, version)
        with open(f"{directory}/jeton.lua") as file:
            text = file.read()
        for name, place in ("early", "    local status, headers"), ("late", "    if reply then txn:done"):
            assert text.count(place) == 1
            text = text.replace(place, f'    if txn.sf:req_fhdr("x-break") == "{name}" then error("broken") end\n{place}')
        with open(f"{directory}/jeton.lua", "w") as file:
            file.write(text)
    monkeypatch.setattr(proxy, "configuration", break_action)
    with proxy.serving(d.path("verify"), [{}], str(tmp_path)) as ask:
        assert ask(0, [f"Bearer {token}"]).status == 200
        for name in "early", "late":        # before it is judged, and after
            for value in token, "x":
                assert ask(0, [f"Bearer {value}\r\nX-Break: {name}"]).status == 503, (name, value)
