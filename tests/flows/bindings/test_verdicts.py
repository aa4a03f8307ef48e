# SPDX-License-Identifier: Apache-2.0
"""Whoever verifies says the same: the table of cases in support/verification_cases.py, asked through each."""
import pytest

from askers import ASKERS
from jeton_command import Impostor
from settings import PATIENCE
from value import id_of
from verification_cases import CASES, CONFIG, SERVERS, Tokens, printable

each_asker = pytest.mark.parametrize("asker", ASKERS, ids=lambda asker: asker.name)
each_client = pytest.mark.parametrize("asker", [asker for asker in ASKERS if asker.by_socket and asker.name != "socket"],
                                      ids=lambda asker: asker.name)


@pytest.mark.timeout(120)
@each_asker
def test_verdicts_are_the_same_whoever_is_asked(daemon, tmp_path, asker):
    asker.prepare(tmp_path)
    d = daemon(config=CONFIG)
    tokens = Tokens(d)
    cases = [case for case in CASES if asker.can_ask(case.want)]
    questions = [(tokens.fill(case.value), case.want) for case in cases]
    answers = asker.ask(d.path("verify"), questions)
    assert len(answers) == len(cases) > len(CASES) - 5
    wrong = []
    for case, (value, _), answer in zip(cases, questions, answers):
        verdict = case.verdict
        if asker.strict and verdict != "invalid" and not printable(value):
            verdict = "malformed"
        if answer.verdict not in verdict.split("|"):
            wrong.append(f"{case.name}: {answer.verdict} instead of {verdict}")
        elif verdict == "ok":
            assert answer.id == id_of(value), case
            assert answer.subject in (None, d.done(f"show {id_of(value)}").lines[0].get("subject", "")), case
    assert wrong == []


@pytest.mark.timeout(120)
@each_client
def test_only_a_whole_answer_in_time_is_believed(tmp_path, asker):
    asker.prepare(tmp_path)
    value = "x" * 40
    wrong = []
    for server in SERVERS:
        impostor = Impostor(lambda line: server.answer and server.answer.replace(b"<ID>", id_of(value).encode()),
                            once=server.name.startswith("cut_off"))
        slow = server.verdict == "unavailable"
        [answer] = asker.ask(impostor.path, [(value, {})], timeout=0.3 * PATIENCE if slow else 5 * PATIENCE)
        verdict = {"denied": ("denied", "later")}.get(server.verdict, (server.verdict, "busy", "later"))
        if answer.verdict not in verdict:
            wrong.append(f"{server.name}: {answer.verdict} instead of {server.verdict}")
    assert wrong == []
