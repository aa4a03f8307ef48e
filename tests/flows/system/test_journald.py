# SPDX-License-Identifier: Apache-2.0
"""Messages to the system's journal: a socket of ours takes the place of journald's."""
import os
import re
import socket
import subprocess
import tempfile

from client import Client
from daemon import Daemon, environment
from requirements import need_root
from settings import JETOND, PATIENCE, ROOT
from waiting import eventually

with open(os.path.join(ROOT, "daemon/base/journald.h")) as header:
    IDS = dict(re.findall(r'#define JOURNALD_ID_(\w+) +"([0-9a-f]{32})"', header.read()))


class Journal:
    def __init__(self, buffer=None):
        self.path = tempfile.mkdtemp(prefix="") + "/socket"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock.bind(self.path)
        self.sock.settimeout(20 * PATIENCE)
        os.chmod(os.path.dirname(self.path), 0o755)
        os.chmod(self.path, 0o666)

    def entry(self):
        """Return the fields of the next entry; each line is NAME=text, as no field needs the other form."""
        lines = self.sock.recv(65536).decode().split("\n")
        assert lines.pop() == "", "ends with a line end"
        fields = dict(line.split("=", 1) for line in lines)
        assert len(fields) == len(lines), "no field twice"
        assert all(re.fullmatch("[A-Z][A-Z0-9_]*", name) for name in fields), fields
        return fields


def daemon(journal, *settings, **options):
    return Daemon(*settings, extra={"JETON_JOURNAL_SOCKET": journal.path}, **options)


def test_every_change_is_one_structured_entry():
    journal = Journal()
    with daemon(journal) as d:
        made = d.create(description="line\\nbreak")
        rotated = d.done(f"rotate {made['id']}")
        d.done(f"disable {rotated['id']}")
        d.done(f"delete {rotated['id']}")
        want = [("create", made["id"]), ("rotate", rotated["id"]), ("revoke", made["id"]),
                ("disable", rotated["id"]), ("delete", rotated["id"])]
        journaled = d.done("journal").lines
        for (event, token), line in zip(want, journaled, strict=True):
            got = journal.entry()
            assert ({name: got[name] for name in got if name != "MESSAGE"} == {
                   "MESSAGE_ID": IDS["CHANGE"], "PRIORITY": "6", "SYSLOG_IDENTIFIER": "jetond",
                   "JETON_EVENT": event, "JETON_ID": token, "JETON_BY_UID": str(os.geteuid()),
                   "JETON_BY_PID": str(os.getpid()), "JETON_SERIAL": line["serial"]})
            assert made["token"] not in str(got) and rotated["token"] not in str(got)
        assert d.stats()["reports_sent"] == "5"


def test_refused_change_is_no_entry():
    journal = Journal()
    with daemon(journal) as d:
        assert d.ask("revoke " + "0" * 20).verdict == "NO unknown"
        token = d.create()
        assert journal.entry()["JETON_ID"] == token["id"]


def test_refused_connections_are_entries_of_which_one_a_second_is_kept():
    journal = Journal()
    with daemon(journal, "daemon.max_connections_per_uid=4") as d:
        eventually(lambda: d.stats()["connections"] == "1", "who looked whether it listens is gone")
        kept = [d.client("verify") for _ in range(4)]
        eventually(lambda: d.stats()["connections"] == "5", "they are in")
        for _ in range(200):
            with Client(d.path("verify")) as client:
                assert client.reply().verdict == "ERR busy"
        got = journal.entry()
        assert ((got["JETON_EVENT"], got["MESSAGE_ID"], got["PRIORITY"], got["JETON_BY_UID"]) ==
                ("refused", IDS["REFUSED"], "4", str(os.geteuid())))
        assert int(d.stats()["reports_dropped"]) >= 150, d.stats()
        assert len(kept) == 4


def test_journal_that_does_not_read_holds_up_nothing_and_is_counted():
    journal = Journal(buffer=1)
    with daemon(journal) as d:
        assert len(d.client().pipeline(["create"] * 3000)) == 3000
        stats = d.stats()
        assert int(stats["reports_sent"]) + int(stats["reports_dropped"]) == 3000
        assert int(stats["reports_dropped"]) > 1000, stats


def test_journal_that_is_started_anew_is_found_again():
    journal = Journal()
    with daemon(journal) as d:
        d.create()
        journal.entry()
        journal.sock.close()
        d.create()
        os.unlink(journal.path)
        journal.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        journal.sock.bind(journal.path)
        journal.sock.settimeout(20 * PATIENCE)
        token = d.create()
        assert journal.entry()["JETON_ID"] == token["id"]


def test_failing_store_and_unsaved_denial_are_entries():
    need_root()
    import resource
    journal = Journal()
    with daemon(journal) as d:
        token = d.create()
        journal.entry()
        size = os.stat(d.store).st_size
        resource.prlimit(d.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        assert d.ask(f"revoke {token['id']}").verdict == "ERR store"
        got = {}
        while len(got) < 2:
            entry = journal.entry()
            got[entry["JETON_EVENT"]] = entry
        assert got["denial-unsaved"]["JETON_ID"] == token["id"]
        assert got["denial-unsaved"]["MESSAGE_ID"] == IDS["DENIAL_UNSAVED"]
        assert got["store-failed"]["PRIORITY"] == "3"
        resource.prlimit(d.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        mended = set()
        while not mended >= {"revoke", "store-mended"}:
            mended.add(journal.entry()["JETON_EVENT"])
        assert mended <= {"revoke", "store-mended", "store-failed"}
        assert size > 0


def test_log_lines_bear_priorities_where_they_go_to_the_journal(daemon):
    d = daemon()
    d.stop()
    read, write = os.pipe()
    stat = os.fstat(write)
    for stream, begins in ((f"{stat.st_dev}:{stat.st_ino}", "<"), ("1:1", "jetond: ")):
        process = subprocess.Popen([JETOND, *d.arguments()], stderr=write, env=environment() | {
            "JOURNAL_STREAM": stream, "JETON_JOURNAL_SOCKET": "/nowhere"})
        with os.fdopen(os.dup(read)) as log:
            lines = [log.readline()]
            while "ready" not in lines[-1]:
                lines.append(log.readline())
        process.terminate()
        assert process.wait(20 * PATIENCE) == 0
        while b"stopping" not in os.read(read, 65536):
            pass
        assert all(line.startswith(begins) for line in lines), lines
        if begins == "<":
            assert lines[-1].startswith("<6>ready"), lines
    d.start()


def test_message_ids_are_valid_and_all_different():
    assert len(set(IDS.values())) == len(IDS)
    assert len(IDS) >= 8, IDS
    with open(os.path.join(ROOT, "daemon/jetond.8")) as page:
        text = page.read()
    for identifier in IDS.values():
        assert identifier in text, f"{identifier} is not in jetond(8)"
        assert identifier[12] == "4" and identifier[16] in "89ab", "random UUIDs (RFC 4122)"
