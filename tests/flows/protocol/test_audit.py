# SPDX-License-Identifier: Apache-2.0
"""An audit that answers: who did what to which token, and what it was before."""
import os
import pwd
import time

import pytest

from timestamp import stamp, unix_time

ME = f"uid:{os.getuid()}"
MY_NAME = pwd.getpwuid(os.getuid()).pw_name


def shown(d, ident):
    return d.done(f"show {ident}").lines[0]


def test_show_tells_who_denied_the_token_and_when(daemon):
    d, other = daemon(), daemon()
    revoked, disabled, by_value = d.create(), d.create(), d.create()
    d.done(f"revoke {revoked['id']}")
    d.done(f"disable {disabled['id']}")
    d.done(f"revoke token={by_value['token']}", "verify")
    for _ in "before", "after a restart":
        for ident, what in (revoked["id"], "revoked"), (disabled["id"], "disabled"), (by_value["id"], "revoked"):
            line = shown(d, ident)
            assert line[f"{what}_by"] == ME and line[f"{what}_by_name"] == MY_NAME
            assert abs(unix_time(line[what]) - time.time()) < 60
        d.restart()
    d.done(f"enable {disabled['id']}")
    assert not {"disabled", "disabled_by", "disabled_by_name"} & shown(d, disabled["id"]).keys()
    for line in d.done("export").data:
        other.done(line)
    assert shown(other, revoked["id"])["revoked_by"] == ME
    assert other.done("export").data == d.done("export").data


def test_import_keeps_who_denied_elsewhere_and_names_the_importer_for_its_own_denials(daemon):
    d = daemon()
    d.done(f"import digest={'ab' * 32} state=revoked")
    d.done(f"import digest={'cd' * 32} revoked=2020-01-01T00:00:00Z revoked_by=uid:4242")
    d.done(f"import digest={'ef' * 32} disabled=2020-01-01T00:00:00Z")
    assert shown(d, "ab" * 10)["revoked_by"] == ME
    assert shown(d, "cd" * 10)["revoked_by"] == "uid:4242"
    assert "disabled_by" not in shown(d, "ef" * 10), "nobody knows"
    here = d.create()
    digest = [line for line in d.done("export").lines if line["digest"].startswith(here["id"])][0]["digest"]
    d.done(f"import digest={digest} revoked=2020-01-01T00:00:00Z revoked_by=uid:4242")
    assert shown(d, here["id"])["revoked_by"] == "uid:4242", "a denial that wins brings its denier"
    for bad in "revoked_by=4242", "revoked_by=uid:x", "disabled_by=root", "replaced_by=xyz", "rotated_end=soon":
        assert d.ask(f"import digest={'12' * 32} {bad}").verdict == "ERR bad-value", bad


def test_entries_carry_the_subject(daemon):
    d = daemon()
    token, nobody = d.create(subject="ann b"), d.create()
    for verb in "disable", "enable", "revoke", "delete":
        d.done(f"{verb} {token['id']}")
    d.done(f"revoke {nobody['id']}")
    entries = d.done("journal").lines
    assert ([(e["event"], e.get("subject")) for e in entries] ==
            [("create", "ann b"), ("create", None), ("disable", "ann b"), ("enable", "ann b"), ("revoke", "ann b"),
             ("delete", "ann b"), ("revoke", None)])


def test_update_entry_has_old_and_new_of_what_changed_and_of_nothing_else(daemon):
    d = daemon()
    token = d.create(description="a", subject="ann", scopes="x")
    for change, old in (("description=b", {"old_description": "a"}),
                        ("subject=bob scopes=y,z", {"old_subject": "ann", "old_scopes": "x"}),
                        ('subject="" expires=2099-01-01T00:00:00Z', {"old_subject": "bob", "old_expires": "never"}),
                        ("expires=2098-01-01T00:00:00Z", {"old_expires": "2099-01-01T00:00:00Z"}),
                        ("subject=eve description=b", {"old_subject": ""})):
        d.done(f"update {token['id']} {change}")
        entry = d.done("journal").lines[-1]
        assert {key: value for key, value in entry.items() if key.startswith("old_")} == old, change
    d.done(f"rotate {token['id']} grace=1h")
    entry = d.done("journal").lines[-1]
    assert (entry["event"], entry["old_expires"]) == ("update", "2098-01-01T00:00:00Z")
    d.restart()
    assert d.done("journal").lines[-1] == entry


