# SPDX-License-Identifier: Apache-2.0
"""Verifiers that do what no verifier should: the daemon goes on, and says what they did."""
import os
import shutil
import threading
import time

import harness
from harness import Daemon, claim, command, eventually, same
from settings import BUILD, PATIENCE, SANITIZER, scaled

ODD = f"{BUILD}/tests/verifiers/odd.so"
BLOCKS = f"{BUILD}/tests/verifiers/odd-blocks.so"


def service(name, *lines):
    return f"[service {name}]\n" + "".join(f"{line}\n" for line in lines)


def logged(d, text):
    eventually(lambda: text in d.log(), f"the log says {text!r}")


@claim
def verifier_that_hangs_delays_nobody_else():
    harness.threads_may_hang = True
    config = service("hang", f"required = {BLOCKS} does=hang deadline=300ms threads=2 queue=2")
    with Daemon("daemon.workers=1", config=config) as d, d.client("verify") as other:
        token = d.create()["token"]
        crowd = [d.client("verify") for _ in range(8)]
        for client in crowd:
            client.send(f"verify service=hang {token}")
        began = time.monotonic()
        same(other.request(f"verify {token}").verdict, "OK")
        assert time.monotonic() - began < 0.25 * PATIENCE, "a neighbour waited"
        for client in crowd:
            same(client.reply().verdict, "ERR unavailable")
            client.close()
        logged(d, "it did not answer in time")
        same(d.ask(f"verify service=hang {token}", "verify").verdict, "ERR unavailable")
        same(d.stat("verifier_outcomes", service="hang", verifier="odd", outcome="error"), 9)
        d.restart()
        d.configure(service("hang", "sufficient = local"))
        same(d.ask(f"verify service=hang {token}", "verify").verdict, "ERR unavailable")
        d.reload()
        logged(d, "configuration reloaded")
        same(d.ask(f"verify service=hang {token}", "verify").verdict, "OK")


@claim
def late_answer_is_thrown_away():
    config = service("late", f"sufficient = {BLOCKS} does=late seconds=1 deadline=100ms")
    with Daemon(config=config) as d, d.client("verify") as client:
        began = time.monotonic()
        client.send("verify service=late " + "x" * 40, "ping")
        same(client.reply().verdict, "ERR unavailable")
        assert time.monotonic() - began < 0.9 * PATIENCE
        same(client.reply().verdict, "OK")
        time.sleep(1.2)                         # the late answer comes home in the meantime
        same(client.request("ping").verdict, "OK")
        same(d.stat("service_answers", service="late", answer="ok"), 0)


@claim
def sufficient_verifier_that_cannot_judge_leaves_it_to_the_next():
    harness.threads_may_hang = True
    config = service("api", f"sufficient = {BLOCKS} does=hang deadline=50ms", "sufficient = local")
    with Daemon(config=config) as d:
        token = d.create()["token"]
        same(d.ask(f"verify service=api {token}", "verify").verdict, "OK")
        same(d.ask("verify service=api " + "x" * 40, "verify").verdict, "ERR unavailable")


@claim
def garbage_is_an_error_and_never_a_pass():
    config = "".join(service(does, f"sufficient = {module} does={does}")
                     for does, module in (("garbage", ODD), ("outcome", BLOCKS)))
    with Daemon(config=config) as d:
        for name, why in ("garbage", "an identifier that is no text"), ("outcome", "an outcome that"):
            for _ in range(3):
                same(d.ask(f"verify service={name} " + "x" * 40, "verify").verdict, "ERR unavailable")
            logged(d, f"service {name}, verifier odd: it answered with {why}")
        assert d.log().count("it answered with") == 2, "once in ten seconds is enough"


@claim
def verifier_that_ends_its_thread_is_asked_on_another():
    config = service("api", f"sufficient = {BLOCKS} does=end-thread threads=2")
    with Daemon(config=config) as d:
        for _ in range(10):
            same(d.ask("verify service=api " + "x" * 40, "verify").verdict, "ERR unavailable")
        logged(d, "it ended the thread that asked it")


@claim
def verifier_for_another_jetond_is_not_loaded():
    path = f"{BUILD}/tests/verifiers/odd-abi.so"
    with Daemon(config="") as d:
        d.configure(service("api", f"sufficient = {path}"))
        refused = command("--check", *d.arguments())
        same(refused.returncode, 1)
        assert f"{d.config}:2: " in refused.stderr and "version 99" in refused.stderr, refused
        assert "compile it again" in refused.stderr, refused


