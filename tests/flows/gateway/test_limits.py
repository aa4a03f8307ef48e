# SPDX-License-Identifier: Apache-2.0
"""Slow clients, many connections, floods; and the daemon away."""
import os
import resource
import select
import signal
import subprocess
import sys
import time

from gateway import ASKED, ASKS, Connection, bearer, request
from requirements import need_plain_build, need_root
from settings import BUILD, PATIENCE, SUPPORT
from waiting import eventually

BLOCKS = f"{BUILD}/tests/verifiers/odd-blocks.so"


def test_a_head_that_comes_slowly_ends_the_connection(daemon, gateway):
    """Slow loris: sending now and then does not extend the deadline."""
    d = daemon()
    g = gateway(d, "gateway.head_timeout=1s")
    token = d.create()["token"]
    loris = [g.connect() for _ in range(49)]
    begun = time.monotonic()
    loris.append(g.connect())
    for connection in loris:
        connection.send(b"GET /verify/api HTTP/1.1\r\n")

    def drip():
        for connection in loris:
            try:
                connection.send(b"A: b\r\n")
            except OSError:
                pass
        assert g.verify(token).status == 200, "others are served meanwhile"
        return g.metric("heads_slow_total") == len(loris)
    eventually(drip, "all of them are ended", 20, every=0.1)
    assert time.monotonic() - begun >= 0.7
    for connection in loris:
        assert connection.response().status == 408
        connection.close()


def test_an_idle_connection_ends_after_its_time(daemon, gateway):
    d = daemon()
    g = gateway(d, "gateway.idle_timeout=2s", "gateway.head_timeout=20s")
    token = d.create()["token"]
    begun = time.monotonic()
    with g.connect() as busy, g.connect() as silent:
        while not select.select([silent.sock], [], [], 0.1)[0]:
            assert busy.ask(request("/verify/api", bearer(token))).status == 200
        assert silent.response() is None and time.monotonic() - begun > 1.5
        assert busy.ask(request("/verify/api", bearer(token))).status == 200, "each request begins its time anew"
        assert busy.response() is None


def test_connections_of_one_user_are_bounded(daemon, gateway):
    d = daemon()
    g = gateway(d, "gateway.max_connections=20", "gateway.max_connections_per_uid=10")
    token = d.create()["token"]
    held = [g.connect() for _ in range(10)]
    for connection in held:
        assert connection.ask(request("/verify/api", bearer(token))).status == 200
    with g.connect() as one_more:
        response = one_more.response()
        assert (response.status, response.get("retry-after")) == (503, "1")
        assert one_more.is_closed()
    held.pop().close()
    eventually(lambda: g.verify(token).status == 200, "a place is free")
    for connection in held:
        connection.close()


def ask_as(uid, path, data, count=1):
    """Send requests from a process of another user; return the statuses."""
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import gateway; c = gateway.Connection(sys.argv[2])\n"
            "data = sys.stdin.buffer.read()\n"
            "for _ in range(int(sys.argv[3])): print(c.ask(data).status)")
    done = subprocess.run([sys.executable, "-c", code, SUPPORT, path, str(count)], input=data, user=uid, group=uid,
                          extra_groups=[], capture_output=True, timeout=60 * PATIENCE)
    assert done.returncode == 0, done.stderr.decode()
    return [int(line) for line in done.stdout.split()]


def test_another_user_gets_a_place_of_whoever_has_most(daemon, gateway):
    need_root()
    d = daemon()
    g = gateway(d, "gateway.max_connections=8", "gateway.max_connections_per_uid=8", "gateway.mode=0666")
    os.chmod(os.path.dirname(g.directory), 0o755)
    token = d.create()["token"]
    held = [g.connect() for _ in range(8)]
    for connection in held:
        assert connection.ask(request("/verify/api", bearer(token))).status == 200
    assert ask_as(65534, g.path, request("/verify/api", bearer(token))) == [200]
    assert held[0].response() is None, "the one that was idle for the longest time made way"
    for connection in held:
        connection.close()


