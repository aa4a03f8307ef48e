# SPDX-License-Identifier: Apache-2.0
"""Run examples of documents in Python."""
import subprocess

from askers import PYTHON, environment
from requirements import need_plain_build
from settings import PATIENCE
from value import id_of

PRELUDE = """import functools, sys
import jeton
value, path = sys.stdin.readline().strip(), sys.argv[1]
jeton.Jeton = functools.partial(jeton.Jeton, path)
"""


def run_python(place, text):
    """Run a part of a program that verifies `value`, and leaves its claims."""
    need_plain_build()
    done = subprocess.run([PYTHON, "-c", f"{PRELUDE}{text}print(claims.id)", place.d.path("verify")],
                          input=place.typed + "\n", capture_output=True, text=True, env=environment(), timeout=20 * PATIENCE)
    assert done.stdout.strip() == id_of(place.typed), done.stderr
