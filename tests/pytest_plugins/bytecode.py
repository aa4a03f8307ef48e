# SPDX-License-Identifier: Apache-2.0
"""The tests' modules as bytecode, in the build directory, also where PYTHONDONTWRITEBYTECODE keeps Python from writing into the tree.

pytest rewrites the assertions of each module, which takes most of the time of its start: 5 s for all of them.  The processes
of pytest-xdist start at the same time, so that each would do that for itself.  The one that starts them does it before."""
import importlib.util
import os
import pathlib
import sys

import pytest

from settings import BUILD

TESTS = pathlib.Path(__file__).resolve().parent.parent
# What is imported from here on is written there, and found there.
sys.dont_write_bytecode, sys.pycache_prefix = False, os.path.join(BUILD, "bytecode")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    if getattr(session.config.option, "dist", "no") != "no" and not hasattr(session.config, "workerinput"):
        make_all()


def make_all():
    """Import all modules of tests in other processes, one for each processor."""
    modules = sorted(TESTS.glob("flows/**/test_*.py"), key=lambda path: path.stat().st_size)
    count = len(os.sched_getaffinity(0))
    for pid in [start(modules[i::count]) for i in range(count)]:
        os.waitpid(pid, 0)


def start(modules):
    pid = os.fork()
    if pid == 0:
        try:
            for path in modules:
                bring(path)
        finally:
            os._exit(0)             # a module that cannot be imported is reported by who collects it
    return pid


def bring(path):
    name = f"before.{path.stem}"
    spec = next(filter(None, (finder.find_spec(name, [str(path.parent)]) for finder in sys.meta_path)))
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
