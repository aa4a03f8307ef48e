# SPDX-License-Identifier: Apache-2.0
"""Reloads of the configuration."""
from waiting import eventually


def reconfigure(d, text):
    """Replace the configuration file, and wait until the daemon uses the new one."""
    before = d.log().count("configuration reloaded")
    d.configure(text)
    d.reload()
    eventually(lambda: d.log().count("configuration reloaded") > before, "it is reloaded")
