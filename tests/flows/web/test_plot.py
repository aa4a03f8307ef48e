# SPDX-License-Identifier: Apache-2.0
"""The plots of Health, without a browser."""
import os
import subprocess

from askers import need_programs
from settings import PATIENCE

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plot.test.mjs")


def test_plot_shows_a_scale_only_where_it_has_data():
    need_programs("node")
    done = subprocess.run(["node", "--test", "--test-reporter=tap", FILE], capture_output=True, text=True, check=False, timeout=50 * PATIENCE)
    assert done.returncode == 0 and "\n# pass 3\n" in done.stdout, done.stdout + done.stderr
