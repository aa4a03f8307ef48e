# SPDX-License-Identifier: Apache-2.0
"""What the page's Audit, Whose is this? and Health compute, beside what daemon and command answer."""
import datetime
import hashlib
import json
import os
import subprocess

import pytest

from askers import need_programs
from client import quote
from jeton_command import jeton
from scripted_agent import FLEET, Agent, create
from settings import PATIENCE
from timestamp import stamp
from waiting import eventually

HERE = os.path.dirname(os.path.abspath(__file__))
HOSTILE = ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\uff1d1", "\uff0b1", "a,b;c'd\"e", "tab\there", "\u202egnp.exe", "\u2066x\u2069",
           "\ufeffbom", "\u061c", "<script>", "plain", "two words", "\x01\x1f\x7f\x85", "line\nend\r", "caf\u00e9", "\U0001f600",
           "x;=cmd|'/c calc'!A0;y", 'x; "=1;;-2;\uff1d3', ";@;"]


def pages(name, *given, zone="UTC"):
    """What the page makes of each."""
    need_programs("node")
    done = subprocess.run(["node", f"{HERE}/audit.mjs"], input=json.dumps([name, *given]), capture_output=True, text=True, check=False,
                          timeout=30 * PATIENCE, env={**os.environ, "TZ": zone})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def page(name, given, zone="UTC"):
    return pages(name, given, zone=zone)[0]


@pytest.fixture
def journalled(daemon):
    d = daemon()
    tokens = [d.create(subject=f"s{i % 3}", description=f"token {i}") for i in range(6)]
    d.done(f"update {tokens[0]['id']} subject=other expires=never")
    d.done(f"disable {tokens[1]['id']}")
    d.done(f"rotate {tokens[2]['id']}")
    d.done(f"revoke {tokens[3]['id']}")
    d.done(f"delete {tokens[4]['id']}")
    return d, tokens


def test_export_of_the_page_is_that_of_the_command(journalled):
    d, tokens = journalled
    texts = [text for text in HOSTILE if "\x85" not in text]     # it comes as bytes of its own
    for i, text in enumerate(texts):
        d.done(f"create description={quote(text)} subject={quote(texts[-1 - i])}")
        d.done(f"update {tokens[0]['id']} description={quote(text)}")
    entries = [dict(line) for line in d.done("journal order=desc").lines]
    assert page("export", entries) == jeton(d.path(), "--csv", "journal", "order=desc").out


