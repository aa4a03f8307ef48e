# SPDX-License-Identifier: Apache-2.0
"""What test_python.py does with the module in a process of its own: NAME and its arguments."""
import asyncio
import contextlib
import ctypes
import gc
import os
import random
import signal
import sys
import threading
import time

import jeton
import jeton.aio
import jeton.asgi
import jeton.wsgi
from jeton import _library


def words():
    lib = _library.library()
    lib.jeton_status_word.restype = lib.jeton_status_text.restype = ctypes.c_char_p
    for status in jeton.Status:
        number = ctypes.c_int(status)
        assert status.word == lib.jeton_status_word(number).decode()
        assert status.text == lib.jeton_status_text(number).decode()
        assert status.http == lib.jeton_status_http(number)
    assert jeton.Status.of(12345) is jeton.Status.UNAVAILABLE


def arguments(path, token):
    status = jeton.Status
    with jeton.Jeton(path) as tokens:
        for value in token, token.encode(), bytearray(token.encode()), memoryview(token.encode()):
            assert tokens.verify(value).subject == "ann" and tokens.check(value) is status.OK
        for scopes in "a", "a,b", ["a", "b"], ("a",), {"a": 1}, iter(["b"]):
            assert tokens.check(token, scopes) is status.OK, scopes
        for scopes in "", [], "a\0", "a\0,b", ["a", ""], "a b", "\ud800":
            assert tokens.check(token, scopes) is status.INVALID, scopes
            with contextlib.suppress(jeton.Invalid):
                tokens.verify(token, scopes)
                raise AssertionError(scopes)
        assert tokens.check(token, subject="ann\0") is status.INVALID
        assert tokens.check(token, subject="an\udcff") is status.SUBJECT
        assert tokens.check(token + "\0") is status.MALFORMED
        assert tokens.check("\ud800" * 40) is not status.OK
        for wrong in None, 5, [token], object():
            for call in tokens.check, tokens.verify:
                try:
                    answer = call(wrong)
                except TypeError:
                    continue
                except jeton.Refused:
                    continue
                assert answer is status.MALFORMED, wrong
        for wrong in {"scopes": 5}, {"subject": 5}, {"subject": b"ann"}, {"scopes": [5]}:
            try:
                tokens.check(token, **wrong)
                raise AssertionError(wrong)
            except (TypeError, AttributeError):
                pass
    for call in tokens.check, tokens.verify:
        try:
            call(token)
            raise AssertionError("closed")
        except ValueError:
            pass
    for wrong, error in (({"socket": "relative"}, OSError), ({"socket": "/a\0b"}, ValueError),
                         ({"service": "a b"}, OSError), ({"timeout": 0}, ValueError), ({"timeout": 1e9}, ValueError)):
        try:
            jeton.Jeton(**{"socket": path} | wrong)
            raise AssertionError(wrong)
        except error:
            pass


def hammer(tokens, subjects, stop, errors):
    while not stop.is_set():
        value = random.choice(list(subjects))
        claims = tokens.verify(value)
        expected = subjects[value]
        if claims != expected:
            errors.append((claims, expected))


def threads(path, *values):
    tokens = jeton.Jeton(path)
    subjects = {value: tokens.verify(value) for value in values}
    assert len({claims.subject for claims in subjects.values()}) == len(values)
    stop, errors = threading.Event(), []
    started = [threading.Thread(target=hammer, args=(tokens, subjects, stop, errors)) for _ in range(4)]
    sys.setswitchinterval(1e-5)
    for thread in started:
        thread.start()
    time.sleep(0.5)
    stop.set()
    for thread in started:
        thread.join()
    assert errors == []


def within(path, outer, inner):
    """A signal's handler verifies too, between any two instructions."""
    tokens = jeton.Jeton(path)
    seen = []
    signal.signal(signal.SIGALRM, lambda *_: seen.append(tokens.verify(inner).subject))
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    deadline = time.monotonic() + 20
    while len(seen) < 300 and time.monotonic() < deadline:
        assert tokens.verify(outer).subject == "ann"
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert len(seen) >= 300 and set(seen) == {"bob"}


def closing(path, value):
    for _ in range(100):
        tokens = jeton.Jeton(path)
        begun = threading.Barrier(4)

        def verify():
            begun.wait()
            with contextlib.suppress(ValueError):
                while True:
                    assert tokens.check(value) is jeton.Status.OK
        started = [threading.Thread(target=verify) for _ in range(3)]
        for thread in started:
            thread.start()
        begun.wait()
        tokens.close()
        for thread in started:
            thread.join()
        tokens.close()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) < 20, "connections of closed handles"


