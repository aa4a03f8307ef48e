# SPDX-License-Identifier: Apache-2.0
"""A disk that refuses."""
import contextlib
import resource


@contextlib.contextmanager
def writes_refused(daemon):
    """Refuse writes beyond the first 64 KiB of any file: the log can still grow."""
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
    yield
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
