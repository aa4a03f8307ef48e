# SPDX-License-Identifier: Apache-2.0
"""Ask the Python module what standard input asks (see support/askers.py): `library` or `asyncio`, PATH, TIMEOUT,
ONE-BY-ONE."""
import asyncio
import sys

import jeton
import jeton.aio


def questions():
    for line in sys.stdin:
        value, *rest = line.split()
        want = {key: bytes.fromhex(text).decode() for key, text in (word.split("=") for word in rest)}
        yield bytes.fromhex(value.replace("-", "")), want.get("scope"), want.get("subject")


def show(answer):
    if isinstance(answer, jeton.Claims):
        print("ok", answer.id, answer.subject.encode().hex() or "-")
    elif isinstance(answer, jeton.Error):
        print(answer.reason, answer.id or "-", "-")
    else:
        raise answer


def by_library(path, timeout):
    with jeton.Jeton(path, timeout=timeout) as tokens:
        for question in questions():
            try:
                answer = tokens.verify(*question)
            except jeton.Error as error:
                answer = error
            passed = isinstance(answer, jeton.Claims)
            assert tokens.check(*question) == (jeton.Status.OK if passed else answer.status)
            show(answer)


async def by_asyncio(path, timeout, one_by_one):
    async with jeton.aio.Client(path, timeout=timeout) as tokens:
        if one_by_one:
            for question in questions():
                show(*await asyncio.gather(tokens.verify(*question), return_exceptions=True))
            return
        for answer in await asyncio.gather(*(tokens.verify(*question) for question in questions()), return_exceptions=True):
            show(answer)


how, path, timeout, one_by_one = sys.argv[1:]
if how == "asyncio":
    asyncio.run(by_asyncio(path, float(timeout), one_by_one == "1"))
else:
    by_library(path, float(timeout))
