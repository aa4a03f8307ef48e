# SPDX-License-Identifier: Apache-2.0
"""Libraries of ours that come between a program and the C library."""
import os
import subprocess
import tempfile

from requirements import need_plain_build
from settings import PRELOAD


def built(name):
    """The path of one that was built from a source here; a sanitizer wants to be first itself."""
    need_plain_build()
    path = f"{tempfile.gettempdir()}/{name}.so"
    if not os.path.exists(path):
        subprocess.run([os.environ.get("CC", "cc"), "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra",
                        "-Werror", "-O2", "-shared", "-fPIC", f"{PRELOAD}/{name}.c", "-o", path, "-ldl"],
                       check=True)
    return path
