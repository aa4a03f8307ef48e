# SPDX-License-Identifier: Apache-2.0
"""Settings of this run, from the environment, and what sort of build it tries."""
import os

SUPPORT = os.path.dirname(os.path.abspath(__file__))
PRELOAD = os.path.join(os.path.dirname(SUPPORT), "preload")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(SUPPORT)))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
JETOND = os.path.join(BUILD, "jetond")
SCALE = float(os.environ.get("JETON_SCALE", "1.0"))
# How long each campaign of `make torture` may take; 0: the short round of `make test`.
TORTURE = float(os.environ.get("TORTURE_SECONDS", "0"))


def sanitizer():
    try:
        with open(JETOND, "rb") as file:
            program = file.read()
    except FileNotFoundError:
        return None
    for name in "asan", "tsan":
        if f"__{name}_init".encode() in program:
            return name
    return None


SANITIZER = sanitizer()
# Every deadline is this many times longer.
PATIENCE = 5 if SANITIZER else 1


def scaled(count, least=1):
    return max(least, int(count * SCALE))
