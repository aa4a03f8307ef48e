# SPDX-License-Identifier: Apache-2.0
"""Run each test in a process, a session and a TMPDIR of its own, and end all that it leaves behind.

The test's process is forked for it.  It runs setup, call and teardown, writes the reports into a file
that it shares with its parent, and exits; the parent then kills the whole process group.  A test that
misses its deadline is stopped by pytest-timeout, whose timer runs in the test's process, and reports
where it was; one that does not even do that is killed GRACE seconds later.

If pytest itself is killed, its Guard ends the test that was running.

With --pdb tests are run as pytest does it, as the debugger needs the terminal."""
import contextlib
import faulthandler
import gc
import os
import pickle
import select
import shutil
import signal
import tempfile
import time
import traceback

import pytest
from _pytest.runner import runtestprotocol

import in_memory

GRACE = 10              # seconds
ASK_WHERE = 5           # seconds after the deadline at which Python's stacks are printed


class Guard:
    """A process that outlives the one it belongs to, ends the test that this has left, and exits.  It is
    sent a line with the test's group and directory, and an empty one before the group's number may be
    somebody else's."""

    def __init__(self):
        reader, self.writer = os.pipe()
        if os.fork() == 0:
            try:
                os.close(self.writer)
                os.setsid()
                self.watch(reader)
            finally:
                os._exit(0)
        os.close(reader)

    def watch(self, reader):
        last = ""
        with open(reader) as lines:
            for last in lines:
                pass
        if last.strip():
            group, directory = last.split()
            end_group(int(group))
            time.sleep(0.2)                 # the last of them may be writing there
            shutil.rmtree(directory, ignore_errors=True)

    def send(self, *words):
        os.write(self.writer, (" ".join(map(str, words)) + "\n").encode())


GUARD = pytest.StashKey()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """Leave what was collected alone: a collection of garbage writes to all objects, which in a test's process copies them."""
    gc.collect()
    gc.freeze()


def guard_of(config):
    """Return the guard, one for each process of pytest."""
    if GUARD not in config.stash:
        config.stash[GUARD] = Guard()
    return config.stash[GUARD]


def end_group(pid):
    for kill in os.killpg, os.kill:
        with contextlib.suppress(ProcessLookupError):       # it has no group yet
            kill(pid, signal.SIGKILL)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    if item.config.option.usepdb:
        return None
    where = {"nodeid": item.nodeid, "location": item.location}
    item.ihook.pytest_runtest_logstart(**where)
    for report in Child(item).reports():
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(**where)
    return True


class Child:
    """The process of one test."""

    def __init__(self, item):
        self.item = item
        self.deadline = item.get_closest_marker("timeout").args[0]
        self.directory = tempfile.mkdtemp(prefix=in_memory.PREFIX, dir=in_memory.place())
        self.results = tempfile.TemporaryFile()
        self.guard = guard_of(item.config)
        self.pid = os.fork()
        if self.pid == 0:
            self.run()

    # -- in the child ---------------------------------------------------------------------------

    def run(self):
        status = 1
        try:
            self.settle()
            reports = runtestprotocol(self.item, log=False, nextitem=None)
            self.results.write(pickle.dumps([self.encoded(report) for report in reports]))
            self.results.flush()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def settle(self):
        os.setsid()
        self.guard.send(os.getpid(), self.directory)
        os.close(self.guard.writer)
        for number in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP:     # ignored behind `&` and nohup
            signal.signal(number, signal.SIG_DFL)
        os.environ["TMPDIR"] = tempfile.tempdir = self.directory
        faulthandler.dump_traceback_later(self.deadline + ASK_WHERE, file=2)

    def encoded(self, report):
        return self.item.config.hook.pytest_report_to_serializable(config=self.item.config, report=report)

    # -- in the parent --------------------------------------------------------------------------

    def reports(self):
        try:
            in_time = self.wait()
        finally:
            status = self.end()
        if not in_time:
            return [self.failure(f"killed {GRACE} s after its deadline of {self.deadline:g} s")]
        self.results.seek(0)
        written = self.results.read()
        if status != 0 or not written:
            return [self.failure(f"ended without a report, with wait status {status:#06x}")]
        return [self.decoded(data) for data in pickle.loads(written)]

    def wait(self):
        """True if the child has ended in time.  It is not reaped yet, so its group is still its own."""
        fd = os.pidfd_open(self.pid)
        try:
            return bool(select.select([fd], [], [], self.deadline + GRACE)[0])
        finally:
            os.close(fd)

    def end(self):
        """Kill what is left of the group, remove the directory, and return the child's wait status."""
        end_group(self.pid)
        self.guard.send()
        _, status = os.waitpid(self.pid, 0)
        shutil.rmtree(self.directory, ignore_errors=True)
        return status

    def decoded(self, data):
        return self.item.config.hook.pytest_report_from_serializable(config=self.item.config, data=data)

    def failure(self, why):
        """Make a report in place of those that were not received, with the output until then."""
        captured = self.item.config.pluginmanager.getplugin("capturemanager").read_global_capture()
        return pytest.TestReport(self.item.nodeid, self.item.location, dict.fromkeys(self.item.keywords, 1),
                                 "failed", why, "call",
                                 [(f"Captured {name}", text)
                                  for name, text in zip(("stdout", "stderr"), captured) if text])
