# SPDX-License-Identifier: Apache-2.0
"""The journal from its end: order=desc, page by page, while it grows and is trimmed."""
import json

import pytest

from jeton_command import jeton


def serials(reply):
    return [int(line["serial"]) for line in reply.lines]


def pages(d, filters="", limit=7):
    """All that a filter finds, newest first, by as many requests as that takes."""
    found, after = [], ""
    while True:
        page = d.done(f"journal order=desc limit={limit} {filters}{after}")
        assert int(page["count"]) == len(page.lines) <= limit
        found += page.lines
        if "next" not in page:
            return found
        after = f" after={page['epoch']}:{page['next']}"


@pytest.fixture
def several_blocks(daemon):
    """A daemon whose journal has 900 entries, in several of the store's blocks."""
    d = daemon()
    d.client().pipeline([f'create subject=s{i % 3} description="{"x" * 100}"' for i in range(900)])
    return d


def test_journal_newest_first_is_the_reverse_of_oldest_first(several_blocks):
    d = several_blocks
    forward = d.done("journal").lines
    assert len(forward) == 900
    backward = d.done("journal order=desc")
    assert backward.lines == forward[::-1] and backward["count"] == "900" and "next" not in backward
    assert d.done("journal order=asc").lines == forward
    assert pages(d, limit=250) == forward[::-1]
    assert pages(d, "subject=s1", limit=100) == [line for line in forward if line["subject"] == "s1"][::-1]
    assert pages(d, "until=1h") == []
    d.restart()
    assert d.done("journal order=desc").lines == forward[::-1]


def test_empty_journal_newest_first_has_no_entries(daemon):
    d = daemon()
    assert serials(d.done("journal order=desc")) == serials(d.done("journal order=desc after=1")) == []
    assert d.ask("journal order=desc after=2").verdict == "ERR gone"


def test_page_newest_first_goes_on_with_what_is_older_while_the_journal_grows(daemon):
    d = daemon()
    for _ in range(5):
        d.create()
    page = d.done("journal order=desc limit=2")
    assert (serials(page), page["next"]) == ([5, 4], "4")
    d.create()
    rest = d.done(f"journal order=desc after={page['epoch']}:{page['next']}")
    assert serials(rest) == [3, 2, 1] and "next" not in rest
    for end in 0, 1:
        assert serials(d.done(f"journal order=desc after={end}")) == []


def test_position_that_is_no_place_in_this_history_is_gone_newest_first(daemon):
    d = daemon()
    for _ in range(3):
        d.create()
    assert serials(d.done("journal order=desc after=4")) == [3, 2, 1]
    for position in "5", "999999999999", "aaaaaaaaaaaaaaaa:2":
        reply = d.ask(f"journal order=desc after={position}")
        assert reply.verdict == "ERR gone" and (reply["oldest"], reply["newest"]) == ("1", "3"), position
    for wrong in "order=", "order=down", "order=desc order=desc":
        assert d.ask(f"journal {wrong}").verdict in ("ERR bad-value", "ERR duplicate-key"), wrong
    assert d.ask("watch order=desc").verdict == "ERR unknown-key"


def test_what_was_trimmed_ends_the_journal_newest_first(daemon):
    d = daemon("daemon.journal_entries=100")
    d.create(), d.create()
    page = d.done("journal order=desc limit=1")
    d.client().pipeline([f'create description="{"x" * 900}"' for _ in range(400)])
    stats = d.stats()
    oldest, newest = int(stats["journal_oldest"]), int(stats["journal_newest"])
    assert 1 < oldest < newest == 402
    assert serials(d.done("journal order=desc")) == list(range(newest, oldest - 1, -1))
    for after in page["next"], oldest - 1, oldest:
        assert serials(d.done(f"journal order=desc after={page['epoch']}:{after}")) == []


def test_command_shows_the_journal_newest_first(daemon):
    d = daemon()
    ids = [d.create()["id"] for _ in range(4)]
    done = jeton(d.path(), "--json", "journal", "order=desc", "limit=3")
    assert [entry["id"] for entry in json.loads(done.out)] == ids[:0:-1]
