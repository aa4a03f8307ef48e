# SPDX-License-Identifier: Apache-2.0
"""The checker of histories finds what is planted in them, and nothing else."""
from history import End, Operation, Violation, check

FIRST, SECOND = 100, 200        # daemons


def did(began, ended, verb, answer="OK", by="daemon", life=FIRST):
    return Operation(began, ended, "t", verb, answer, by, life)


def table(began, ended, answer="OK"):
    return did(began, ended, "verify", answer, "table", 0)


def explained(*operations, ends=()):
    try:
        check(operations, ends)
        return True
    except Violation:
        return False


MADE = did(1, 2, "import")
KILLED = End(10, FIRST, True)
STOPPED = End(10, FIRST, False)


def test_history_without_a_fault_is_explained():
    assert explained(MADE, did(3, 4, "verify"), did(5, 8, "revoke"), did(6, 7, "verify"),
                     did(5.5, 7.5, "verify", "NO revoked"), did(9, 10, "verify", "NO revoked"))
    assert explained(did(0, 0.5, "verify", "NO unknown"), MADE, did(3, 4, "disable"),
                     did(5, 6, "verify", "NO disabled"), did(7, 8, "enable"), table(9, 9.5))
    assert explained(MADE, did(3, 8, "disable"), did(4, 7, "enable"), did(9, 10, "verify"))
    assert explained(MADE, did(3, 8, "disable"), did(4, 7, "enable"),
                     did(9, 10, "verify", "NO disabled"))


def test_yes_after_an_acknowledged_denial_is_found():
    for verb in "revoke", "disable":
        assert not explained(MADE, did(3, 4, verb), did(5, 6, "verify"))
        assert not explained(MADE, did(3, 4, verb), table(5, 6))
        assert explained(MADE, did(3, 5, verb), did(4, 6, "verify"))


def test_unknown_after_an_acknowledged_create_is_found():
    assert not explained(MADE, did(3, 4, "verify", "NO unknown"))
    assert not explained(MADE, table(3, 4, "NO unknown"))
    assert not explained(MADE, did(3, 4, "disable"), did(5, 6, "enable"),
                         did(7, 8, "verify", "NO disabled"))


def test_yes_after_somebody_saw_the_denial_is_found():
    early, late = did(4, 5, "verify", "NO revoked"), did(6, 7, "verify")
    assert not explained(MADE, did(3, 9, "revoke"), early, late)
    assert explained(MADE, did(3, 9, "revoke"), late._replace(began=4.5), early)


def test_disable_that_is_seen_and_then_gone_again_is_found():
    enable, disable = did(3, 7, "enable"), did(4, 10, "disable")
    no, yes = did(5, 6, "verify", "NO disabled"), did(8, 9, "verify")
    assert explained(MADE, enable, disable, no, yes)
    assert not explained(MADE, enable, disable, no, yes, did(9.2, 9.4, "verify", "NO disabled"))


def test_verdict_of_a_change_that_cannot_be_is_found():
    assert not explained(MADE, did(3, 4, "revoke"), did(5, 6, "enable"))
    assert not explained(MADE, did(3, 4, "import"))
    assert explained(MADE, did(3, 4, "revoke"), did(5, 6, "enable", "NO revoked"))


def test_acknowledged_change_that_a_kill_undoes_is_found():
    for end in KILLED, STOPPED:
        assert not explained(MADE, did(3, 4, "revoke"), did(11, 12, "verify", life=SECOND), ends=[end])
        assert not explained(MADE, did(11, 12, "verify", "NO unknown", life=SECOND), ends=[end])
        # Received after the kill, but sent before it.
        assert not explained(MADE, did(3, 13, "revoke"), did(11, 12, "verify", life=SECOND), ends=[end])


def test_unanswered_change_may_be_undone_by_a_kill_and_not_later():
    asked = did(3, None, "revoke", None)
    seen = did(4, 5, "verify", "NO revoked")
    yes, no = did(11, 12, "verify", life=SECOND), did(13, 14, "verify", "NO revoked", life=SECOND)
    assert explained(MADE, asked, seen, yes, ends=[KILLED])
    assert explained(MADE, asked, seen, no, ends=[KILLED])
    assert not explained(MADE, asked, seen, yes, no, ends=[KILLED])


def test_table_of_a_killed_daemon_is_believed_as_long_as_its_lease():
    off, on = did(3, 4, "disable"), did(11, 12, "enable", life=SECOND)
    assert explained(MADE, off, on, table(13, 13.1, "NO disabled"), ends=[KILLED])
    assert not explained(MADE, off, on, table(13, 13.1, "NO revoked"), ends=[KILLED])
    assert not explained(MADE, off, on, did(13, 13.1, "verify", "NO disabled", life=SECOND),
                         ends=[KILLED])
    assert not explained(MADE, off, on, table(16.5, 16.6, "NO disabled"), ends=[KILLED])
    assert not explained(MADE, off, on, table(13, 13.1, "NO disabled"), ends=[STOPPED])


def test_yes_by_the_table_of_a_killed_daemon_after_an_acknowledged_denial_is_found():
    for verb in "revoke", "disable":
        denied = did(11, 14, verb, life=SECOND)
        seen = did(12, 12.5, "verify", f"NO {verb}d", life=SECOND)
        assert explained(MADE, denied, seen, table(13, 13.1), ends=[KILLED])
        assert explained(MADE, denied, seen, table(13.9, 14.2), ends=[KILLED])
        assert not explained(MADE, denied, seen, table(14.1, 14.2), ends=[KILLED])
        assert not explained(MADE, denied, table(14.1, 14.2), ends=[KILLED])
