# SPDX-License-Identifier: Apache-2.0
"""What people do with tokens in the page besides the main job."""
import base64

import keys
from client import Client
from waiting import eventually, eventually_shown
from web_sample import sample


def sent(browser):
    """Return all that the page has sent to the server, as text."""
    return "".join(event["request"]["url"] + event["request"].get("postData", "") + "".join(
        base64.b64decode(entry.get("bytes", "")).decode() for entry in event["request"].get("postDataEntries", []))
        for event in browser.tools.of(browser.session, "Network.requestWillBeSent"))


def test_closing_without_a_copy_asks_and_the_value_is_gone(http_site):
    page, browser = http_site()
    page.open()
    made, value = page.create(description="not copied")
    browser.click("dialog[data-dialog=create] [data-action=close]")
    browser.wait("dialog[data-dialog=not-copied]")
    browser.click("dialog[data-dialog=not-copied] [data-action=cancel]")
    assert browser.text("[data-name=value]") == value, "it is still there"
    browser.click("[data-pane=value] [data-action=ok]")
    page.confirm("not-copied")
    browser.gone("dialog")
    page.row(made)
    assert browser.in_memory(value) == []
    assert not browser.in_document(value)


def test_many_are_selected_and_revoked_at_once(http_site):
    page, browser = http_site()
    d = page.daemon
    kept = d.create(description="kept")["id"]
    made = [d.create(description=f"old {number}", subject="leaver")["id"] for number in range(5)]
    page.open()
    for token_id in made:
        page.row(token_id)
        browser.click(f"tr[data-id='{token_id}'] [type=checkbox]")
    browser.click("[data-action=revoke-selected]")
    said = page.confirm("revoke")
    assert all(token_id in said for token_id in made) and kept not in said
    for token_id in made:
        page.row(token_id, state="revoked")
    assert {row["id"]: row["state"] for row in d.list()} == {kept: "active"} | dict.fromkeys(made, "revoked")


def test_all_of_a_page_are_selected_at_once_on_any_screen(http_site):
    page, browser = http_site()
    d = page.daemon
    made = [d.create(description=f"n{number}")["id"] for number in range(3)]
    page.open()
    for width in 1400, 400:
        browser.size(width, 800)
        page.row(made[0])
        browser.click("[data-action=select-page]")
        assert browser.text(".bulk strong") == "3 tokens selected", width
        browser.click("[data-action=clear-selection]")
        browser.gone(".bulk")


def test_rows_are_filtered_by_text_and_state_and_sorted_by_column(http_site):
    page, browser = http_site()
    d = page.daemon
    names = {f"{word} key": d.create(description=f"{word} key", subject=subject)["id"]
             for word, subject in (("alpha", "zoe"), ("beta", "yan"), ("gamma", "xin"))}
    d.done(f"disable id={names['beta key']}")
    page.open()

    def shown():
        return [row["description"] for row in page.rows()]
    eventually_shown(lambda: shown() == ["gamma key", "beta key", "alpha key"], "the newest is first")
    browser.click("[data-sort=subject]")
    eventually_shown(lambda: shown() == ["gamma key", "beta key", "alpha key"], "sorted by subject")
    browser.click("[data-sort=subject]")
    eventually_shown(lambda: shown() == ["alpha key", "beta key", "gamma key"], "and the other way round")
    browser.type("[data-field=search]", "BETA")
    eventually_shown(lambda: shown() == ["beta key"], "filtered by text")
    browser.type("[data-field=search]", names["gamma key"])
    eventually_shown(lambda: shown() == ["gamma key"], "found by its identifier")
    browser.type("[data-field=search]", "nobody")
    browser.click("[data-empty=filtered] [data-action=clear-filters]")
    eventually_shown(lambda: len(shown()) == 3, "all again")
    browser.run("const s = document.querySelector('[data-field=state]'); s.value = 'disabled'; s.dispatchEvent(new Event('change', {bubbles: true}))")
    eventually_shown(lambda: shown() == ["beta key"], "filtered by state")


def test_pages_of_a_hundred_reach_every_token_once(http_site):
    page, browser = http_site()
    with Client(page.daemon.path()) as client:
        client.pipeline([f"create description=n{number}" for number in range(230)])
    page.open()
    seen = []
    for number in (100, 100, 30):
        eventually_shown(lambda: len(page.rows()) == number and not set(seen) & {row["id"] for row in page.rows()}, f"a page of {number}")
        seen += [row["id"] for row in page.rows()]
        if number == 100:
            browser.click("[data-action=next-page]")
    assert sorted(seen) == sorted(row["id"] for row in page.daemon.list())


def test_rotated_token_has_a_new_value_and_the_old_one_works_for_its_grace(http_site):
    page, browser = http_site()
    d = page.daemon
    old = d.create(description="rotated", scopes="deploy")
    page.open()
    page.row(old["id"])
    browser.click(f"tr[data-id='{old['id']}'] [data-action=open]")
    page.loaded("token")
    browser.click("[data-action=rotate]")
    browser.click("[data-form=rotate] label:has([data-option='1h'])")
    made, value = page.submit("rotate")
    assert page.copy() == value != old["token"]
    assert [d.verify(one) for one in (value, old["token"])] == ["OK", "OK"]
    page.ok()
    assert not browser.in_document(value) and browser.where(value) == []
    assert made != old["id"]


