# SPDX-License-Identifier: Apache-2.0
"""Listing: everything once, oldest first, and never cut off without an error."""
from daemon import arguments_of


def some(daemon, count):
    replies = daemon.client().pipeline([f"create description=n{n}" for n in range(count)])
    return [reply["id"] for reply in replies]


def pages(daemon, limit, **filters):
    """All pages of a list."""
    lines, place = [], {}
    while True:
        reply = daemon.done("list" + arguments_of(filters | place | {"limit": limit}))
        assert int(reply["count"]) == len(reply.lines)
        lines += reply.lines
        if "next" not in reply:
            return lines
        assert len(reply.lines) == limit, "a page with more behind it is a whole one"
        assert reply["next"] == reply.lines[-1]["id"]
        place = {"after": reply["next"]}


def test_list_counts_what_it_shows_and_marks_that_there_is_more(daemon):
    d = daemon()
    assert d.done("list").final.raw == "OK count=0"
    ids = some(d, 10)
    whole = d.done("list")
    assert ([line["id"] for line in whole.lines], whole["count"]) == (ids, "10")
    assert "next" not in whole
    for limit in 1, 9:
        page = d.done(f"list limit={limit}")
        assert (page["count"], page["next"]) == (str(limit), ids[limit - 1])
    for limit in 10, 11, 1000000:
        page = d.done(f"list limit={limit}")
        assert page["count"] == "10" and "next" not in page, page


def test_paging_gives_every_token_exactly_once(daemon):
    d = daemon()
    ids = some(d, 500)
    for limit in 1, 7, 250, 499, 500, 501:
        assert [line["id"] for line in pages(d, limit)] == ids, f"pages of {limit}"


def test_paging_survives_changes_between_pages(daemon):
    d = daemon()
    ids = some(d, 100)
    first = d.done("list limit=40")
    d.done(f"delete {ids[10]}")
    d.done(f"delete {ids[50]}")
    d.done(f"revoke {ids[60]}")
    late = some(d, 5)
    rest = d.done(f"list after={first['next']}")
    wanted = [i for i in ids[40:] if i != ids[50]] + late
    assert [line["id"] for line in rest.lines] == wanted


def test_list_is_in_order_of_creation_even_for_old_imports_and_after_a_restart(daemon):
    d = daemon()
    now = some(d, 3)
    old = []
    for year in 2021, 2019, 2020, 2019:
        digest = f"{len(old):064x}"[::-1]
        old.append((year, len(old), d.done(
            f"import digest={digest} created={year}-01-01T00:00:00Z")["id"]))
    wanted = [ident for _, _, ident in sorted(old)] + now
    assert [line["id"] for line in d.list()] == wanted
    assert [line["id"] for line in pages(d, 2)] == wanted
    d.restart()
    assert [line["id"] for line in d.list()] == wanted


def test_filters_select_by_state_subject_scope_and_text(daemon):
    d = daemon()
    made = {
        "a": d.create(description="CI deploy", subject="ann", scopes="x,y"),
        "b": d.create(description="backup", subject="bob", scopes="y,z"),
        "c": d.create(description="100% \"odd\"", subject="ann", delay="1h"),
        "d": d.create(subject="deployer", scopes="x"),
        "e": d.create(description="gone"),
    }
    d.done(f"disable {made['b']['id']}")
    d.done(f"revoke {made['e']['id']}")
    d.done(f"import digest={'ab' * 32} created=2020-01-01T00:00:00Z "
           "expires=2020-02-01T00:00:00Z description=old")
    names = {token["id"]: name for name, token in made.items()} | {"ab" * 10: "o"}
    for filters, wanted in (
            ({"state": "active"}, "ad"), ({"state": "disabled"}, "b"),
            ({"state": "pending"}, "c"), ({"state": "revoked"}, "e"),
            ({"state": "expired"}, "o"), ({"subject": "ann"}, "ac"), ({"subject": "an"}, ""),
            ({"scope": "x"}, "ad"), ({"scope": "y,x"}, "a"), ({"scope": "w"}, ""),
            ({"match": "deploy"}, "ad"), ({"match": "DEPLOY"}, "ad"), ({"match": "\"odd"}, "c"),
            ({"match": "%"}, "c"), ({"match": "BOB"}, "b"), ({"match": "zzz"}, ""),
            ({"subject": "ann", "state": "active", "match": "ci"}, "a")):
        assert "".join(names[line["id"]] for line in d.list(**filters)) == wanted, filters
        assert "".join(names[line["id"]] for line in pages(d, 1, **filters)) == wanted, filters


def test_list_refuses_arguments_it_cannot_follow(daemon):
    d = daemon()
    some(d, 2)
    for arguments, verdict in (
            ("state=gone", "ERR bad-value"), ("limit=0", "ERR bad-value"),
            ("limit=-1", "ERR bad-value"), ("limit=x", "ERR bad-value"),
            ("after=x", "ERR bad-value"), ("after=" + "0" * 20, "NO unknown"),
            ('scope="a b"', "ERR bad-value"), ("page=2", "ERR unknown-key"),
            ("all", "ERR syntax")):
        assert d.ask(f"list {arguments}").verdict == verdict, arguments
