# SPDX-License-Identifier: Apache-2.0
"""Run a PostgreSQL until standard input ends, or SIGTERM.  Prints its directory.  The arguments are Python's paths."""
import os
import signal
import sys

sys.path[:] = sys.argv[1:]


def main():
    from postgres import Cluster        # which the paths are for

    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with Cluster() as cluster:
        print(cluster.directory, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
