# SPDX-License-Identifier: Apache-2.0
"""A disk that refuses to be written, by a limit of the daemon's files."""
import contextlib
import resource

from waiting import eventually


@contextlib.contextmanager
def writes_refused(daemon):
    """Refuse writes beyond the first 64 KiB of any file: the log can still grow."""
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
    yield
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def saved(daemon):
    return eventually(lambda: daemon.stats()["denials_unsaved"] == "0",
                      "the denials are saved", within=15, every=0.05)
