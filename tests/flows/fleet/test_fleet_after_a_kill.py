# SPDX-License-Identifier: Apache-2.0
"""What is answered while clients believe the table of a daemon that was killed."""
import time

import pytest

from library import Handle, library
from scripted_agent import FLEET, Agent, asked, create, stat
from waiting import eventually


def passes(handle, token):
    return handle.verify(token["token"], scope="b") == ("OK", "table")


def ask_changes(host, agent, tokens):
    """Ask for a change of each token, and have two committed and one refused; return who wait, by the tokens."""
    lines = (f"revoke {tokens[0]['id']}", f"disable {tokens[1]['id']}", f"update {tokens[2]['id']} scopes=a")
    waiting = [(asked(host, line), token) for line, token in zip(lines, tokens)]
    requests = []
    while len(requests) < 3:
        requests += agent.take()
    for request in requests:
        if request["event"] == "disable":
            agent.fail(request, "denied")
        else:
            agent.carry_out([request])
    return waiting


def bring_changes(agent, tokens):
    """Send a batch that narrows what each token may."""
    digests = {digest[:20]: digest for _, _, digest, _ in agent.changes.changes}
    revoked, deleted, narrowed = (digests[token["id"]] for token in tokens)
    agent.catch_up()
    agent.changes.commit("revoke", revoked)
    agent.changes.commit("delete", deleted)
    agent.changes.commit("update", narrowed, created="2026-01-01T00:00:00Z", scopes="a")
    new = agent.changes.after(agent.place())
    lines = f"fleet begin place={agent.place()}", *(line for _, _, _, line in new), f"fleet end place={new[-1][0]}"
    assert {reply.verdict for reply in agent.client.pipeline(lines)} == {"OK"}


def test_a_denial_is_not_answered_as_in_force_while_clients_believe_the_table_of_a_killed_daemon(daemon):
    if library() is None:
        pytest.skip("needs libjeton in this process")
    d = daemon(roles=FLEET)
    with Agent(d) as agent:
        tokens = [create(d, agent, scopes="a,b") for _ in range(7)]
        agent.catch_up()
        handle = Handle(d.path("verify"))
        eventually(lambda: all(passes(handle, token) for token in tokens), "the table answers")
        d.kill()
        d.start()
        with Agent(d, agent.changes, keeps=0) as other:
            began = time.monotonic()
            agent.changes.commit("create", 64 * "7", created="2026-01-01T00:00:00Z")
            other.catch_up()
            assert time.monotonic() - began < 4, "what denies nothing does not wait"
            waiting = ask_changes(d, other, tokens)
            # The update that was answered is carried out here; the feed brings that and the rest.
            with Agent(d, agent.changes, keeps=0, takes=False) as feed:
                bring_changes(feed, tokens[3:6])
                assert time.monotonic() - began < 4 and feed.place() == agent.changes.newest(), "what comes from the database does not wait"
                believed = 0
                while any(client.silent() for client, _ in waiting):
                    assert time.monotonic() - began < 20
                    settled = "believed" not in feed.client.pipeline(["fleet place"])[0]
                    for client, token in [*waiting, *((None, token) for token in tokens[3:6])]:
                        answered = settled if client is None else not client.silent()
                        believed += passes(handle, token)
                        assert not (answered and passes(handle, token)), "answered, and the old table still passes it"
                    time.sleep(0.01)
                assert believed > 0
                eventually(lambda: "believed" not in feed.client.pipeline(["fleet place"])[0], "nobody believes it any more")
            assert [client.reply().verdict for client, _ in waiting[:3]] == ["OK", "ERR forbidden", "OK"]
        handle.close()
