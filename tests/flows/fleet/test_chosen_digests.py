# SPDX-License-Identifier: Apache-2.0
"""Digests of the fleet's tokens that somebody has chosen so that they begin alike: an issuer that he has broken into makes
what tokens he likes."""
import collections
import secrets
import struct
import threading

from askers import Library, Socket
from fleet_feed import deny, fleet_daemon, put
from proc import cpu
from received_table import Table
from settings import SANITIZER
from value import value_new
from waiting import eventually

SLOTS_AT, SEED_AT, WORD = 12, 72, 2**64 - 1
COUNT, PART = 10000, 2500
SUBJECTS = 100


def seconds(daemon, act):
    before = cpu(daemon.pid)
    act()
    return cpu(daemon.pid) - before


def chosen(number):
    """As much alike as the database lets pass: all but some of the first 62 bits."""
    return "6a" * 6 + (4 * number).to_bytes(2, "big").hex() + 24 * "00"


def bring(feed, changes):
    for at in range(0, len(changes), PART):
        feed.bring(*changes[at:at + PART])


def puts(digests):
    return [put(digest, subject=f"s{number % SUBJECTS}", origin="web2") for number, digest in enumerate(digests)]


def test_digests_that_begin_alike_cost_no_more_than_others(daemon):
    """Neither when they come, nor after a restart, nor what verifies or denies beside them."""
    other, other_feed = fleet_daemon(daemon)
    others = seconds(other, lambda: bring(other_feed, puts([secrets.token_hex(32) for _ in range(COUNT)])))
    other.restart()
    other_start = cpu(other.pid)
    other.stop()

    d, feed = fleet_daemon(daemon)
    value = d.create()["token"]
    digests = [chosen(number) for number in range(COUNT)]
    came = seconds(d, lambda: bring(feed, puts(digests)))
    denied = seconds(d, lambda: bring(feed, [deny(digest) for digest in digests[::2]]))
    assert came < 2 * others + 0.5 and denied < 2 * others + 0.5
    feed.lease()
    assert d.verify(value) == "OK"
    d.restart()
    assert cpu(d.pid) < 2 * other_start + 0.5
    feed.again()
    feed.lease()
    stats = d.stats()
    assert (stats["fleet_tokens"], stats["tokens"], stats["fleet_spreads"]) == (str(COUNT), str(COUNT + 1), "0")
    assert len(d.list(state="revoked")) == COUNT // 2
    states = {number: d.done(f"show {digests[number][:20]}").lines[0]["state"] for number in (0, 1, COUNT - 2, COUNT - 1)}
    assert states == {0: "revoked", 1: "active", COUNT - 2: "revoked", COUNT - 1: "active"}
    assert d.verify(value) == "OK"


def crowd(table, count):
    """Digests whose home slots in this table lie close together: by its seed, which who may read it can use."""
    slots, seeds = table.number("<I", SLOTS_AT), struct.unpack_from("<2Q", table.map, SEED_AT)
    found = []
    while len(found) < count:
        digest = secrets.token_bytes(10)
        mixed = int.from_bytes(digest[:8], "little") * seeds[0] + int.from_bytes(digest[2:], "big") * seeds[1] & WORD
        mixed = (mixed ^ mixed >> 32) * seeds[0] & WORD
        if (mixed >> 32) * slots >> 32 < 16:
            found.append(digest.hex() + 44 * "0")
    return found


def test_a_table_that_is_made_anew_by_another_seed_hides_nothing_from_who_reads_meanwhile(daemon):
    d, feed = fleet_daemon(daemon)
    local, gone = d.create()["token"], d.create()
    d.done(f"revoke {gone['id']}")
    brought, denied, unknown = value_new(), value_new(), value_new()
    feed.bring(put(brought), put(denied), *puts([secrets.token_hex(32) for _ in range(1000)]))
    feed.bring(deny(denied))
    feed.lease()
    wanted = {local: "ok", brought: "ok", denied: "revoked", gone["token"]: "revoked", unknown: "unknown"}
    wrong, asked, ends = [], collections.Counter(), threading.Event()

    def look(asker):
        while not ends.is_set():
            for value, answer in zip(wanted, asker.ask(d.path("verify"), [(value, {}) for value in wanted])):
                asked[asker.name] += 1
                if answer.verdict != wanted[value]:
                    wrong.append((asker.name, answer, wanted[value]))

    askers = [Socket(), *([] if SANITIZER else [Library()])]
    threads = [threading.Thread(target=look, args=(asker,)) for asker in askers]
    for thread in threads:
        thread.start()
    try:
        for number in range(1, 3):
            feed.bring(*puts(crowd(Table(d), 600)))
            before = asked.copy()
            eventually(lambda: all(asked[asker.name] >= before[asker.name] + 50 for asker in askers), "each has its turns")
            feed.bring(put(secrets.token_hex(32)))      # it is made anew before more are added
            assert int(d.stats()["fleet_spreads"]) == number
    finally:
        ends.set()
    for thread in threads:
        thread.join()
    assert wrong == [] and all(asked[asker.name] >= 100 for asker in askers), asked
    assert int(d.stats()["fleet_tokens"]) == 1002 + 2 * 601
