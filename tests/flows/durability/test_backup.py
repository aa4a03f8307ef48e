# SPDX-License-Identifier: Apache-2.0
"""Backup and inspection with TDB's own tools, while the daemon runs."""
import os
import re
import subprocess
import threading

from settings import JETOND, PATIENCE


def tool(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def test_backup_of_the_live_store_starts_with_its_tokens(daemon):
    live = daemon()
    restored = daemon()
    restored.stop()
    replies = live.client().pipeline([f"create description=n{n}" for n in range(500)])
    live.done(f"revoke {replies[0]['id']}")
    stop = threading.Event()

    def keep_changing():
        with live.client() as client:
            while not stop.is_set():
                client.request("create description=during")
    thread = threading.Thread(target=keep_changing, daemon=True)
    thread.start()
    live.done("checkpoint")
    tool("tdbbackup", live.store)
    stop.set()
    thread.join(40 * PATIENCE)
    assert live.done("ping").verdict == "OK", "the daemon went on"
    os.unlink(restored.store)
    tool(JETOND, *restored.arguments(), "--restore", live.store + ".bak")
    restored.start()
    assert len(restored.list()) >= 500
    before = [line for line in restored.list() if line["description"] != "during"]
    assert [line["id"] for line in before] == [reply["id"] for reply in replies]
    assert restored.verify(replies[0]["token"]) == "NO revoked"
    assert restored.verify(replies[1]["token"]) == "OK"
    entries = len(restored.done("journal").lines)
    assert entries == len(restored.list()) + 1, "tokens and journal are of one moment"


def test_dump_shows_readable_lines(daemon):
    d = daemon()
    token = d.create(description="ci deploy", subject="ann", scopes="b,a")
    d.done("checkpoint")
    dump = tool("tdbdump", d.store)
    record = re.search(r'key\(26\) = "token/(\w+)"\ndata\(\d+\) = "(.*)"', dump)
    assert record[1] == token["id"]
    for field in ("v=1 ", "digest=" + token["id"], "created=" + token["created"],
                  "subject=ann", "scopes=a,b", "ci deploy"):
        assert field in record[2], f"{field} in {record[2]}"
    journal = re.search(r'key\(\d+\) = "journal/0"\ndata\(\d+\) = "(.*)"', dump)[1]
    assert "serial=1 " in journal and "event=create" in journal, journal
    assert d.done("ping").verdict == "OK"
