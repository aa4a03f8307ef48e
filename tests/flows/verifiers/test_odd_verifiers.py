# SPDX-License-Identifier: Apache-2.0
"""Verifiers that do what no verifier should: the daemon goes on, and logs what they did."""
import functools
import os
import shutil
import threading
import time

from daemon import run_jetond
from settings import BUILD, PATIENCE, SANITIZER, scaled
from waiting import eventually, keeping_pace

ODD = f"{BUILD}/tests/verifiers/odd.so"
BLOCKS = f"{BUILD}/tests/verifiers/odd-blocks.so"


def service(name, *lines):
    return f"[service {name}]\n" + "".join(f"{line}\n" for line in lines)


def logged(d, text):
    eventually(lambda: text in d.log(), f"the log has {text!r}")


def test_verifier_that_hangs_delays_nobody_else(daemon):
    config = service("hang", f"required = {BLOCKS} does=hang deadline=300ms threads=2 queue=2")
    d = daemon("daemon.workers=1", config=config, hangs=True)
    with d.client("verify") as other:
        token = d.create()["token"]
        crowds, waited = 0, 1
        while waited >= 0.25 * PATIENCE:        # a busy machine may hold up anybody, but not each time
            crowds += 1
            assert crowds <= 10, "a neighbour waited"
            crowd = [d.client("verify") for _ in range(8)]
            for client in crowd:
                client.send(f"verify service=hang {token}")
            began = time.monotonic()
            assert other.request(f"verify {token}").verdict == "OK"
            waited = time.monotonic() - began
            for client in crowd:
                assert client.reply().verdict == "ERR unavailable"
                client.close()
        logged(d, "it did not answer in time")
        assert d.ask(f"verify service=hang {token}", "verify").verdict == "ERR unavailable"
        assert d.stat("verifier_outcomes", service="hang", verifier="odd", outcome="error") == 8 * crowds + 1
        d.restart()
        d.configure(service("hang", "sufficient = local"))
        assert d.ask(f"verify service=hang {token}", "verify").verdict == "ERR unavailable"
        d.reload()
        logged(d, "configuration reloaded")
        assert d.ask(f"verify service=hang {token}", "verify").verdict == "OK"


def test_late_answer_is_thrown_away(daemon):
    config = service("late", f"sufficient = {BLOCKS} does=late seconds=1 deadline=100ms")
    d = daemon(config=config)

    def ask(step):
        before = d.stat("service_answers", service="late", answer="ok")
        with d.client("verify") as client:
            step()
            client.send("verify service=late " + "x" * 40, "ping")
            assert client.reply().verdict == "ERR unavailable"
            step()
            assert client.reply().verdict == "OK"
            time.sleep(1.2)                     # the late answer arrives in the meantime
            assert client.request("ping").verdict == "OK"
            assert d.stat("service_answers", service="late", answer="ok") == before
    keeping_pace(ask, 0.8)                      # as the answer comes after one second


def test_sufficient_verifier_that_cannot_judge_leaves_it_to_the_next(daemon):
    config = service("api", f"sufficient = {BLOCKS} does=hang deadline=50ms", "sufficient = local")
    d = daemon(config=config, hangs=True)
    token = d.create()["token"]
    assert d.ask(f"verify service=api {token}", "verify").verdict == "OK"
    assert d.ask("verify service=api " + "x" * 40, "verify").verdict == "ERR unavailable"


def test_garbage_is_an_error_and_never_a_pass(daemon):
    config = "".join(service(does, f"sufficient = {module} does={does}")
                     for does, module in (("garbage", ODD), ("outcome", BLOCKS)))
    d = daemon(config=config)
    for name, why in ("garbage", "an identifier that is no text"), ("outcome", "an outcome that"):
        for _ in range(3):
            assert (d.ask(f"verify service={name} " + "x" * 40, "verify").verdict ==
                    "ERR unavailable")
        logged(d, f"service {name}, verifier odd: it answered with {why}")
    assert d.log().count("it answered with") == 2, "once in ten seconds is enough"


def test_verifier_that_ends_its_thread_is_asked_on_another(daemon):
    config = service("api", f"sufficient = {BLOCKS} does=end-thread threads=2")
    d = daemon(config=config)
    for _ in range(10):
        assert d.ask("verify service=api " + "x" * 40, "verify").verdict == "ERR unavailable"
    logged(d, "it ended the thread that asked it")


def test_verifier_for_another_jetond_is_not_loaded(daemon):
    path = f"{BUILD}/tests/verifiers/odd-abi.so"
    d = daemon(config="")
    d.configure(service("api", f"sufficient = {path}"))
    refused = run_jetond("--check", *d.arguments())
    assert refused.returncode == 2
    assert f"{d.config}:2: " in refused.stderr and "version 99" in refused.stderr, refused
    assert "compile it again" in refused.stderr, refused


