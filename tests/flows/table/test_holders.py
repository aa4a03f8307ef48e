# SPDX-License-Identifier: Apache-2.0
"""Who may have the table, who lost it, and what those who hold it can do to others."""
import os
import resource
import signal
import socket
import threading
import time

from client import Client, Closed
from daemon import Daemon
from library import Handle, library
from neighbours import HOSTILE, Idlers, end, fork
from received_table import GROUP, LIVE, DaemonOfGroup, Table, as_somebody, need_library, received
from requirements import need_root
from waiting import eventually

ALONE = 61789           # a user


def test_member_of_the_table_group_with_65536_groups_has_the_table(daemon):
    need_root()
    with DaemonOfGroup(f"[verify]\ntable_group = {GROUP}\n") as d:
        def outcome():
            reply, fd = received(d.path("verify"))
            return " ".join(reply.words) + (" with" if fd is not None else " without")
        many = [gid for gid in range(100000, 100000 + 65536) if gid != GROUP]
        assert as_somebody(65534, many, outcome) == "ERR forbidden without", "no member"
        assert as_somebody(65534, [GROUP, *many[1:]], outcome) == "OK with", "a member"


def test_reload_with_another_table_group_ends_the_table_of_those_who_lost_it(daemon):
    need_root()
    need_library()
    with DaemonOfGroup(f"[verify]\ntable_group = {GROUP}\n") as d:
        token = d.create()

        def act():
            handle = Handle(d.path("verify"))
            table = Table(d)
            before = handle.verify(token["token"]), table.state
            os.write(writer, b"x")
            eventually(lambda: table.state != LIVE, "it is recalled")
            return repr((before, handle.verify(token["token"]), received(d.path("verify"))[0].words))
        reader, writer = os.pipe()
        reloader = threading.Thread(target=lambda: (
            os.read(reader, 1), d.configure(f"[verify]\ntable_group = {GROUP + 1}\n"), d.reload()))
        reloader.start()
        outcome = as_somebody(65534, [GROUP], act)
        reloader.join()
        assert outcome == repr(((("OK", "table"), LIVE), ("OK", "daemon"), ["ERR", "forbidden"]))
        generation = d.stats()["table_generation"]
        d.reload()      # nothing changed: nothing is made anew
        eventually(lambda: d.log().count("configuration reloaded") == 2, "it is read again")
        assert d.stats()["table_generation"] == generation


def test_reload_with_another_table_group_ends_the_places_kept_for_those_who_lost_it(daemon):
    need_root()
    with DaemonOfGroup(f"[daemon]\nmax_connections = 64\n[verify]\ntable_group = {GROUP}\n") as d:
        path = d.path("verify")

        def visit():
            return as_somebody(65534, [GROUP], lambda: Client(path).request("ping").verdict)
        children = [fork(65534, Idlers(path, 1), [GROUP])]
        try:
            eventually(lambda: d.stat("connections") == 2, "a member has a connection, which it keeps")
            children.append(fork(HOSTILE, Idlers(path, 64)))
            eventually(lambda: d.stat("connections") >= 60, "others have all places that are not kept")
            assert visit() == "OK" and d.stat("connections_shed") == 0
            d.configure(f"[daemon]\nmax_connections = 64\n[verify]\ntable_group = {GROUP + 1}\n")
            d.reload()
            eventually(lambda: "configuration reloaded" in d.log(), "it is no member any more")
            assert visit() == "OK"
            eventually(lambda: d.stat("connections_shed") > 0, "it got in at the cost of others")
        finally:
            for child in children:
                end(child)


def test_descriptor_that_is_not_taken_in_counts_against_its_users_connections(daemon):
    d = daemon("daemon.max_connections_per_uid=4")
    eventually(lambda: d.stat("connections") == 1, "those of the start are closed")
    parked = [Client(d.path("verify")) for _ in range(4)]
    for client in parked:
        client.send("table", "quit")
    for client in parked:
        eventually(lambda: not client.silent(), "it is answered")

    def admitted():
        try:
            with Client(d.path("verify")) as client:
                return client.request("ping").verdict == "OK"
        except (Closed, OSError):
            return False
    end = time.monotonic() + 1.5
    while time.monotonic() < end:       # longer than the daemon needs to close what it can
        assert not admitted(), "closed, with the descriptors still under way"
        time.sleep(0.1)
    parked[0].close()
    assert socket.recv_fds(parked[1].sock, 65536, 4)[1], "one is taken in"
    eventually(admitted, "their places are free again", every=0.05)
    for client in parked:
        client.close()


def test_table_is_refused_in_words_when_too_many_descriptors_are_under_way():
    """The kernel counts them for each user, here one that no other test has: those of another process."""
    need_root()
    with Daemon("daemon.max_connections=20", uid=ALONE, limits={resource.RLIMIT_NOFILE: 160}) as d:
        os.chmod(d.directory, 0o755)
        value = d.create()["token"]
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
            os.setgroups([])
            os.setresuid(ALONE, ALONE, ALONE)
            pairs = [socket.socketpair() for _ in range(100)]
            for one, _ in pairs:
                for _ in range(2):
                    socket.send_fds(one, [b"x"], [0, 0])
            os.write(writer, b"x")
            time.sleep(60)
            os._exit(0)
        os.read(reader, 1)
        with Client(d.path("verify")) as client:
            replies = client.pipeline(["table", "ping", f"verify {value}"])
            assert [reply.verdict for reply in replies] == ["ERR busy", "OK", "OK"]
        if library() is not None:
            handle = Handle(d.path("verify"))
            assert handle.verify(value) == ("OK", "daemon")
            handle.close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        eventually(lambda: received(d.path("verify"))[0].words == ["OK"], "it is passed again", every=0.05)


def test_old_tables_that_clients_hold_are_counted_and_bounded(daemon):
    need_root()
    most = 16
    with DaemonOfGroup("[verify]\ntable_group =\n") as d:
        value = d.create()["token"]

        def replace(number):
            generation = d.stat("table_generation")
            d.configure(f"[verify]\ntable_group = {GROUP + number % 2}\n")
            d.reload()
            eventually(lambda: d.stat("table_generation") > generation, "it is replaced")
        replace(0)
        assert d.stat("table_held") == 0, "nobody had it"
        held = []
        for number in range(most):
            held.append(Table(d))
            os.close(held[-1].fd)       # the map holds it, too
            replace(number + 1)
            eventually(lambda: d.stat("table_held") == number + 1, "it is counted")
        assert d.stat("table_held_bytes") == sum(len(table.map) for table in held)
        assert received(d.path("verify"))[0].words == ["ERR", "busy"]
        if library() is not None:
            handle = Handle(d.path("verify"))
            assert handle.verify(value) == ("OK", "daemon")
            handle.close()
        eventually(lambda: "is not handed out until they let go" in d.log(), "it is logged")
        replace(most + 1)
        assert d.stat("table_held") == most, "nobody could get another"
        held.pop().map.close()
        eventually(lambda: received(d.path("verify"))[0].words == ["OK"], "it is handed out again", every=0.05)
        for table in held:
            table.map.close()
        eventually(lambda: d.stat("table_held") == 0, "all are let go", every=0.05)
