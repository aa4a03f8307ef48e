# SPDX-License-Identifier: Apache-2.0
"""One PostgreSQL for each process that runs tests, for those that use the fixtures `fleet_database` or `shared_postgres`: a database
of its own is cheap, a cluster is not.  It ends with the process of pytest, however that ends (cluster_keeper.py)."""
import importlib
import os
import subprocess
import sys

import pytest

CLUSTER = "JETON_TEST_CLUSTER"
KEEPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cluster_keeper.py")
KEPT = pytest.StashKey()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    if {"fleet_database", "shared_postgres"} & set(getattr(item, "fixturenames", ())):
        provide(item.config)
    yield


def provide(config):
    postgres = importlib.import_module("postgres")      # once for all tests, which are forked from here
    if KEPT in config.stash or postgres.programs() is None:
        return
    keeper = subprocess.Popen([sys.executable, KEEPER, *sys.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    os.environ[CLUSTER] = keeper.stdout.readline().strip()
    config.stash[KEPT] = keeper


def pytest_unconfigure(config):
    keeper = config.stash.get(KEPT, None)
    if keeper is not None:
        keeper.terminate()              # its input has other writers: what was forked here since
        keeper.wait(20)
