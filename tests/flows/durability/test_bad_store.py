# SPDX-License-Identifier: Apache-2.0
"""A store that cannot be used is refused by name, with what to do, and is left as it is."""
import contextlib
import os
import random
import re
import shutil
import struct
import subprocess

from daemon import Daemon, run_jetond
from settings import scaled


def made(daemon, tokens=200):
    """Make the store of a stopped daemon with this many tokens; return its bytes."""
    daemon.client().pipeline(["create description=" + "d" * 80] * tokens)
    daemon.stop()
    with open(daemon.store, "rb") as file:
        return file.read()


def put(daemon, content):
    with open(daemon.store, "wb") as file:
        file.write(content)


def run(daemon, *more):
    return run_jetond(*daemon.arguments(), *more)


def refused(daemon, pattern, about):
    """Check that the daemon neither starts nor passes --check, prints why and what to do, and changes nothing."""
    with open(daemon.store, "rb") as file:
        before = file.read()
    for more in ("--check",), ():
        done = run(daemon, *more)
        assert done.returncode == 1, f"{about} {more}: status {done.returncode}: {done.stderr}"
        output = done.stdout + done.stderr
        assert re.search(pattern, output) and "tokens.tdb" in output, f"{about} {more}: {output}"
        with open(daemon.store, "rb") as file:
            assert file.read() == before, f"{about} {more}: the file was changed"
    left = set(os.listdir(daemon.directory)) - {"tokens.tdb.lock", "tokens.tdb.lease", "tokens.tdb.used",
                                               "tokens.tdb.epoch", "tokens.tdb.wal", "log"}
    assert left == {"tokens.tdb"}, "no socket or file is left behind"


TO_DO = r"restore|move it away|tdbbackup"


@contextlib.contextmanager
def broken_ones():
    with Daemon() as daemon:
        yield daemon, made(daemon)


def test_store_that_has_one_token_twice_and_another_not_at_all_is_refused():
    with broken_ones() as (d, whole):
        damaged, first = bytearray(whole), 168 + 4          # the heads of the hash chains
        heads = struct.unpack_from("=1000003I", damaged, first)
        lead = [chain for chain, place in enumerate(heads)
                if place and whole[place + 24:place + 30] == b"token/" and whole[place:place + 4] == bytes(4)]
        struct.pack_into("=I", damaged, first + 4 * lead[0], heads[lead[1]])
        put(d, damaged)
        refused(d, "holds 199 tokens, but its journal says 200.*restore", "one twice")


def test_truncated_store_is_refused_and_left_alone():
    with broken_ones() as (d, whole):
        for length in 0, 1, 100, 168, 4096, 1 << 20, 4000000, 4002000, 4010000:
            put(d, whole[:length])
            refused(d, TO_DO, f"{length} of {len(whole)} bytes")
        put(d, whole)
        d.start()


def test_store_that_claims_to_hold_more_tokens_than_fit_is_refused():
    with broken_ones() as (d, whole):
        counted = b"v=1 tokens=0000000200"
        assert counted in whole
        put(d, whole.replace(counted, b"v=1 tokens=0033333333"))
        refused(d, "33333333 tokens, which is more than fit.*tdbbackup", "an impossible number")


def test_store_truncated_anywhere_never_starts_with_tokens_missing():
    with broken_ones() as (d, whole):
        for _ in range(scaled(30, 5)):
            length = random.randrange(3900000, len(whole))
            put(d, whole[:length])
            done = run(d, "--check")
            assert done.returncode in (0, 1), f"{length}: status {done.returncode}: {done.stderr}"
            with open(d.store, "rb") as file:
                assert len(file.read()) == length, "length"
            if done.returncode == 0:
                d.start()
                assert len(d.list()) == 200, f"{length} of {len(whole)} bytes"
                d.kill()
        put(d, whole)
        d.start()


def test_damaged_bytes_never_crash_the_check_nor_change_the_store():
    with broken_ones() as (d, whole):
        first = whole.index(b"v=1 ")
        for _ in range(scaled(60, 6)):
            broken = bytearray(whole)
            for _ in range(random.choice((1, 4, 50))):
                broken[random.randrange(first, len(broken))] = random.randrange(256)
            put(d, broken)
            done = run(d, "--check")
            assert done.returncode in (0, 1), f"status {done.returncode}: {done.stderr}"
            assert done.returncode == 0 or done.stderr.strip(), "it prints why"
            assert done.stderr.replace("\n", "").isprintable() and "\ufffd" not in done.stderr, (
                f"what it quotes of the file may not reach a terminal as it is: {done.stderr!r}")
            with open(d.store, "rb") as file:
                assert file.read() == broken, "the file was changed"
        put(d, whole)
        d.start()


def test_garbage_is_refused_and_left_alone():
    with broken_ones() as (d, whole):
        for about, content in (("text", b"these are not the tokens\n"), ("zeros", bytes(1 << 20)),
                               ("noise", random.randbytes(1 << 20)),
                               ("a blank head", bytes(4096) + whole[4096:])):
            put(d, content)
            refused(d, TO_DO, about)
        put(d, whole)
        d.start()


def test_store_of_a_newer_version_is_refused():
    with broken_ones() as (d, whole):
        assert b"jetonv=1 " in whole
        put(d, whole.replace(b"jetonv=1 ", b"jetonv=3 "))
        refused(d, "newer version", "head")
        at = whole.index(b"v=1 serial=")
        put(d, whole[:at] + b"v=2" + whole[at + 3:])
        refused(d, "newer version", "one record")
        put(d, whole)
        d.start()


def test_store_that_lost_a_record_is_refused():
    if shutil.which("tdbtool") is None:
        raise AssertionError("tdbtool is not installed (package tdb-tools)")
    with broken_ones() as (d, whole):
        key = re.search(rb"token/[0-9a-f]{20}", whole)[0].decode()
        subprocess.run(["tdbtool", d.store, "delete", key], check=True, capture_output=True)
        refused(d, TO_DO, "one token deleted behind its back")
        put(d, whole)
        d.start()


def test_directory_or_pipe_in_the_stores_place_is_refused(daemon):
    d = daemon()
    d.stop()
    os.unlink(d.store)
    for make in os.mkdir, os.mkfifo:
        make(d.store)
        for more in ("--check",), ():
            done = run(d, *more)
            assert done.returncode == 1 and "tokens.tdb" in done.stderr, done
        (os.rmdir if make is os.mkdir else os.unlink)(d.store)
    d.start()


def test_store_in_use_by_another_daemon_is_refused(daemon):
    first = daemon()
    second = daemon()
    token = first.create()
    second.stop()
    second.store, own = first.store, second.store
    done = run(second)
    assert done.returncode == 1
    assert "in use by another jetond" in done.stderr and "stop" in done.stderr, done.stderr
    assert run(second, "--check").returncode == 0, "to look at it is allowed"
    assert first.verify(token["token"]) == "OK"
    assert first.create()["state"] == "active"
    first.restart()
    assert len(first.list()) == 2
    second.store = own
    second.start()


def test_check_passes_and_changes_nothing():
    with broken_ones() as (d, whole):
        before = sorted(os.listdir(d.directory))
        done = run(d, "--check")
        assert done.returncode == 0, done.stderr
        assert sorted(os.listdir(d.directory)) == before
        with open(d.store, "rb") as file:
            assert file.read() == whole
        os.unlink(d.store)
        before = sorted(os.listdir(d.directory))
        assert (run(d, "--check").returncode in (0, 1)), "no store yet"
        assert sorted(os.listdir(d.directory)) == before, "--check makes no store"
        put(d, whole)
        d.start()
