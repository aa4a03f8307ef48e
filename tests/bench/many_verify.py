# SPDX-License-Identifier: Apache-2.0
"""Verify by the table in a process of its own: PATH of the verify socket.

For each line of values that it reads it prints how many are accepted, and how many are refused as revoked."""
import sys

import jeton

tokens = jeton.Jeton(sys.argv[1])
for line in sys.stdin:
    answers = [tokens.check(value) for value in line.split()]
    print(f"accepted={answers.count(jeton.Status.OK)} revoked={answers.count(jeton.Status.REVOKED)}", flush=True)
