# SPDX-License-Identifier: Apache-2.0
"""Whoever answers HTTP requests by their tokens does so alike: REQUESTS in support/verification_cases.py."""
import string
import sys
from urllib.parse import quote

import pytest

from http_askers import HTTP_ASKERS
from settings import ROOT
from value import id_of
from verification_cases import CASES, CONFIG, REQUESTS, Tokens, printable

sys.path.insert(0, f"{ROOT}/plugin/python")
import jeton  # noqa: E402

# Of what is not percent-encoded in a header.
SAFE = string.punctuation.replace("%", "")
each_asker = pytest.mark.parametrize("asker", HTTP_ASKERS, ids=lambda asker: asker.name)


def may_be_bad(asker, request):
    """True if the server may answer 400 by itself, before anybody looks at credentials."""
    return "\0" in "".join(request.headers) or len(request.headers) > 1 and asker.refuses_two


def fault_of(asker, request, response, tokens, d):
    """Return what is wrong with a response, or None."""
    text = "".join(request.headers)
    if response.status != request.status and not (response.status == 400 and may_be_bad(asker, request)):
        return f"{response.status} instead of {request.status}"
    if response.status == 200:
        shown = d.done(f"show {id_of(tokens.fill(text).split()[-1])}").lines[0]
        wanted = {f"x-jeton-{name}": quote(shown.get(name, ""), safe=SAFE) for name in ("id", "subject", "scopes")}
        wanted["x-jeton-expires"] = shown.get("expires", "never")
        if response.identity != wanted | {"x-jeton-verifier": "local"}:
            return f"{response.identity} instead of {wanted}"
    elif response.status in (401, 403):
        has_challenge = asker.sends_all_fields or response.status == 401
        if has_challenge and response.headers.get("www-authenticate") not in request.challenge.split("|"):
            return f"{response.headers} instead of {request.challenge}"
        if ("retry-after" in response.headers) != (request.name == "pending"):
            return f"{response.headers}: retry-after"
        if asker.sends_all_fields and response.headers.get("cache-control") != "no-store":
            return f"{response.headers}: cache-control"
    return None


@pytest.mark.timeout(120)
@each_asker
def test_requests_are_answered_alike(daemon, tmp_path, asker):
    d = daemon(config=CONFIG)
    tokens = Tokens(d)
    requests = [one for one in REQUESTS if asker.can_want(one.want)]
    wants = [dict(want) for want in dict.fromkeys(tuple(one.want.items()) for one in requests)]
    with asker.serving(d.path("verify"), wants, str(tmp_path)) as ask:
        answers = [(one, ask(wants.index(one.want), [tokens.fill(text) for text in one.headers])) for one in requests]
    assert len(answers) > 25
    wrong = {one.name: fault for one, answer in answers if (fault := fault_of(asker, one, answer, tokens, d))}
    assert wrong == {}


@pytest.mark.timeout(120)
@each_asker
def test_a_revocation_is_seen_by_the_next_request(daemon, tmp_path, asker):
    d = daemon()
    tokens = [d.create() for _ in range(3)]
    with asker.serving(d.path("verify"), [{}], str(tmp_path)) as ask:
        for token in tokens:
            assert ask(0, [f"Bearer {token['token']}"]).status == 200
            d.done(f"revoke {token['id']}")
            assert ask(0, [f"Bearer {token['token']}"]).status == 401


@pytest.mark.timeout(120)
@each_asker
def test_without_a_daemon_the_answer_is_503_and_then_passes_again(daemon, tmp_path, asker):
    d = daemon()
    token = d.create()["token"]
    with asker.serving(d.path("verify"), [{}], str(tmp_path)) as ask:
        assert ask(0, [f"Bearer {token}"]).status == 200
        d.stop()
        response = ask(0, [f"Bearer {token}"])
        assert (response.status, response.headers.get("retry-after"), response.identity) == (503, "5", None)
        assert ask(0, []).status == 401, "nothing to ask about"
        d.start()
        assert ask(0, [f"Bearer {token}"]).status == 200


def may_be_sent(case):
    """True for what a header can have, and a site can ask for.  White space around a header's value is not part of it."""
    return ("invalid" not in case.verdict.split("|") and not set("\r\n") & set(case.value) and
            case.value == case.value.strip(" \t"))


def statuses_of(case, value):
    """Return the HTTP statuses that may answer a case: what no header is made of may already be refused by the server."""
    if not printable(value) or "," in value or value == "":
        return {401, 400}
    return {200 if case.verdict == "ok" else jeton.Status[case.verdict.upper()].http} | ({400, 431} if len(value) > 8000 else set())


@pytest.mark.timeout(120)
@each_asker
def test_the_cases_of_all_others_hold_as_bearer_tokens(daemon, tmp_path, asker):
    d = daemon(config=CONFIG)
    tokens = Tokens(d)
    cases = [case for case in CASES if may_be_sent(case) and asker.can_want(case.want)]
    wants = [dict(want) for want in dict.fromkeys(tuple(case.want.items()) for case in cases)]
    wrong = {}
    with asker.serving(d.path("verify"), wants, str(tmp_path)) as ask:
        for case in cases:
            value = tokens.fill(case.value)
            response = ask(wants.index(case.want), [f"Bearer {value}"])
            if response.status not in statuses_of(case, value) or (response.identity is None) != (response.status != 200):
                wrong[case.name] = response
    assert wrong == {} and len(cases) > 35
