# SPDX-License-Identifier: Apache-2.0
"""Under the name of a fleet's database there is an earlier state of it, from a backup, or another one: hosts go back as far as they
must, skip nothing, and take no denial back."""
from fleet_host import GROUP
from fleet_hosts import Hosts, all_have, states, states_in
from fleet_postgres import NOW, FleetDatabase, put
from value import digest_of, id_of
from waiting import eventually


def end_sessions(admin, name):
    admin.ask("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()", name)


def between(fleet, act):
    """Run something while nobody is connected to the database, and let all connect again."""
    fleet.admin.close()
    with fleet.cluster.connect("postgres") as admin:
        admin.run(f'alter database "{fleet.name}" allow_connections false')
        end_sessions(admin, fleet.name)
        act(admin)
        admin.run(f'alter database "{fleet.name}" allow_connections true')
        admin.run(f'grant connect on database "{fleet.name}" to jeton_owner, jeton_host, jeton_monitor')
    fleet.admin = fleet.connect()


def backup(fleet):
    between(fleet, lambda admin: admin.run(f'create database "{fleet.name}_backup" template "{fleet.name}"'))


def replace(fleet, by):
    """Have the other database under this one's name."""
    def act(admin):
        admin.run(f'alter database "{fleet.name}" rename to "{fleet.name}_gone"')
        admin.run(f'alter database "{by}" rename to "{fleet.name}"')
    between(fleet, act)
    fleet.cluster.drop(f"{fleet.name}_gone")


def test_restore_from_a_backup_is_rewound_and_what_took_its_serials_is_not_skipped(fleet_database):
    with Hosts(fleet_database) as hosts:
        issuer, other = (hosts.start(name, issuer=True).has_lease() for name in ("h1", "h2"))
        tokens = [issuer.create() for _ in range(4)]
        backup(fleet_database)
        issuer.has_lease()
        reply, _ = issuer.revoke(tokens[0])
        lost = [issuer.create() for _ in range(5)]
        all_have((issuer, other), issuer.created)
        assert reply.verdict == "OK"
        replace(fleet_database, f"{fleet_database.name}_backup")
        eventually(lambda: other.ask(f"revoke token={tokens[1]}").verdict == "OK", "a change in the restored database", 20)
        made = [other.create() for _ in range(8)]
        for host in issuer, other:
            host.has(other.created).has_lease()     # what is left of an earlier one may end meanwhile
            assert int(host.fleet()["rewinds"]) >= 1
            assert host.verdict(tokens[0]) == host.verdict(tokens[1]) == "NO revoked"
            assert {host.verdict(value) for value in tokens[2:] + made} == {"OK"}
            assert {host.verdict(value) for value in lost} <= {"OK", "NO unknown"}


def test_other_database_at_the_same_address_is_taken_over_and_denials_stay(fleet_database):
    with Hosts(fleet_database) as hosts, FleetDatabase(fleet_database.cluster) as another:
        host = hosts.start("h1", issuer=True).has_lease()
        old, denied = host.create(), host.create()
        assert host.revoke(denied)[0].verdict == "OK"
        another.join("h1", GROUP, issuer=True).close()
        name = another.name
        another.sessions.close()
        replace(fleet_database, name)
        host.has_lease()
        eventually(lambda: host.verdict(old) == "NO unknown", "the other database does not know it", 20)
        refused = ("NO revoked", "NO unknown")          # what the other database does not have is not listed any more
        assert host.verdict(denied) in refused
        new = host.create()
        assert host.verdict(new) == "OK"
        with fleet_database.connect("h1") as session:
            host.has(put(session, digest_of(denied), created=NOW - 1000)[0])
        assert host.verdict(denied) in refused, "also if somebody creates it there"
        for all_of_them in (listed := states(host)), (known := states_in(fleet_database)):
            all_of_them.pop(id_of(denied), None)
        assert listed == known
