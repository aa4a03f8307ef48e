# SPDX-License-Identifier: Apache-2.0
"""`make demo-fleet` shows what it says, and leaves nothing."""
import glob
import os
import re
import signal
import subprocess
import tempfile

import pytest

from postgres import need_postgresql
from requirements import need_plain_build
from settings import BUILD, PATIENCE
from waiting import eventually

LEASE = 5.0


@pytest.fixture(name="demo")
def fixture_demo():
    """Starts the demonstration, of which nothing may be left."""
    need_plain_build()
    need_postgresql()
    where = tempfile.gettempdir()
    os.chmod(where, os.stat(where).st_mode & 0o7777 | 0o011)
    with subprocess.Popen(["/usr/bin/python3", "-B", "tests/demo_fleet", "--test"], env=os.environ | {"BUILD": BUILD, "TMPDIR": where},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield process
        process.kill()
    assert glob.glob(f"{where}/jeton-fleet.*") == []
    eventually(lambda: left(where) == [], "no process of it is left")


def left(where):
    """Return the command lines of processes that have something to do with its directory there."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                line = file.read()
        except OSError:
            continue
        if f"{where}/jeton-fleet.".encode() in line:
            found.append(line)
    return found


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_the_demonstration_of_a_fleet_goes_as_it_says(demo):
    output = demo.communicate(timeout=80 * PATIENCE)[0]
    print(output)
    assert demo.returncode == 0, output
    parts = dict(re.findall(r"^(\d)\. (.*?)(?=^\d\. |^To go on)", output, re.M | re.S))
    assert sorted(parts) == list("12345"), output
    assert re.search(r"honoured on b after \d+ ms, c after \d+ ms", parts["1"])
    assert re.search(r"^  seen +3\n  hosts +3$", parts["2"], re.M), parts["2"]
    assert re.search(r"refused on a after \d+ ms, b after \d+ ms, c after \d+ ms", parts["2"])
    late = float(re.search(r"for the last time (-?[\d.]+) s after the answer", parts["3"])[1])
    assert -1 < late <= LEASE and "ERR unavailable" in parts["3"]
    assert "on b: NO revoked; on a, which cannot know: OK" in parts["4"] and "by db2; refused on a after" in parts["4"]
    for part in "45":
        asked, other = map(int, re.search(r"asked (\d+) times, not OK (\d+) times", parts[part]).groups())
        assert asked > 10 and other < asked / 2, f"a busy machine may be slower than the lease, but not by so much: {parts[part]}"


@pytest.mark.timeout(60)
def test_the_demonstration_can_be_interrupted_and_leaves_nothing(demo):
    for line in demo.stdout:
        if line.startswith("1. "):
            break
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=30 * PATIENCE)
    assert demo.returncode == 1
