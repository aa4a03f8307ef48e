# SPDX-License-Identifier: Apache-2.0
"""The page's main job, step by step, in both transports, and what an API says to the value meanwhile."""


def test_token_is_created_copied_used_and_revoked_in_the_page(site, gateway):
    page, browser = site("daemon.activation_delay=4s")
    api = gateway(page.daemon)
    page.open()
    header = browser.text("header :has(> h1)")
    assert "Settings" in header and "API Access Tokens" in header
    browser.wait("[data-empty=all]")

    shown_id, shown = page.create(description="ci deploy", subject="ann", scopes=["deploy", "read"], lifetime="30d")
    value = page.copy()
    assert value == shown and value.startswith("jtn_")
    pending = api.verify(value)
    browser.wait("[data-pane=value] [data-state=pending]", "401")
    assert pending.status == 401, "a pending token is refused"
    browser.wait("[data-pane=value] [data-state=active]", within=20)
    active = api.verify(value)
    assert (active.status, active.get("x-jeton-id"), active.get("x-jeton-subject")) == (200, shown_id, "ann")

    page.ok()
    row = page.row(shown_id, state="active")
    assert (row["description"], row["subject"], row["scopes"]) == ("ci deploy", "ann", "deploy,read")
    assert not browser.in_document(value)
    assert browser.in_memory(value) == []
    assert browser.where(value) == []

    said = page.revoke(shown_id)
    assert "ci deploy" in said and shown_id in said
    assert api.verify(value).status == 401, "a revoked token is refused at the next request"
    page.row(shown_id, state="revoked")
    [entry] = [entry for entry in page.daemon.ask("journal event=revoke").lines]
    assert entry["id"] == shown_id


def test_other_peoples_changes_are_shown_as_they_happen(site):
    page, browser = site()
    page.open()
    made = page.daemon.create(description="from a script")
    page.row(made["id"], description="from a script")
    page.daemon.done(f"revoke id={made['id']}")
    page.row(made["id"], state="revoked")
