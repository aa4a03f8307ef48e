# SPDX-License-Identifier: Apache-2.0
"""What users may do over the self socket with tokens of a fleet, which mean the same on every host."""
import pytest

from scripted_agent import Agent, create
from users import ANN, BOB, UserDaemon


def test_a_user_may_revoke_a_token_of_the_fleet_and_no_more(daemon):
    users = UserDaemon(daemon, roles=["fleet"])
    host = users.daemon
    with Agent(host) as agent:
        token, other = create(host, agent, subject="ann", scopes="imap", ttl="1h"), create(host, agent, subject="bob")
        agent.catch_up()
        assert users.ask(ANN, "create group=web").verdict == "ERR forbidden"
        for line in f"rotate {token['id']}", f"update {token['id']} scopes=smtp":
            reply = users.ask(ANN, line)
            assert reply.verdict == "ERR forbidden" and "of the fleet" in reply["message"]
            assert users.ask(BOB, line).verdict == "NO unknown", "it is no token of his"
        assert users.list(ANN) == [token["id"]] and agent.take("0s") == []
        agent.start()
        assert users.ask(ANN, f"revoke {other['id']}").verdict == "NO unknown"
        assert users.done(ANN, f"revoke {token['id']}")["state"] == "revoked"
        assert users.done(ANN, f'revoke token="{other["token"]}"')["state"] == "revoked"
        assert [request["event"] for request in agent.taken] == ["revoke", "revoke"]


def test_nobody_is_told_of_tokens_of_a_fleet_without_its_agent(daemon):
    users = UserDaemon(daemon, roles=["fleet"])
    with Agent(users.daemon) as agent:
        token = create(users.daemon, agent, subject="ann")
        agent.catch_up()
    for verb in "rotate {}", "update {} scopes=imap", "revoke {}", "show {}":
        assert users.ask(BOB, verb.format(token["id"])).verdict == "NO unknown"


@pytest.mark.parametrize("line", ["revoke {id}", "revoke {id} confirm=all", "create group=web", "revoke group=web count=1"])
def test_a_service_may_do_nothing_by_identifiers_and_groups(host, agent, line):
    token = create(host, agent)
    assert host.ask(line.format(id=token["id"]), "verify").verdict == "ERR forbidden"
    reply = host.ask(f'revoke token="{token["token"]}" confirm=all', "verify")
    assert reply.verdict == "ERR forbidden"
    assert host.verify(token["token"]) == "OK"