@claim
def verifier_that_others_can_change_is_not_loaded():
    with Daemon(config="") as d:
        copy = f"{d.directory}/odd.so"
        for path, mode, why in ((copy, 0o664, "others may write"), (d.directory, 0o777, "others may")):
            shutil.copy(ODD, copy)
            os.chmod(copy, 0o755)
            os.chmod(path, mode)
            d.configure(service("api", f"sufficient = {copy} does=pass"))
            refused = command("--check", *d.arguments())
            os.chmod(d.directory, 0o700)
            assert refused.returncode == 1 and why in refused.stderr, refused
        os.chmod(copy, 0o755)
        same(command("--check", *d.arguments()).returncode, 0)


@claim
def leaking_verifier_is_named():
    if SANITIZER:
        return
    config = service("api", f"sufficient = {BLOCKS} does=leak")
    with Daemon(config=config) as d:
        for _ in range(200):
            same(d.ask("verify service=api " + "x" * 40, "verify").verdict, "OK")
        logged(d, " times (odd of service api): if that goes on, one of them leaks")


@claim
def replies_keep_their_order_behind_a_slow_verifier():
    config = service("slow", f"sufficient = {BLOCKS} does=late seconds=1 deadline=3s threads=8")
    with Daemon(config=config) as d, d.client("verify") as client:
        token = d.create()["token"]
        began = time.monotonic()
        client.send("verify service=slow " + "x" * 40, f"verify {token}", "verify nonsense=1 x",
                    "verify service=slow " + "y" * 40, "ping", f"id {token}")
        verdicts = [client.reply().verdict for _ in range(6)]
        same(verdicts, ["OK", "OK", "ERR unknown-key", "OK", "OK", "OK"])
        assert time.monotonic() - began < 2.9 * PATIENCE


@claim
def many_questions_of_one_client_wait_together():
    config = service("slow", f"sufficient = {BLOCKS} does=late seconds=1 deadline=5s threads=16")
    with Daemon(config=config) as d, d.client("verify") as client:
        began = time.monotonic()
        for i in range(16):
            client.send(f"verify service=slow {i:040}")
        for i in range(16):
            same(client.reply().verdict, "OK")
        assert time.monotonic() - began < 4 * PATIENCE, "they waited one after the other"


@claim
def token_revoked_while_a_verifier_ponders_is_refused():
    config = service("slow", "requisite = local",
                     f"required = {BLOCKS} does=late seconds=1 deadline=5s")
    with Daemon(config=config) as d, d.client("verify") as client:
        for verb, verdict in ("revoke", "NO revoked"), ("disable", "NO disabled"):
            token = d.create()
            client.send(f"verify service=slow {token['token']}")
            eventually(lambda: d.stat("verifier_outcomes", service="slow", verifier="local",
                                      outcome="pass") > (verb == "disable"), "it was good at first")
            d.done(f"{verb} {token['id']}")
            same(client.reply().verdict, verdict)


@claim
def clients_that_leave_while_a_verifier_works_harm_nobody():
    config = service("slow", f"sufficient = {BLOCKS} does=late seconds=1 deadline=2s threads=4")
    with Daemon(config=config) as d:
        token = d.create()["token"]
        for _ in range(3):
            crowd = [d.client("verify") for _ in range(scaled(40, 10))]
            for i, client in enumerate(crowd):
                client.send(*[f"verify service=slow {i:036}{j:04}" for j in range(4)])
            for client in crowd:
                client.close()
        same(d.ask(f"verify {token}", "verify").verdict, "OK")


@claim
def daemon_stops_and_answers_while_a_verifier_hangs():
    harness.threads_may_hang = True
    config = service("hang", f"required = {BLOCKS} does=hang deadline=1s")
    with Daemon(config=config) as d, d.client("verify") as client:
        client.send("verify service=hang " + "x" * 40)
        eventually(lambda: d.stats()["connections"] != "1", "it is being heard")
        d.signal(15)
        same(client.reply().verdict, "ERR unavailable")
        d.ended(0)


@claim
def crowd_before_a_sleeping_verifier_takes_no_time_from_others():
    """That the rate stays is for the benchmark: here, that nobody waits."""
    config = service("sleep", f"sufficient = {BLOCKS} does=late seconds=1 deadline=3s threads=64")
    with Daemon(config=config) as d:
        token = d.create()["token"]
        stop = threading.Event()

        def ask():
            with d.client("verify") as client:
                while not stop.is_set():
                    same(client.request("verify service=sleep " + "x" * 40).verdict, "OK")

        threads = [threading.Thread(target=ask) for _ in range(64)]
        for thread in threads:
            thread.start()
        slowest = 0
        with d.client("verify") as client:
            for _ in range(scaled(2000, 100)):
                began = time.monotonic()
                same(client.request(f"verify {token}").verdict, "OK")
                slowest = max(slowest, time.monotonic() - began)
        stop.set()
        for thread in threads:
            thread.join()
        assert slowest < 0.5 * PATIENCE, f"one waited {slowest} s"
