# SPDX-License-Identifier: Apache-2.0
"""jeton-web on a machine that is suspended meanwhile: its monotonic clock stands still, and the night passes."""
import time

import proc
from clock import Clock
from settings import PATIENCE


def test_time_for_which_the_machine_is_suspended_counts(daemon, web):
    clock = Clock()
    w = web(daemon(), "--idle", "15m", extra=clock.environment)
    connection, stream = w.stream("watch")
    with connection:
        assert stream.response.status == 200
        for _ in range(3):      # longer than it may be idle, but somebody comes each time
            clock.suspend(10 * 60)
            assert w.exchange("list limit=1") == "OK count=0\nOK\n"
        clock.suspend(10 * 60)
        assert w.status(w.post("list\nquit\n", "Jeton-Idle: 600")) == 200, "asked for by the page itself"
        begin = time.monotonic()
        while time.monotonic() < begin + 0.3:       # it looks ten times a second
            assert "role=admin" in w.exchange("hello")
        begin = time.monotonic()
        clock.suspend(5 * 60)
        w.ended(0)
    assert time.monotonic() - begin < 5 * PATIENCE
    assert "ended: nobody has used it" in w.log()


def test_nothing_is_done_for_a_page_that_wakes_too_late(daemon, web):
    """The first that a machine does which was suspended overnight: the page sends what it had in mind."""
    d = daemon()
    clock = Clock()
    w = web(d, "--idle", "15m", extra=clock.environment)
    assert w.exchange("ping") == "OK\nOK\n"
    with w.connect() as connection:
        with proc.stopped(w.pid):
            connection.send(w.post("create\nquit\n", "Jeton-Idle: 0"))
            clock.suspend(8 * 3600)
        w.ended(0)
    assert d.list() == []
