# SPDX-License-Identifier: Apache-2.0
"""A million tokens moved from one daemon to another and back (in `make test`, some thousands)."""
import json
import os
import subprocess
import time

import pytest

import proc
from daemon import Daemon
from filled_store import fill
from jeton_command import JETON, setting
from settings import PATIENCE, SANITIZER, TORTURE, scaled
from value import digest_of, value_new

COUNT = scaled(1_000_000 if TORTURE else 20_000, 2000)
LEAVING = COUNT // 100          # tokens that are revoked after the move, by each side
KNOWN = 20                      # of each side's, those whose values are tried
BYTES_PER_TOKEN = 400           # at most: while its table grows, a daemon has a smaller one as well
EMPTY = 38 << 20                # bytes of a daemon without tokens, which does what is tried here: 8 MiB of its log
COMMAND = 16 << 20              # bytes of the command, however much it moves
SLOWEST = 600 if TORTURE else 50        # seconds that a move may take


def highest(process):
    """Return the most memory that a process has had so far; None: it has ended."""
    try:
        return proc.status(process.pid, "VmHWM") << 10
    except (KeyError, OSError):
        return None


def move(old, new, what):
    """Pipe an export of one daemon into an import by another.  Return what the import counts, and check times and
    memory."""
    began = time.monotonic()
    sender = subprocess.Popen([JETON, "export"], env=setting(old.path()), stdout=subprocess.PIPE)
    receiver = subprocess.Popen([JETON, "-j", "import"], env=setting(new.path()), stdin=sender.stdout,
                                stdout=subprocess.PIPE, text=True)
    sender.stdout.close()
    most = {sender: 0, receiver: 0}
    while receiver.poll() is None:
        assert time.monotonic() - began < SLOWEST * PATIENCE, "the move goes on too long"
        most = {process: max(most[process], highest(process) or 0) for process in most}
        time.sleep(0.02)
    taken = time.monotonic() - began
    assert (sender.wait(), receiver.returncode) == (0, 0)
    counts = json.loads(receiver.stdout.read())
    receiver.stdout.close()
    now, at_most = ([proc.status(d.pid, field) << 10 for d in (old, new)] for field in ("VmRSS", "VmHWM"))
    print(f"{what}: {taken:.1f} s, {counts}; {now[0] >> 20} and {now[1] >> 20} MiB in the daemons, at most {at_most[0] >> 20} and "
          f"{at_most[1] >> 20}; {most[sender] >> 10} and {most[receiver] >> 10} KiB in the commands")
    if not SANITIZER:
        assert max(most.values()) <= COMMAND
        assert max(at_most) <= EMPTY + COUNT * BYTES_PER_TOKEN
    return counts


def counted(**those):
    return {"ok": True, "imported": 0, "refused": 0, "bans": 0, "banned": 0, "new": 0, "updated": 0, "denied": 0, "present": 0} | those


def exported(d):
    """Return the number of lines of an export, and their checksum."""
    final = None
    with d.client(patience=SLOWEST) as client:
        client.send("export")
        while (final := client.line()).startswith(b"*"):
            pass
    fields = dict(word.split("=") for word in final.decode().split()[1:])
    return int(fields["count"]), fields["checksum"]


def made(d, subject, values):
    """Import the tokens of a subject who will leave: some of them by their values."""
    digests = [digest_of(value).hex() for value in values] + [os.urandom(32).hex() for _ in range(LEAVING - len(values))]
    with d.client(patience=60) as client:
        replies = client.pipeline(f"import digest={digest} subject={subject} scopes=deploy,read description=\"of a leaver\""
                                  for digest in digests)
    assert {reply.verdict for reply in replies} == {"OK"}


def refused_on(d, values):
    with d.client() as client:
        return {reply.verdict for reply in client.pipeline(f"verify {value}" for value in values)} == {"NO revoked"}


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.timeout(4 * SLOWEST)
@pytest.mark.xdist_group("neighbours")     # not beside those, which go before others
def test_many_tokens_move_to_another_daemon_whole_and_denials_reach_both_sides():
    values = {subject: [value_new() for _ in range(KNOWN)] for subject in ("here", "there")}
    hexits = os.urandom(32 * (COUNT - 2 * LEAVING)).hex()
    daemon = Daemon()
    daemon.start_within = 120
    fill(daemon.store, [hexits[at:at + 64] for at in range(0, len(hexits), 64)])
    with daemon as old, Daemon() as new:
        for subject in values:
            made(old, subject, values[subject])
        assert move(old, new, "the first time") == counted(imported=COUNT, new=COUNT)
        assert exported(new) == exported(old)
        assert exported(old)[0] == COUNT
        for d, subject in ((old, "here"), (new, "there")):
            assert d.ask(f"revoke subject={subject} count={LEAVING}")["changed"] == str(LEAVING)
        there = move(new, old, "back, with denials")
        assert there == counted(imported=LEAVING, denied=LEAVING, present=COUNT - LEAVING)
        assert move(old, new, "and forth again") == there
        assert exported(new) == exported(old)
        assert move(new, old, "once more, with nothing new") == counted(present=COUNT)
        for d in old, new:
            assert all(refused_on(d, values[subject]) for subject in values)
            d.restart()
            assert all(refused_on(d, values[subject]) for subject in values)
        assert exported(new) == exported(old), "and so it is on the disk"
