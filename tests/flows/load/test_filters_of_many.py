# SPDX-License-Identifier: Apache-2.0
"""Filters, orders and changes of many among a hundred thousand tokens, while others go on."""
import contextlib
import operator
import os
import time

import pytest

import proc
from bystanders import Bystanders
from daemon import Daemon
from filled_store import fill
from settings import PATIENCE, SANITIZER, scaled
from users import ANN, BOB, UserDaemon
from waiting import eventually

COUNT = scaled(100_000, 2000)
FEW, LEAVING = 10, scaled(3000, 100)


def seconds(client, line):
    began = time.monotonic()
    reply = client.request(line)
    assert reply.verdict == "OK", f"{line}: {reply}"
    return time.monotonic() - began, reply


@pytest.mark.timeout(120)
@pytest.mark.xdist_group("neighbours")
def test_filter_that_few_pass_is_no_slower_than_the_whole_list_and_holds_nobody_up():
    hexits = os.urandom(32 * COUNT).hex()
    daemon = Daemon()
    daemon.start_within = 60
    fill(daemon.store, [hexits[at:at + 64] for at in range(0, len(hexits), 64)])
    with daemon as d, d.client(patience=60) as client:
        made = client.pipeline([f"import digest={os.urandom(32).hex()} subject={subject} expires=2090-01-01T00:00:00Z"
                                for subject, count in (("few", FEW), ("leaver", LEAVING)) for _ in range(count)])
        few = [reply["id"] for reply in made[:FEW]]
        value = d.create()
        whole, _ = seconds(client, "list")
        others = Bystanders(d, value["token"])
        for line, wanted in (("list subject=few", FEW), ("list subject=few match=few", FEW), ("list by=uid:77", 0),
                             ("list never_used=yes subject=few", FEW), ("list sort=expires limit=10", FEW),
                             ("list sort=subject limit=10 subject=few", FEW), ("list order=desc expires_before=2091-01-01 limit=10", FEW)):
            taken, reply = min((seconds(client, line) for _ in range(2)), key=operator.itemgetter(0))
            print(f"{line}: {1000 * taken:.0f} ms; the whole list: {1000 * whole:.0f} ms")
            assert int(reply["count"]) == wanted and (SANITIZER or taken <= whole), line
        assert [line["id"] for line in client.request("list subject=few sort=expires").lines] == few
        _, reply = seconds(client, "list sort=expires order=desc fields=id")
        assert int(reply["count"]) >= COUNT + FEW + LEAVING
        taken, reply = seconds(client, f"revoke subject=leaver count={LEAVING}")
        print(f"{LEAVING} revoked in {1000 * taken:.0f} ms")
        assert reply["changed"] == str(LEAVING)
        others.finish()
        print(f"slowest of the others meanwhile: {others.worst}")
        assert others.worst["verify"] < 3 * PATIENCE and others.worst["create"] < 10 * PATIENCE, others.worst
        assert d.done("list subject=leaver state=revoked limit=100000 fields=id")["count"] == str(LEAVING)


def test_sorted_lists_that_one_user_leaves_unread_do_not_make_anothers_slow(daemon):
    """With little memory a sorted list goes over all tokens again and again."""
    d = UserDaemon(daemon)
    os.chmod(d.daemon.path("observe"), 0o666)
    d.create_many(["create subject=other"] * scaled(40000, 20000))

    def seconds(uid):       # of the daemon's processor time, which other load does not lengthen
        began, last = proc.cpu(d.daemon.pid), b""
        with d.client(uid, "observe") as client:
            client.send("list sort=expires fields=id")
            while b"\nOK count=" not in last:
                last = last[-100:] + client.sock.recv(1 << 20)
        return proc.cpu(d.daemon.pid) - began
    free = min(seconds(BOB) for _ in range(3))
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(d.client(ANN, "observe")) for _ in range(60)]
        for client in held:
            client.send("list sort=expires")
        eventually(lambda: not any(client.silent() for client in held), "each has its first tokens")
        taken = min(seconds(BOB) for _ in range(3))
    print(f"{free:.3f} s, and with lists that are held {taken:.3f} s")
    assert taken < 3 * free, (taken, free)
