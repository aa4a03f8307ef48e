# SPDX-License-Identifier: Apache-2.0
"""What is pressed twice, held down, or pressed while an answer is still to come, is done once, and only if it was meant."""
import signal

import keys
from client import Client

RETURN = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}


def hold_enter(browser, repeats=5):
    """Press Enter and hold it down, as a keyboard repeats it."""
    for number in range(1 + repeats):
        browser.cdp("Input.dispatchKeyEvent", type="keyDown", autoRepeat=number > 0, **RETURN)
    browser.cdp("Input.dispatchKeyEvent", type="keyUp", **RETURN)


def double_click(browser, first, second):
    """The first click opens a dialog below the pointer, and the second one hits what is there."""
    browser.run("""document.querySelector(arguments[0]).click();
        document.querySelector(arguments[1]).dispatchEvent(new MouseEvent("click", { detail: 2, bubbles: true, cancelable: true }))""", first, second)


def test_enter_that_is_held_down_opens_a_dialog_and_answers_none(http_site):
    page, browser = http_site()
    d = page.daemon
    made = d.create(description="in use")["id"]
    page.open()
    page.row(made)
    page.go(f"token/{made}", "token")
    browser.wait("[data-action=rotate]")
    for action in "rotate", "disable":
        browser.run("document.querySelector(`.token-actions [data-action=${arguments[0]}]`).focus()", action)
        hold_enter(browser)
        browser.wait(f"dialog[data-dialog={action}]")
        browser.keys(keys.ESCAPE)
        browser.gone("dialog")
    d.done(f"disable id={made}")
    browser.wait("[data-action=enable]")
    browser.run("document.querySelector('.token-actions [data-action=enable]').focus()")
    hold_enter(browser)
    browser.wait("dialog[data-dialog=enable]")
    assert [(row["id"], row["state"]) for row in d.list()] == [(made, "disabled")]
    page.confirm("enable")
    browser.wait("[data-state=active]")


def test_double_click_opens_a_dialog_and_answers_none(http_site):
    page, browser = http_site()
    made = page.daemon.create(description="in use")["id"]
    page.open()
    page.row(made)
    double_click(browser, f"tr[data-id='{made}'] [data-action=revoke]", "dialog[data-dialog=revoke] [data-action=confirm]")
    browser.wait("dialog[data-dialog=revoke] [data-action=confirm]:enabled")
    assert page.daemon.list()[0]["state"] == "active"
    page.confirm("revoke")
    page.row(made, state="revoked")


def test_what_was_sent_cannot_be_cancelled(http_site):
    page, browser = http_site()
    d = page.daemon
    made = d.create(description="in use")["id"]
    page.open()
    page.row(made)
    browser.click(f"tr[data-id='{made}'] [data-action=revoke]")
    browser.wait("dialog[data-dialog=revoke]")
    d.signal(signal.SIGSTOP)
    try:
        browser.click("dialog[data-dialog=revoke] [data-action=confirm]")
        browser.wait("dialog[data-dialog=revoke] [data-action=confirm]:disabled")
        browser.keys(keys.ESCAPE, keys.ESCAPE)
        assert browser.all("dialog[data-dialog=revoke] [data-action=cancel]:disabled"), "it is still there, as it may yet be done"
    finally:
        d.signal(signal.SIGCONT)
    browser.gone("dialog")
    page.row(made, state="revoked")


def test_next_page_that_is_pressed_twice_is_turned_to_once(http_site):
    page, browser = http_site()
    with Client(page.daemon.path()) as client:
        client.pipeline([f"create description=n{number}" for number in range(250)])
    made = [row["id"] for row in page.daemon.list()]
    page.open()
    for _ in range(2):
        page.row(made[-1])
        browser.run("const next = document.querySelector('[data-action=next-page]'); next.click(); next.click()")
        browser.wait("[data-name=page]", "2")
        page.row(made[149])
        assert browser.text("[data-name=count]").startswith("101")
        browser.click("[data-action=previous-page]")
        browser.wait("[data-name=page]", "1")


def test_button_that_is_pressed_while_the_list_is_read_again_is_clicked(http_site):
    page, browser = http_site()
    d = page.daemon
    made = d.create(description="in use")["id"]
    page.open()
    page.row(made)
    browser.click(f"tr[data-id='{made}'] [data-action=select]")
    with browser.pressed("[data-action=revoke-selected]"):
        page.row(d.create(description="meanwhile")["id"])
    browser.wait("dialog[data-dialog=revoke]", "in use")
    page.confirm("revoke")
    page.row(made, state="revoked")
    assert [row["state"] for row in d.list()].count("active") == 1
