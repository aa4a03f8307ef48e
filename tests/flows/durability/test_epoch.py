# SPDX-License-Identifier: Apache-2.0
"""A store's epoch: who follows the journal is not misled when a backup takes the store's place."""
import json
import re
import shutil

import pytest

from jeton_command import Watching, jeton
from waiting import eventually


def epoch_of(d):
    """The epoch, on which everything that names it agrees."""
    epoch = d.done("hello")["epoch"]
    assert re.fullmatch("[a-f][0-9a-f]{15}", epoch)
    assert d.ask("hello", "verify")["epoch"] == epoch
    assert d.stats()["epoch"] == epoch
    assert d.done("export")["epoch"] == epoch
    reply = d.done("journal")
    assert {line["epoch"] for line in reply.lines} | {reply["epoch"]} == {epoch}
    with d.client() as watcher:
        watcher.send("watch after=0", "quit")
        end = watcher.reply()
        assert {line["epoch"] for line in end.lines} | {end["epoch"]} == {epoch}
    return epoch


def test_epoch_goes_on_over_restarts_and_kills(daemon):
    d = daemon()
    epoch = epoch_of(d)
    for end in d.stop, d.kill, d.kill, d.stop:
        d.create()
        end()
        d.start()
        assert epoch_of(d) == epoch
    for verb in "journal", "watch":
        with d.client() as client:
            client.send(f"{verb} after={epoch}:2", "quit")
            assert [line["serial"] for line in client.reply().lines] == ["3", "4"]


@pytest.mark.parametrize("how", ["copied into the file", "moved to its place"])
def test_restored_backup_ends_what_was_followed(daemon, how):
    d = daemon()
    d.create()
    d.stop()
    shutil.copy(d.store, f"{d.directory}/backup")
    d.start()
    d.create()
    before = epoch_of(d)
    d.kill()
    if how == "copied into the file":
        shutil.copy(f"{d.directory}/backup", d.store)
    else:
        shutil.move(f"{d.directory}/backup", d.store)
    d.start()
    d.create(description="other than what this serial was")
    after = epoch_of(d)
    assert after != before
    for verb in "journal", "watch":
        for serial in 0, 1, 2, 7:
            reply = d.ask(f"{verb} after={before}:{serial}")
            assert (reply.verdict, reply["epoch"], reply["newest"]) == ("ERR gone", after, "2")
            assert "replaced" in reply["message"]
    assert len(d.done(f"journal after={after}:1").lines) == 1
    assert len(d.done("journal after=1").lines) == 1, "who names no epoch is not told"


def test_what_is_no_position_is_refused(daemon):
    d = daemon()
    epoch = epoch_of(d)
    for bad in (f"{epoch}:", f"{epoch}", f"{epoch[:-1]}:0", f"{epoch}0:0", f"{epoch}:x", ":0",
                f"{epoch.replace(epoch[0], 'g')}:0", f"{epoch}:0:0", f"{epoch}:-1"):
        for verb in "journal", "watch":
            assert d.ask(f"{verb} after={bad}").verdict == "ERR bad-value", bad


def test_watching_command_reports_that_the_store_was_replaced(daemon):
    d = daemon()
    d.create()
    d.stop()
    shutil.copy(d.store, f"{d.directory}/backup")
    d.start()
    watching = Watching(d.path(), "--json", "after=0")
    d.create()
    eventually(lambda: len(watching.lines) == 2, "it shows what changed")
    last = json.loads(watching.lines[-1])
    d.stop()
    shutil.copy(f"{d.directory}/backup", d.store)
    d.start()
    d.create()
    eventually(lambda: watching.process.poll() is not None, "it ends")
    assert watching.end() == 2
    assert watching.has("gone: ") and watching.has("the store was replaced")
    assert len(watching.lines) == 2, "and shows no entry of another history"
    done = jeton(d.path(), "watch", f"after={last['epoch']}:{last['serial']}")
    assert done.status == 2 and "the store was replaced" in done.err
    assert jeton(d.path(), "journal", f"after={last['epoch']}:{last['serial']}").status == 2