def test_old_and_new_of_the_largest_texts_fit_into_an_entry(daemon):
    d = daemon()
    scopes = [",".join(f"{letter}{i:02d}".ljust(64, "x") for i in range(32)) for letter in "ab"]
    def texts(letter):
        quoted = f"\\x0{letter}"
        return f'description="{quoted * 1024}" subject="{quoted * 256}"'
    token = d.done(f"create scopes={scopes[0]}")
    d.done(f"update {token['id']} {texts(1)}")
    d.done(f"update {token['id']} {texts(2)}")
    d.done(f"update {token['id']} scopes={scopes[1]} subject=short")
    entries = d.done("journal").lines
    assert [e["event"] for e in entries] == ["create", "update", "update", "update"]
    assert entries[2]["old_description"] == "(long)", "it does not fit, and the entry shows that"
    assert entries[3]["old_subject"] == "\x02" * 256 or entries[3]["old_subject"] == "(long)"
    assert shown(d, token["id"])["description"] == "\x02" * 1024
    d.restart()
    assert d.done("journal").lines == entries


def test_names_of_users_stand_beside_their_uids(daemon):
    d = daemon()
    token = d.create()
    assert (shown(d, token["id"])["by"], shown(d, token["id"])["by_name"]) == (ME, MY_NAME)
    entry = d.done("journal").lines[0]
    assert (entry["by"], entry["by_name"]) == (ME, MY_NAME)
    d.done(f"import digest={'ab' * 32} revoked=2020-01-01T00:00:00Z revoked_by=uid:3999999999")
    line = shown(d, "ab" * 10)
    assert line["revoked_by"] == "uid:3999999999" and "revoked_by_name" not in line, "there is no such user"


# -- what the journal is asked for --------------------------------------------------------------

@pytest.fixture
def journalled(daemon):
    """A daemon, with ids of tokens of ann and of bob, and the id of ann's second."""
    d = daemon()
    ann, bob = d.create(subject="ann"), d.create(subject="bob")
    d.done(f"disable {bob['id']}")
    d.done(f"update {bob['id']} subject=bobby")
    new = d.done(f"rotate {ann['id']}")
    d.done(f"delete {new['id']}")
    return d, ann["id"], bob["id"], new["id"]


def events(reply):
    return [(line["event"], line["id"]) for line in reply.lines]


def test_journal_is_filtered_by_each_key_and_by_all_together(journalled):
    d, ann, bob, new = journalled
    def ask(filters):
        return events(d.done(f"journal {filters}"))
    of_ann = [("create", ann), ("rotate", new), ("revoke", ann)]
    assert ask(f"id={ann}") == of_ann, "also where it is replaced"
    assert ask("subject=ann") == of_ann + [("delete", new)]
    assert ask("subject=bob") == [("create", bob), ("disable", bob), ("update", bob)], "also what it was before"
    assert ask("subject=bobby") == [("update", bob)]
    assert ask("event=revoke,delete") == [("revoke", ann), ("delete", new)]
    for mine in ME, ME[4:], MY_NAME:
        assert len(ask(f"by={mine}")) == 7, mine
    for other in "uid:4242", "4242", "nobody-has-this-name":
        assert ask(f"by={other}") == []
    assert len(ask(f"since=1h until={stamp(time.time() + 60)}")) == 7
    assert ask("until=1h") == ask("since=2099-01-01T00:00:00Z") == []
    assert ask(f"subject=bob event=disable id={bob} by={ME} since=1h") == [("disable", bob)]
    assert ask(f"subject=ann id={bob}") == []


@pytest.mark.parametrize("wrong", ["event=revokd", "event=", "event=revoke,", "by=", "by=uid:x", "by=99999999999",
                                   "since=soon", "until=", "id=xyz"])
def test_misspelt_filter_of_the_journal_is_refused(journalled, wrong):
    assert journalled[0].ask(f"journal {wrong}").verdict == "ERR bad-value"


def test_filtered_journal_is_paged_by_what_it_finds(journalled):
    d = journalled[0]
    whole = events(d.done("journal subject=ann"))
    found, after = [], ""
    while True:
        page = d.done(f"journal subject=ann limit=1{after}")
        found += events(page)
        assert int(page["count"]) == len(page.lines) <= 1
        if "next" not in page:
            break
        after = f" after={page['epoch']}:{page['next']}"
    assert found == whole


def test_text_that_looks_like_a_field_is_not_taken_for_one(daemon):
    d = daemon()
    ident = "ab" * 10
    d.create(description=f" by=uid:4242 login=uid:4242 id={ident} event=revoke subject=ann ", subject="x by=uid:4242")
    entry = d.done("journal").lines[0]
    assert entry["by"] == ME and entry["by_name"] == MY_NAME
    for filters in "by=4242", f"id={ident}", "event=revoke", "subject=ann":
        assert d.done(f"journal {filters}").lines == [], filters
