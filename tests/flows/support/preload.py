# SPDX-License-Identifier: Apache-2.0
"""Our libraries that are loaded between a program and the C library."""
import os
import subprocess
import tempfile

from requirements import need_plain_build
from settings import PRELOAD


def built(name):
    """Return the path of a library built from a source here; a sanitizer must be loaded before it."""
    need_plain_build()
    path = f"{tempfile.gettempdir()}/{name}.so"
    if not os.path.exists(path):
        subprocess.run([os.environ.get("CC", "cc"), "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra",
                        "-Werror", "-O2", "-shared", "-fPIC", f"{PRELOAD}/{name}.c", "-o", path, "-ldl"],
                       check=True)
    return path