def test_leaked_value_is_found_by_its_digest_and_revoked_without_being_sent(http_site):
    page, browser = http_site()
    d = page.daemon
    token = d.create(description="leaked", subject="ann")
    value = token["token"]
    page.open()
    page.go("whose")
    browser.type("[data-field=value]", f"Authorization: Bearer {value}")
    browser.click("[data-action=look-up]")
    found = browser.text(f".whose-found[data-id='{token['id']}']")
    assert "leaked" in found and "ann" in found
    assert value not in sent(browser)
    assert browser.where(value) == []
    browser.click(".whose-found .button-danger")
    browser.click("dialog[open] [data-action=confirm]")
    eventually_shown(lambda: d.verify(value) == "NO revoked", "it is revoked")
    eventually(lambda: f"revoke id={token['id']}" in sent(browser), "its identifier is sent")
    assert value not in sent(browser), "which is enough"
    browser.click("[data-action=clear]")
    page.go("tokens")
    eventually_shown(lambda: not browser.in_document(value), "it is out of the document")
    assert browser.where(value) == []


def test_value_pasted_into_the_search_or_a_description_is_not_sent(http_site):
    page, browser = http_site()
    value = page.daemon.create(description="x")["token"]
    page.open()
    page.row(page.daemon.list()[0]["id"])
    browser.type("[data-field=search]", value)
    browser.wait("[data-empty=value]")
    page.go("health")
    page.go("tokens")
    assert not browser.in_document(value), "the list does not keep it"
    page.begin_create(description=f"the old one was {value}")
    browser.click("[data-form=create] [data-action=submit]")
    browser.wait("[data-field=description] .field-error")
    assert value not in sent(browser)
    assert len(page.daemon.list()) == 1


def test_rules_of_the_policy_are_marked_before_they_refuse(http_site):
    page, browser = http_site(config="[policy]\nmax_ttl = 90d\nrequire = description, subject\nscopes = deploy, read:*\n")
    page.open()
    page.begin_create(scopes=["deploy"])
    browser.wait("[data-form=create]", "required by the policy")
    assert browser.run("return document.querySelector('[data-option=never]').disabled")
    browser.type("[data-field=scope-input]", "admin\n")
    browser.wait(".chip-refused[data-scope=admin]")
    browser.click("[data-form=create] [data-action=submit]")
    browser.wait(".field-error:not([hidden])")
    assert page.daemon.list() == []


def test_audit_shows_changes_as_they_happen_and_exports_them(http_site):
    page, browser = http_site()
    d = page.daemon
    first = d.create(description="=cmd()|x", subject="ann")["id"]
    page.open()
    page.go("audit")
    browser.wait("[data-view=audit] tbody tr", first)
    d.done(f"revoke id={first}")
    browser.wait("[data-view=audit] tbody tr", "Revoked")
    browser.run("""window.saved = []; const real = URL.createObjectURL;
        URL.createObjectURL = blob => { blob.text().then(text => window.saved.push(text)); return real(blob); }""")
    browser.click("[data-action=export]")
    text = eventually_shown(lambda: browser.run("return window.saved[0]"), "the export is there")
    assert first in text and "revoke" in text
    assert "\n=cmd" not in text and ",=cmd" not in text and ',"=cmd' not in text, "a spreadsheet would run it"


def test_saved_views_show_what_needs_attention(http_site, daemon):
    d, made = sample(daemon)
    page, browser = http_site(path=d.path())
    page.open()
    for view, wanted in (("expiring", {"container registry mirror"}), ("unused", {""}),
                         ("policy", {"nightly backup"}), ("refused", {"old deploy key"})):
        browser.click(f"[data-view-link={view}]")
        wanted = {made[name] for name in wanted}
        eventually_shown(lambda: wanted <= (shown := {row["id"] for row in page.rows()}) and made["Prometheus on metrics-2"] not in shown,
                   f"{view} shows what it should, and no other")
    browser.wait("[data-view-link=refused][aria-current]")
    page.go("tokens")
    page.row(made["container registry mirror"])
    soon = browser.run("return [...document.querySelectorAll('[data-soon=yes]')].map(e => e.closest('tr').dataset.id)")
    assert made["container registry mirror"] in soon and made["Grafana data source"] not in soon


def test_token_is_edited_disabled_and_enabled(http_site):
    page, browser = http_site()
    d = page.daemon
    token = d.create(description="before", scopes="read")
    page.open()
    page.go(f"token/{token['id']}")
    browser.click("[data-action=update]")
    browser.type("[data-form=edit] [data-field=description] input", "after")
    browser.click("[data-form=edit] [data-action=submit]")
    browser.wait("[data-claim=description]", "after")
    browser.wait(".history [data-event=update]")
    for verb, verdict in (("disable", "NO disabled"), ("enable", "OK")):
        browser.click(f"[data-view=token] [data-action={verb}]")
        page.confirm(verb)
        browser.wait(f".history [data-event={verb}]")
        assert d.verify(token["token"]) == verdict
    assert d.list()[0]["description"] == "after"


def test_history_of_a_token_that_was_changed_often_is_its_end(http_site):
    page, browser = http_site()
    d = page.daemon
    made = d.create(description="x")["id"]
    for number in range(230):
        d.done(f'update id={made} description="{number}"')
    page.open()
    page.go(f"token/{made}", "token")
    browser.wait(".history [data-event=update]")
    assert len(browser.all(".history [data-serial]")) == 200
    browser.wait("[data-view=token]", "The last 200 entries")
    assert f"journal id={made} order=desc limit=200" in sent(browser)


def test_value_does_not_wait_in_a_page_that_was_left(http_site):
    page, browser = http_site()
    page.open()
    _, value = page.create(description="x")
    assert browser.in_document(value)
    browser.run("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    assert not browser.in_document(value)
