# SPDX-License-Identifier: Apache-2.0
"""Everything that a person does, without a mouse; and what assistive technology is told of it."""
import keys


def focused(browser):
    return browser.run("const e = document.activeElement; return e.dataset.action ?? e.dataset.field ?? e.tagName")


def test_main_job_is_done_by_keyboard_alone(http_site):
    page, browser = http_site()
    page.open()
    browser.wait("[data-empty=all]")

    browser.tab_to("[data-action=create]")
    browser.keys(keys.ENTER)
    browser.wait("[data-form=create]")
    assert browser.run("return document.activeElement.closest('[data-field]').dataset.field") == "description"
    browser.keys("typed only", keys.TAB, "ann")
    browser.tab_to("[data-field=scope-input]")
    browser.keys("deploy,")
    browser.wait("[data-scope=deploy]")
    browser.tab_to("[data-field=lifetime] input")
    browser.keys(keys.RIGHT)
    browser.tab_to("[data-form=create] [data-action=submit]")
    browser.keys(keys.ENTER)

    browser.wait("[data-pane=value]")
    assert focused(browser) == "copy-value"
    browser.keys(keys.ESCAPE)                       # not copied yet
    browser.wait("dialog[data-dialog=not-copied]")
    assert focused(browser) == "cancel", "what loses the value is not what Enter does"
    browser.keys(keys.ENTER)
    browser.gone("dialog[data-dialog=not-copied]")
    value = browser.text("[data-name=value]")
    browser.tab_to("[data-action=copy-value]")
    browser.keys(keys.SPACE)
    browser.wait("[data-action=copy-value]", "Copied")
    assert browser.clipboard() == value
    browser.tab_to("[data-pane=value] [data-action=ok]")
    browser.keys(keys.ENTER)
    browser.gone("dialog")
    [row] = page.daemon.list()
    assert (row["description"], row["subject"], row["scopes"]) == ("typed only", "ann", "deploy")

    page.row(row["id"])
    browser.tab_to(f"tr[data-id='{row['id']}'] [data-action=revoke]")
    browser.keys(keys.ENTER)
    browser.wait("dialog[data-dialog=revoke][open]")
    browser.tab_to("dialog[data-dialog=revoke] [data-action=confirm]", most=5)
    browser.keys(keys.ENTER)
    page.row(row["id"], state="revoked")


def test_focus_stays_in_a_dialog_and_goes_back_to_what_opened_it(http_site):
    page, browser = http_site()
    page.open()
    browser.tab_to("[data-action=create]")
    browser.keys(keys.ENTER)
    browser.wait("[data-form=create]")
    inside = {browser.run("return document.activeElement.closest('dialog, body').tagName") for _ in range(40)
              if browser.keys(keys.TAB) is None}
    # Chromium's own controls have a turn between the last element and the first; then it is the body that has the focus.
    assert inside <= {"DIALOG", "BODY"}
    assert browser.run("return [...document.querySelectorAll('body > :not(dialog)')].every(e => !e.contains(document.activeElement))")
    browser.keys(keys.ESCAPE)
    browser.gone("dialog")
    assert focused(browser) == "create"


def test_escape_asks_before_it_throws_away_what_was_entered(http_site):
    page, browser = http_site()
    made = page.daemon.create(description="before")["id"]
    page.open()
    page.row(made)
    page.begin_create(description="half a descrip")
    browser.keys(keys.ESCAPE)
    browser.wait("dialog[data-dialog=discard]")
    assert focused(browser) == "cancel", "what loses the text is not what Enter does"
    browser.keys(keys.ENTER)
    browser.gone("dialog[data-dialog=discard]")
    assert browser.run("return document.querySelector('[data-field=description] input').value") == "half a descrip"
    browser.keys(keys.ESCAPE)
    page.confirm("discard")
    browser.gone("dialog")

    page.go(f"token/{made}")
    browser.click("[data-action=update]")
    browser.wait("[data-form=edit]")
    browser.keys(keys.ESCAPE)                       # nothing was entered
    browser.gone("dialog")
    browser.click("[data-action=update]")
    browser.type("[data-form=edit] [data-field=description] input", "after")
    browser.keys(keys.ESCAPE)
    browser.wait("dialog[data-dialog=discard]")
    browser.keys(keys.ESCAPE)
    browser.click("[data-form=edit] [data-action=submit]")
    browser.wait("[data-claim=description]", "after")


def test_changes_are_announced_and_states_have_words(http_site):
    page, browser = http_site()
    made = page.daemon.create(description="x")["id"]
    page.open()
    page.row(made)
    page.revoke(made)
    page.row(made, state="revoked")
    assert browser.run("return [...document.querySelectorAll('[aria-live], [role=status], [role=alert]')].some(e => e.textContent.includes('revoked'))")
    assert page.rows()[0]["id"] == made
    assert browser.text("tbody [data-state=revoked]") == "Revoked"
    assert browser.run("return document.querySelectorAll('main').length") == 1
    assert browser.run("return document.documentElement.lang") == "en"