def test_no_cell_of_an_export_is_a_formula():
    for text, cell in zip(HOSTILE, pages("cells", *([[text]] for text in HOSTILE))):
        assert cell.endswith("\r\n") and "\n" not in cell[:-2] and cell[0] not in "=+-@\uff1d\uff0b\uff0d\uff20", text
        if text[0] in "=+-@\uff1d\uff0b":
            assert cell.startswith("\"'"), text
        assert not any(part.lstrip(' "')[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20") for part in cell[:-2].split(";")), "where ; separates cells"


def test_filters_of_the_page_take_what_the_daemon_takes(journalled):
    d, tokens = journalled
    entries = [dict(line) for line in d.done("journal").lines]
    me = entries[0]["by_name"]
    routes = ["", f"id={tokens[2]['id']}", f"id={tokens[2]['id'].upper()}", "subject=s0", "subject=other", "event=revoke,delete", "event=update",
              f"by={me}", f"by={os.getuid()}", f"by=uid:{os.getuid()}", "by=uid:4242", "by=nobody-has-this-name", "since=today", "since=7d",
              "since=2099-01-01", "until=2020-01-01", f"by={me}&subject=s1&event=disable,create&since=30d", "event=nonsense", "since=soon"]
    found = {}
    taken = pages("taken", *({"route": route, "entries": entries} for route in routes))
    for route, query, serials in zip(routes, pages("query", *routes), taken):
        asked = "".join(f" {key}={quote(value)}" for key, value in query["arguments"].items())
        found[route] = [line["serial"] for line in d.done(f"journal{asked}").lines]
        assert serials == found[route], route
    assert len(found[""]) == len(found["by=" + me]) == len(entries) == 12
    assert len(found["event=revoke,delete"]) == 3 and found["until=2020-01-01"] == found["by=uid:4242"] == []


def test_entries_of_the_fleet_are_exported_and_found_by_the_tokens_that_they_name(daemon):
    d = daemon(roles=FLEET)
    with Agent(d) as agent:
        made = create(d, agent, subject="shop")
        agent.catch_up()
        entries = eventually(lambda: [dict(line) for line in d.done("journal").lines if line["event"] == "fleet" and made["id"] in line["ids"]],
                             "the journal has what came") and [dict(line) for line in d.done("journal").lines]
    [taken] = pages("taken", {"route": f"id={made['id']}", "entries": entries})
    assert taken == [line["serial"] for line in d.done(f"journal id={made['id']}").lines] and len(taken) == 2
    [taken] = pages("taken", {"route": "event=fleet", "entries": entries})
    assert taken == [line["serial"] for line in d.done("journal event=fleet").lines] != []
    assert page("export", entries) == jeton(d.path(), "--csv", "journal").out


def test_days_of_a_filter_are_those_of_the_person():
    day = datetime.datetime(2027, 3, 28, tzinfo=datetime.timezone.utc).timestamp()      # one hour is missing there
    query = page("query", "since=2027-03-28&until=2027-03-28", zone="Europe/Berlin")
    assert query["arguments"] == {"since": stamp(day - 3600), "until": stamp(day + 22 * 3600)} and query["preset"] == "range"
    assert page("query", "since=2027-03-28&until=2027-03-28")["arguments"]["until"] == stamp(day + 86400)
    assert page("query", "since=2027-02-30")["arguments"] == {}, "there is no such day"


def test_route_of_a_filter_is_read_as_it_was_written():
    routes = "", "by=ann&event=revoke%2Cban&since=7d", "id=0123456789abcdef0123&subject=a%26b+%23%3F&since=2027-01-01&until=2027-01-02"
    assert [made["route"] for made in pages("query", *routes)] == ["#/audit" + ("?" if route else "") + route for route in routes]


def test_value_is_no_filter(daemon):
    value = daemon().create()["token"]
    keys = "id", "by", "subject"
    assert [made["faults"] for made in pages("query", *(f"{key}={value}" for key in keys))] == [{key: "value"} for key in keys]
    assert [made["faults"] for made in pages("query", "id=xyz", "id=" + "ab" * 10)] == [{"id": "identifier"}, {}]


def test_value_is_found_in_what_was_pasted_around_it(daemon):
    value, other = (daemon().create()["token"] for _ in "ab")
    around = (f"Authorization: Bearer {value}", f"curl -H 'X-Token: {value}' http://x", f'{{"token":"{value}"}}', f"{value}\n{value}", f"`{value}`")
    assert pages("pasted", *around) == [{"value": value, "cut": True}] * len(around)
    alone = value, value[:-1], f"{value}x", f"x{value}", f"{value} {other}", "ab" * 10, ""
    assert pages("pasted", *(f" {text}\n" for text in alone)) == [{"value": text, "cut": False} for text in alone]


def test_digests_are_those_of_the_daemon(daemon):
    d = daemon()
    token = d.create()
    exported = d.done("export").lines[0]["digest"]
    assert page("digests", token["token"]) == {"own": exported, "sha256": hashlib.sha256(token["token"].encode()).hexdigest()}
    d.done(f"ban digest={page('digests', 'x' * 40)['own']}")
    assert d.ask(f"verify token={'x' * 40}").verdict != "OK"
    assert pages("signed", "a" * 62 + ".b.c", "a" * 70, "a.b.c") == [True, False, False]


def test_denial_is_the_newest_that_nothing_has_ended():
    def events(*names):
        return [{"event": name} for name in names]
    made = pages("denial", events("delete", "create"), events("purge", "revoke", "create"), events("purge", "create"), [])
    assert [event and event["event"] for event in made] == ["delete", "revoke", None, None], "a revoked token leaves a ban"


def test_rates_and_latencies_of_the_page_have_gaps_where_nothing_is_known():
    def answer(seconds, passed, unknown, fast, slow, uptime=None):
        rows = {"verify_ok": passed, "verify_unknown": unknown, "uptime_seconds": seconds if uptime is None else uptime, "table_bytes": 1}
        buckets = [{"name": "verify_seconds_bucket", "le": le, "value": str(count)} for le, count in (("0.001", fast), ("1.0", fast + slow))]
        return {"at": 1000 * seconds, "rows": [{"name": name, "value": str(value)} for name, value in rows.items()] + buckets}
    made = page("series", [answer(100, 0, 0, 0, 0), answer(105, 50, 5, 98, 2), answer(200, 60, 5, 98, 2), answer(205, 0, 0, 0, 0, uptime=1), answer(210, 5, 5, 0, 10, uptime=6)])
    assert [point["value"] for point in made["rate"]] == [None, 11, None, None, 2]
    assert [point["value"] for point in made["refused"]] == [None, 1, None, None, 1]
    assert made["p50"][1]["value"] <= 0.001 < made["p99"][1]["value"] <= made["p50"][4]["value"] <= 1
    assert [made["p50"][i]["value"] for i in (0, 2, 3)] == [None] * 3