def test_verifier_that_others_can_change_is_not_loaded(daemon):
    d = daemon(config="")
    copy = f"{d.directory}/odd.so"
    for path, mode, why in ((copy, 0o664, "others may write"), (d.directory, 0o777, "others may")):
        shutil.copy(ODD, copy)
        os.chmod(copy, 0o755)
        os.chmod(path, mode)
        d.configure(service("api", f"sufficient = {copy} does=pass"))
        refused = run_jetond("--check", *d.arguments())
        os.chmod(d.directory, 0o700)
        assert refused.returncode == 2 and why in refused.stderr, refused
    os.chmod(copy, 0o755)
    assert run_jetond("--check", *d.arguments()).returncode == 0


def test_leaking_verifier_is_named(daemon):
    if SANITIZER:
        return
    config = service("api", f"sufficient = {BLOCKS} does=leak")
    d = daemon(config=config)
    for _ in range(200):
        assert d.ask("verify service=api " + "x" * 40, "verify").verdict == "OK"
    logged(d, " times (odd of service api): if that goes on, one of them leaks")


def test_replies_keep_their_order_behind_a_slow_verifier(daemon):
    config = service("slow", f"sufficient = {BLOCKS} does=late seconds=1 deadline=10s threads=8")
    d = daemon(config=config)
    with d.client("verify") as client:
        token = d.create()["token"]
        client.send("verify service=slow " + "x" * 40, f"verify {token}", "verify nonsense=1 x",
                    "verify service=slow " + "y" * 40, "ping", f"id {token}")
        verdicts = [client.reply().verdict for _ in range(6)]
        assert verdicts == ["OK", "OK", "ERR unknown-key", "OK", "OK", "OK"]


def test_many_questions_of_one_client_wait_together(daemon):
    config = service("slow", f"sufficient = {BLOCKS} does=late seconds=1 deadline=10s threads=16")
    d = daemon(config=config)
    with d.client("verify") as client:
        began = time.monotonic()
        for i in range(16):
            client.send(f"verify service=slow {i:040}")
        for i in range(16):
            assert client.reply().verdict == "OK"
        assert time.monotonic() - began < 12 * PATIENCE, "they waited one after the other"


def test_token_revoked_while_a_verifier_ponders_is_refused(daemon):
    config = service("slow", "requisite = local",
                     f"required = {BLOCKS} does=late seconds=1 deadline=10s")
    d = daemon(config=config)
    with d.client("verify") as client:
        def passed():
            return d.stat("verifier_outcomes", service="slow", verifier="local", outcome="pass")

        def change_meanwhile(verb, verdict, step):
            token, before = d.create(), passed()
            step()
            client.send(f"verify service=slow {token['token']}")
            eventually(lambda: passed() > before, "it was good at first")
            d.done(f"{verb} {token['id']}")
            step()                      # before the second is over that the verifier ponders
            assert client.reply().verdict == verdict
        for verb, verdict in ("revoke", "NO revoked"), ("disable", "NO disabled"):
            keeping_pace(functools.partial(change_meanwhile, verb, verdict), 0.8)


def test_clients_that_leave_while_a_verifier_works_harm_nobody(daemon):
    config = service("slow", f"sufficient = {BLOCKS} does=late seconds=1 deadline=2s threads=4")
    d = daemon(config=config)
    token = d.create()["token"]
    for _ in range(3):
        crowd = [d.client("verify") for _ in range(scaled(40, 10))]
        for i, client in enumerate(crowd):
            client.send(*[f"verify service=slow {i:036}{j:04}" for j in range(4)])
        for client in crowd:
            client.close()
    assert d.ask(f"verify {token}", "verify").verdict == "OK"


def test_daemon_stops_and_answers_while_a_verifier_hangs(daemon):
    config = service("hang", f"required = {BLOCKS} does=hang deadline=1s")
    d = daemon(config=config, hangs=True)
    with d.client("verify") as client:
        client.send("verify service=hang " + "x" * 40)
        eventually(lambda: client.unread_by_peer() == 0, "the line is read")
        d.signal(15)
        assert client.reply().verdict == "ERR unavailable"
        d.ended(0)


def test_crowd_before_a_sleeping_verifier_takes_no_time_from_others(daemon):
    """Check that nobody waits; the benchmark checks that the rate stays the same."""
    config = service("sleep", f"sufficient = {BLOCKS} does=late seconds=1 deadline=10s threads=64")
    d = daemon(config=config)
    token = d.create()["token"]
    stop = threading.Event()

    def ask():
        with d.client("verify") as client:
            while not stop.is_set():
                assert client.request("verify service=sleep " + "x" * 40).verdict == "OK"

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    took = []
    with d.client("verify") as client:
        for _ in range(scaled(2000, 100)):
            began = time.monotonic()
            assert client.request(f"verify {token}").verdict == "OK"
            took.append(time.monotonic() - began)
    stop.set()
    for thread in threads:
        thread.join()
    took.sort()
    assert took[len(took) * 98 // 100] < 0.5 * PATIENCE, f"they waited {took[-50:]} s"