def fork(path, value):
    tokens = jeton.Jeton(path)
    assert tokens.verify(value).source == "table"
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if tokens.verify(value).source == "table" else 1)
        assert os.waitpid(pid, 0)[1] == 0
    assert tokens.verify(value).source == "table"


def blocked(path, value):
    """The daemon has stopped: who asks it waits, and others do not."""
    tokens = jeton.Jeton(path, timeout=1.5, table=False)
    begin = time.monotonic()
    waiting = threading.Thread(target=tokens.check, args=(value,))
    waiting.start()
    steps = 0
    while waiting.is_alive():
        steps += 1
        time.sleep(0.001)
    assert time.monotonic() - begin >= 1.4 and steps > 10, steps


def changes(path, value):
    tokens = jeton.Jeton(path)
    for _ in sys.stdin:
        try:
            claims = tokens.verify(value)
            print(claims.subject, ",".join(claims.scopes), flush=True)
        except jeton.Refused as refused:
            print(refused.reason, flush=True)


# -- asyncio ---------------------------------------------------------------------------------------

async def pipelined(path, *values):
    async with jeton.aio.Client(path, timeout=20) as client:
        for _ in range(5):
            answers = await asyncio.gather(*map(client.verify, values), return_exceptions=True)
            assert [answer.subject for answer in answers[:-1]] == [f"s{n}" for n in range(len(values) - 1)]
            assert answers[-1].reason == "unknown"


async def restarted(path, value):
    async with jeton.aio.Client(path, timeout=5) as client:
        while await asyncio.to_thread(sys.stdin.readline):
            print((await client.check(value)).word, flush=True)


async def hung(path, value):
    async with jeton.aio.Client(path, timeout=0.2) as client:
        begin = time.monotonic()
        answers = {status.word for status in await asyncio.gather(*(client.check(value) for _ in range(300)))}
        assert time.monotonic() - begin < 5
        print(*answers, flush=True)
        deadline = time.monotonic() + 20
        while (status := await client.check(value)) is not jeton.Status.OK and time.monotonic() < deadline:
            pass
        print(status.word, flush=True)


async def cancelled(path, *values):
    async with jeton.aio.Client(path, timeout=20) as client:
        for _ in range(50):
            tasks = [asyncio.ensure_future(client.verify(value)) for value in values]
            await asyncio.sleep(random.random() * 0.001)
            given_up = set(random.sample(range(len(tasks)), 5))
            for number in given_up:
                tasks[number].cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            for number, answer in enumerate(answers):
                if not isinstance(answer, asyncio.CancelledError):
                    assert answer.subject == f"s{number}"
                else:
                    assert number in given_up


async def trusted(path, value):
    async with jeton.aio.Client(path, timeout=5) as client:
        print((await client.check(value)).word)


# -- middleware ------------------------------------------------------------------------------------

async def asgi(path, value):
    called, sent = [], []

    async def application(scope, receive, send):
        called.append(scope)

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)
    good, bad = [(b"authorization", b"Bearer " + value.encode())], [(b"authorization", b"Bearer x")]
    with jeton.Jeton(path) as tokens:
        for verifier in tokens, jeton.aio.Client(path, timeout=10):
            middleware = jeton.asgi.Middleware(application, verifier, scopes=["chat"])
            await middleware({"type": "websocket", "headers": good}, receive, send)
            assert called.pop()["jeton.claims"].scopes == ("chat",) and not sent
            await middleware({"type": "websocket", "headers": bad}, receive, send)
            assert [message["type"] for message in sent] == ["websocket.close"] and not called
            sent.clear()
            extended = {"type": "websocket", "headers": [], "extensions": {"websocket.http.response": {}}}
            await middleware(extended, receive, send)
            assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 401) and not called
            sent.clear()
            await middleware({"type": "lifespan"}, receive, send)
            assert called.pop() == {"type": "lifespan"}
            try:
                await middleware({"type": "telepathy", "headers": good}, receive, send)
                raise AssertionError("a kind of scope that nobody knows")
            except ValueError:
                assert not called and not sent


def settings():
    for kind in jeton.wsgi.Middleware, jeton.asgi.Middleware:
        for wrong in {"scopes": ""}, {"scopes": []}, {"realm": 'a"b'}, {"realm": "a\nb"}:
            try:
                kind(None, None, **wrong)
                raise AssertionError(wrong)
            except ValueError:
                pass
    for wrong in {"service": ""}, {"service": "a b"}, {"timeout": 0}:
        try:
            jeton.aio.Client("/x", **wrong)
            raise AssertionError(wrong)
        except ValueError:
            pass


name, *given = sys.argv[1:]
found = globals()[name](*given)
if asyncio.iscoroutine(found):
    asyncio.run(found)
