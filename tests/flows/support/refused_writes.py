# SPDX-License-Identifier: Apache-2.0
"""A disk that refuses to be written, by a limit of the daemon's files."""
import contextlib
import resource

from waiting import eventually


@contextlib.contextmanager
def writes_refused(daemon):
    """Refuse writes beyond the first 4 KiB of any file: of the store and its log that is all but their heads; what
    the daemon prints can still grow."""
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    yield
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def saved(daemon):
    return eventually(lambda: daemon.stats()["denials_unsaved"] == "0",
                      "the denials are saved", every=0.05)