FLOOD = """
import os, select, socket, sys
path, count, data = sys.argv[1], int(sys.argv[2]), sys.stdin.buffer.read()
connections = [socket.socket(socket.AF_UNIX) for _ in range(count)]
poll = select.epoll()
for c in connections:
    c.connect(path)
    c.setblocking(False)
    poll.register(c, select.EPOLLIN | select.EPOLLOUT)
by_fd = {c.fileno(): c for c in connections}
print("ready", flush=True)
while os.getppid() == int(sys.argv[3]):
    for fd, what in poll.poll(1):
        try:
            if what & select.EPOLLIN:
                by_fd[fd].recv(262144)
            if what & select.EPOLLOUT:
                by_fd[fd].send(data)
        except BlockingIOError:
            pass
"""


def test_a_flood_of_one_user_does_not_slow_another(daemon, gateway):
    """The other's requests wait for their turn, not for all that the flood has sent."""
    need_root()
    need_plain_build()
    d = daemon()
    g = gateway(d, "gateway.mode=0666")
    os.chmod(os.path.dirname(g.directory), 0o755)
    token = d.create()["token"]
    data = request("/verify/api", bearer(token))
    with subprocess.Popen([sys.executable, "-c", FLOOD, g.path, "200", str(os.getpid())], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, user=65534, group=65534, extra_groups=[]) as flood:
        try:
            flood.stdin.write(data * 100)
            flood.stdin.close()
            assert flood.stdout.readline() == b"ready\n"
            before = g.metric('responses_total{code="200"}')
            eventually(lambda: g.metric('responses_total{code="200"}') > before + 10000, "the flood has begun", 30)
            times = []
            with g.connect() as connection:
                for _ in range(400):
                    begun = time.monotonic()
                    assert connection.ask(data).status == 200
                    times.append(time.monotonic() - begun)
            times.sort()
            answered = g.metric('responses_total{code="200"}')
            others = (answered - before) / len(times)
            print(f"median {times[200] * 1e3:.2f} ms, p99 {times[396] * 1e3:.2f} ms, beside {others:.0f} of the flood for each")
            # What all 200 connections have sent would be 20000 requests to wait for, and more.
            assert others < 5000
        finally:
            flood.kill()


