# SPDX-License-Identifier: Apache-2.0
"""What `jeton watch` and `jeton journal` tell of the fleet."""
import json
import os

from jeton_command import Terminal, jeton
from scripted_agent import create, now_text
from waiting import eventually


def brought(host, agent, count):
    """Let the agent bring so many tokens; return the journal's entry about that."""
    before = len(host.done("journal event=fleet").lines)
    for _ in range(count):
        agent.changes.commit("create", os.urandom(32).hex(), created=now_text())
    agent.catch_up()
    return eventually(lambda: host.done("journal event=fleet").lines[before:], "the journal has it")[0]


def test_what_the_agent_brought_is_shown_below_its_entry(host, agent):
    entry = brought(host, agent, 40)
    shown = Terminal(host.path(), "journal", "event=fleet", columns=100, NO_COLOR="1").finish()
    lines = [line for line in shown.splitlines()[1:] if line.startswith(" ")][-16:]
    text = " ".join(" ".join(lines).split())
    assert f"fleet: {entry['puts']} put, 0 denied, 0 dropped" in text and f"place: {entry['place']}" in text
    ids = entry["ids"].split(",")
    assert len(ids) == 32 and f"tokens: {' '.join(ids)} and {int(entry['puts']) - 32} more" in text
    assert max(map(len, shown.splitlines())) <= 100


def test_watch_shows_a_whole_copy_and_changes_that_were_asked_for_here(host, agent):
    token = create(host, agent, subject="shop")
    terminal = Terminal(host.path(), "watch", "after=0", columns=120, NO_COLOR="1")
    terminal.expect("a whole copy").expect("group: web").expect(f"place: {token['place']}")


def test_counts_are_numbers_and_identifiers_a_list_for_programs(host, agent):
    entry = brought(host, agent, 2)
    [shown] = [row for row in json.loads(jeton(host.path(), "--json", "journal", "event=fleet").out) if row["serial"] == int(entry["serial"])]
    assert (shown["puts"], shown["denies"], shown["drops"]) == (int(entry["puts"]), 0, 0) and shown["ids"] == entry["ids"].split(",")
    rows = jeton(host.path(), "--plain", "journal", "event=fleet").rows
    assert rows[-1][21:29] == ["", *(entry.get(key, "") for key in ("place", "puts", "denies", "drops", "snapshot", "rewound", "ids"))]
