# SPDX-License-Identifier: Apache-2.0
"""A host from nothing: it gets its tokens in parts, and its answers are right once it has all of them, also where the first attempt broke off."""
import hashlib

from fleet_host import GROUP
from fleet_hosts import Hosts
from settings import scaled
from value import digest_of, value_new

FILL = """insert into jeton.token (digest, grp, state, known, created, origin, by_uid, words)
    select sha256(n::text::bytea), $1, 'active', true, 1, 'issuer', 0,
           'group=' || $1 || ' created=1970-01-01T00:00:01Z subject=s' || n || ' origin=issuer by=uid:0' from generate_series(1, $2::int) n"""


def test_host_from_nothing_gets_a_snapshot_of_many_parts_also_after_one_that_broke_off(fleet_database):
    count = scaled(60000, 12000)
    value = value_new()
    fleet_database.join("issuer", GROUP, issuer=True)
    fleet_database.admin.ask(FILL, GROUP, count)
    fleet_database.admin.ask("update jeton.token set digest = $1 where digest = $2", digest_of(value), hashlib.sha256(b"1").digest())
    with Hosts(fleet_database) as hosts:
        host = hosts.start("h1")
        assert host.verdict(value) != "NO unknown", "nothing is unknown before all is there"
        hosts.link["h1"].cut()              # wherever that finds it
        host.has_lease()
        assert host.verify(value) == "OK" and host.verify(value_new()) == "NO unknown"
        assert int(host.fleet()["tokens"]) == count
        # The whole of it once more, over what is there.
        host.kill_agent()
        fleet_database.admin.ask("select jeton.join('h1', $1, false)", [GROUP, "more"])
        host.begin_agent()
        host.has(fleet_database.admin.value("select max(serial) from jeton.change"))
        assert int(host.fleet()["tokens"]) == count and host.verify(value) == "OK"
