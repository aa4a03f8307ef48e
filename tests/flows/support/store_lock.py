# SPDX-License-Identifier: Apache-2.0
"""Keep the daemon's writer out of its own file."""
import contextlib
import fcntl


@contextlib.contextmanager
def writer_locked_out(daemon):
    """Hold a lock on every byte of the store, as if the disk hung.  Yield a function that releases it early."""
    with open(daemon.store, "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield lambda: fcntl.lockf(file, fcntl.LOCK_UN)
