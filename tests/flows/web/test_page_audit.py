# SPDX-License-Identifier: Apache-2.0
"""Whose is this?, Audit and Health in a browser."""
import keys

from client import quote
from refused_writes import writes_refused
from waiting import eventually_shown

FOREIGN = "a-token-of-another-system-0123456789"
SIGNED = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwianRpIjoiNDcxMSJ9.c2lnbmF0dXJl"


def look_up(page, browser, value, kind):
    page.go("whose")
    browser.type("[data-field=value]", value + "\n")
    return browser.text(f"section[data-kind={kind}]")


def gone(page, browser, value):
    page.go("audit")
    browser.wait("[data-view=audit] tbody tr")
    return not browser.in_document(value) and browser.in_memory(value) == []


def shown(browser):
    return browser.run("return [...document.querySelectorAll('[data-table=audit] tbody tr')].map(row => row.innerText)")


def test_looked_up_value_leaves_memory_when_it_is_cleared_or_the_view_is_left(http_site):
    page, browser = http_site()
    value = page.daemon.create(description="leaked")["token"]
    page.open()
    look_up(page, browser, value, "found")
    assert browser.in_document(value)
    assert gone(page, browser, value)
    look_up(page, browser, value, "found")
    browser.click("[data-action=clear]")
    browser.gone("section[data-kind=found]")
    assert not browser.in_document(value) and browser.in_memory(value) == []


def test_value_that_is_none_or_unknown_is_named_as_such(http_site):
    page, browser = http_site()
    token = page.daemon.create(description="one")
    page.open()
    assert "checksum" in look_up(page, browser, token["token"][:-1] + ("a" if token["token"][-1] != "a" else "b"), "malformed")
    assert "authenticates nothing" in look_up(page, browser, token["id"], "identifier")
    assert "unknown here" in look_up(page, browser, FOREIGN, "unknown")


def test_unknown_value_is_banned_by_its_digest_and_a_signed_one_by_its_text(http_site):
    page, browser = http_site()
    d = page.daemon
    page.open()
    for value, message in (FOREIGN, "not the value"), (SIGNED, "The value itself is sent"):
        look_up(page, browser, value, "unknown")
        browser.click("[data-action=ban]")
        browser.wait("dialog[data-dialog=ban] [data-name=sent]", message)
        page.confirm("ban")
        browser.wait("section[data-kind=gone]", "banned")
        assert "ban" in [line["part"] for line in d.done(f"trace token={quote(value)}").lines]
    assert gone(page, browser, SIGNED)


def test_reader_revokes_by_the_value_after_a_warning_that_it_is_sent(http_site):
    page, browser = http_site(role="observe")
    d = page.daemon
    token = d.create(description="leaked")
    page.open()
    look_up(page, browser, token["token"], "found")
    browser.click("[data-action=revoke-value]")
    browser.wait("dialog[data-dialog=revoke-value] [data-name=sent]", "The value itself is sent")
    page.confirm("revoke-value")
    eventually_shown(lambda: d.verify(token["token"]) == "NO revoked", "it is revoked")
    browser.wait("section[data-kind=found] [data-state=revoked]")
    assert gone(page, browser, token["token"])


def test_filters_of_the_audit_stand_in_its_route(http_site):
    page, browser = http_site()
    d = page.daemon
    ann, bob = d.create(subject="ann"), d.create(subject="bob")
    d.done(f"revoke {bob['id']}")
    page.open()
    page.go("audit")
    browser.type("[data-field=subject]", "bob" + keys.ENTER)
    eventually_shown(lambda: len(shown(browser)) == 2 and browser.run("return location.hash") == "#/audit?subject=bob", "bob's are shown")
    browser.click("[data-field=event]")
    browser.click("[data-event-box=revoke]")
    eventually_shown(lambda: len(shown(browser)) == 1, "one is left")
    assert browser.run("return location.hash") == "#/audit?subject=bob&event=revoke"
    d.done(f"revoke {ann['id']}")
    d.done(f"revoke {d.create(subject='bob')['id']}")
    eventually_shown(lambda: len(shown(browser)) == 2, "what others revoke comes in, if it matches")
    assert all("bob" in row for row in shown(browser))
    page.go(f"audit?id={ann['id']}&since=today")
    eventually_shown(lambda: len(shown(browser)) == 2 and all(ann["id"] in row for row in shown(browser)), "a link shows what it names")
    browser.click("[data-action=clear-filters]")
    eventually_shown(lambda: len(shown(browser)) == 6 and browser.run("return location.hash") == "#/audit", "all are shown")


def test_audit_is_read_page_by_page_while_it_grows(http_site):
    page, browser = http_site()
    d = page.daemon
    d.client().pipeline([f"create description=t{i}" for i in range(250)])
    page.open()
    page.go("audit")
    eventually_shown(lambda: len(shown(browser)) == 100 and "t249" in shown(browser)[0], "the newest are first")
    d.create(description="live")
    eventually_shown(lambda: len(shown(browser)) == 100 and "live" in shown(browser)[0], "a new one comes in")
    browser.click("[data-view=audit] [data-action=next-page]")
    eventually_shown(lambda: "t150" in shown(browser)[0], "none is missing, none comes twice")
    d.create(description="meanwhile")
    browser.wait("[data-action=show-new]", "1 new entry")
    browser.click("[data-view=audit] [data-action=next-page]")
    eventually_shown(lambda: len(shown(browser)) == 51 and "t0" in shown(browser)[-1], "the oldest are last")
    page.go("audit?event=create")
    eventually_shown(lambda: "meanwhile" in shown(browser)[0], "the first page again")


def test_unsaved_denials_are_a_banner_over_every_view(http_site):
    page, browser = http_site()
    d = page.daemon
    d.client().pipeline(["create"] * 300)
    token = d.create()
    page.open()
    page.go("health")
    with writes_refused(d):
        assert d.ask(f"revoke {token['id']}").verdict == "ERR store"
        browser.wait("[data-check=denials_unsaved][data-level=bad]", within=20)
        for view in "whose", "audit", "tokens", "health":
            page.go(view)
            browser.wait("[data-banner=denials]:not([hidden])", "1 revocation")
    browser.wait("[data-check=denials_unsaved][data-level=good]", within=20)
    assert browser.all("[data-banner=denials][hidden]")


def test_health_counts_tokens_and_verifications(http_site):
    page, browser = http_site()
    d = page.daemon
    tokens = [d.create() for _ in range(5)]
    d.done(f"revoke {tokens[0]['id']}")
    page.open()
    page.go("health")
    browser.wait("[data-count=active]", "4", within=20)
    browser.wait("[data-count=revoked]", "1")
    for token in tokens * 20:
        d.ask(f"verify token={token['token']}", "verify")
    browser.wait("[data-name=reasons] [data-count=ok]", "80")
    browser.wait("[data-name=reasons] [data-count=revoked]", "20")
    eventually_shown(lambda: "/s" in browser.all("[data-figure=verified]")[0], "a rate is known", within=20)
    assert "now" in browser.run("return document.querySelector('[data-plot=verified] svg').getAttribute('aria-label')")
    browser.click(".health-figures summary")
    browser.wait("[data-table=health] tbody tr")