def test_connections_beyond_the_descriptors_wait(daemon, gateway):
    d = daemon()
    g = gateway(d)
    token = d.create()["token"]
    resource.prlimit(g.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    held = [g.connect() for _ in range(60)]
    for connection in held:
        connection.send(request("/verify/api", bearer(token)))
    answered = 0
    for connection in held:             # each that is closed makes a place
        assert connection.response().status == 200
        answered += 1
        connection.close()
    assert answered == 60


# -- the daemon ----------------------------------------------------------------------------------

def test_without_the_daemon_there_is_503_and_after_its_start_200(daemon, gateway):
    d = daemon()
    g = gateway(d)
    token = d.create()["token"]
    assert g.verify(token).status == 200 and g.read("/healthz").status == 200
    d.kill()
    # For some seconds the table is still believed; then nobody can judge.
    response = eventually(lambda: (r := g.verify(token)).status == 503 and r, "the table is not believed any more", 20)
    assert int(response.get("retry-after")) > 0 and set(response.identity.values()) == {""}
    assert response.challenges == []
    assert g.ask().status == 401, "without credentials there is nothing to judge"
    assert g.read("/healthz").status == 503
    d.start()
    assert g.verify(token).status == 200 and g.read("/healthz").status == 200


def test_a_daemon_that_hangs_holds_up_nobody_else(daemon, gateway):
    """Questions wait on the event loop: what the table can answer, and the admin side, go on."""
    d = daemon(config=ASKED)
    g = gateway(d, "gateway.verify_timeout=3s", config=ASKS + "[site table]\n")
    token = d.create(subject="ann")["token"]
    ask = request("/verify/api", bearer(token))
    assert g.verify(token).status == 200 and g.verify(token, "/verify/table").status == 200
    with d.stopped():
        waiting = [g.connect() for _ in range(5)]
        for connection in waiting:
            connection.send(ask * 3)
        eventually(lambda: g.metric("questions_waiting") == 5, "each connection waits for its first answer")
        assert g.verify(token, "/verify/table").status == 200, "the table is still believed"
        assert g.ask().status == 401 and g.read("/metrics").status == 200
        assert not select.select([connection.sock for connection in waiting], [], [], 0)[0], "and they still wait"
        assert waiting[-1].response().status == 503
    for connection in waiting:
        for _ in range(3 - (connection is waiting[-1])):
            assert connection.response().status in (200, 503)
        connection.close()
    eventually(lambda: g.verify(token).status == 200, "it is back")


def test_more_questions_than_can_wait_are_answered_in_time(daemon, gateway):
    d = daemon(config=ASKED)
    g = gateway(d, "gateway.verify_timeout=20s", config=ASKS)
    token = d.create(subject="ann")["token"]
    with d.stopped():
        connections = [g.connect() for _ in range(400)]
        for connection in connections:
            connection.send(request("/verify/api", bearer(token)))
        eventually(lambda: g.metric("questions_waiting") == 200, "as many wait as may")
    statuses = [connection.response().status for connection in connections]
    assert set(statuses) <= {200, 503} and statuses.count(200) > 100, statuses
    for connection in connections:
        connection.close()
    assert g.metric("questions_waiting") == 0


def test_questions_that_wait_hold_up_no_request_that_needs_none(daemon, gateway):
    """Clients of one site, by one proxy, have as many questions waiting as it may have; more of them wait for a place."""
    d = daemon(config=ASKED)
    g = gateway(d, "gateway.verify_timeout=20s", config=ASKS + "[site table]\n")
    token = d.create(subject="ann")["token"]
    assert g.verify(token, "/verify/table").status == 200
    with d.stopped():
        crowd = [g.connect() for _ in range(300)]
        for connection in crowd:
            connection.send(request("/verify/api", bearer(token)))
        eventually(lambda: g.metric("questions_waiting") == 200, "as many wait as may")
        begun = time.monotonic()
        assert g.verify(token, "/verify/table").status == 200 and g.ask().status == 401
        assert time.monotonic() - begun < 2 * PATIENCE and g.metric("questions_waiting") == 200
        gone = [connection.close() for connection in crowd[:50]]
    statuses = [connection.response().status for connection in crowd[len(gone):]]
    assert set(statuses) <= {200, 503} and statuses.count(200) > 100, statuses
    for connection in crowd:
        connection.close()
    eventually(lambda: g.metric("questions_waiting") == 0 and g.metric("connections") == 1, "nothing is left", 20)


def test_questions_that_a_verifier_is_slow_to_answer_hold_up_no_other_service(daemon, gateway):
    """Also where both must ask the daemon."""
    slow = f"[service slow]\nsufficient = {BLOCKS} does=hang deadline={min(3 * PATIENCE, 10)}s threads=2 queue=1000\n"
    d = daemon(config=ASKED + slow, hangs=True)
    g = gateway(d, f"gateway.verify_timeout={5 * PATIENCE}s", config=ASKS + "[site slow]\nservice = slow\n")
    token = d.create(subject="ann")["token"]
    crowd = [g.connect() for _ in range(201)]
    for connection in crowd:
        connection.send(request("/verify/slow", bearer(token)))
    eventually(lambda: g.metric("questions_waiting") == 200, "as many wait as may")
    assert g.verify(token).status == 200 and g.metric("questions_waiting") == 200, "and all of them still wait"
    for connection in crowd:
        connection.close()
    g.process.kill()        # it would wait for the answers
    g.process.wait()


def test_clients_that_go_while_a_question_waits_leave_nothing(daemon, gateway):
    d = daemon(config=ASKED)
    g = gateway(d, config=ASKS)
    token = d.create(subject="ann")["token"]
    with d.stopped():
        for _ in range(100):
            with g.connect() as connection:
                connection.send(request("/verify/api", bearer(token)))
        eventually(lambda: g.metric("questions_waiting") == 0 and g.metric("connections") == 1, "they are gone", 20)
    eventually(lambda: g.verify(token).status == 200, "it is back")


def test_a_question_that_waits_at_the_end_of_the_process_is_answered(daemon, gateway):
    d = daemon(config=ASKED)
    g = gateway(d, config=ASKS)
    token = d.create(subject="ann")["token"]
    with d.stopped(), Connection(g.path) as connection:
        connection.send(request("/verify/api", bearer(token)) * 2)
        eventually(lambda: g.metric("questions_waiting") == 1, "it waits")
        g.process.send_signal(signal.SIGTERM)
        response = connection.response()
        assert (response.status, response.get("connection")) == (503, "close")
        assert connection.is_closed()
        g.ended()
