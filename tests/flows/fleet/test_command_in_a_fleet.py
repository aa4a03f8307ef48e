# SPDX-License-Identifier: Apache-2.0
"""The jeton command on a host of a fleet."""
import json

import pytest

from jeton_command import Terminal, jeton
from scripted_agent import stat


@pytest.fixture
def path(host, agent):
    """The admin socket of a host whose agent does all by itself."""
    agent.start()
    return host.path()


def test_the_command_creates_shows_and_filters_tokens_of_the_fleet(host, path):
    made = jeton(path, "create", "group=web", "description=of the fleet")
    assert made.status == 0 and host.verify(made.out.strip()) == "OK"
    assert "web" in made.err
    jeton(path, "create", "description=of this host")
    shown, = json.loads(jeton(path, "list", "group=web", "--json").out)
    assert (shown["group"], shown["description"]) == ("web", "of the fleet")
    chosen, = json.loads(jeton(path, "list", "group=web", "fields=id,group", "--json").out)
    assert set(chosen) == {"id", "group"}


def test_list_on_a_terminal_has_columns_for_group_and_origin_where_a_token_is_of_a_fleet(host, path):
    jeton(path, "create", "description=of this host")
    assert "GROUP" not in Terminal(path, "list", "group=", columns=150).finish()
    jeton(path, "create", "group=web", "description=of the fleet")
    heading, *rows = Terminal(path, "list", columns=150, NO_COLOR="1").finish().splitlines()
    assert {"GROUP", "ORIGIN"} < set(heading.split()) and "SUBJECT" in heading
    groups = [(row[heading.index("GROUP"):].split()[0], row[heading.index("ORIGIN"):].split()[0]) for row in rows]
    assert sorted(groups) == [("-", "-"), ("other", "here"), ("web", "here")]


def test_the_command_shows_where_a_change_is_in_the_fleet(host, path):
    value = jeton(path, "create", "group=web").out.strip()
    ident = jeton(path, "list", "group=web").rows[0][0]
    done = jeton(path, "revoke", ident, "wait=9s", "--json")
    shown = json.loads(done.out)
    assert done.status == 0 and shown["place"].split(":")[0].isdigit()
    assert host.verify(value) == "NO revoked" and stat(host, "fleet_unsent") == 0


def test_the_command_says_that_a_denial_is_in_force_though_nobody_takes_it(host, agent):
    agent.start()
    value = jeton(host.path(), "create", "group=web").out.strip()
    ident = jeton(host.path(), "list", "group=web").rows[0][0]
    agent.close()
    done = jeton(host.path(), "revoke", ident, "wait=1s")
    assert done.status != 0 and "in force on this host" in done.err
    assert host.verify(value) == "NO revoked"
