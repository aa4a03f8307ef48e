# SPDX-License-Identifier: Apache-2.0
"""The page in the real Cockpit: who acts, through which socket, and what Cockpit lets it do."""
import contextlib
import os
import re
import urllib.request

from cockpit import PACKAGE, SHELL, Cockpit, need_cockpit
from documents import examples
from settings import ROOT
from users import ANN, BOB, UserDaemon
from web_page import Page

# What a page without the right to it must not have.
CHANGES = ", ".join(f"[data-action={verb}]" for verb in ("create", "revoke", "rotate", "update", "disable", "enable")) + ", tbody [type=checkbox]"
PAGE = os.path.join(ROOT, "plugin", "web", "page")
MANUAL = "plugin/cockpit/jeton-cockpit.7"
POLICY = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'",
          "font-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "frame-src": "'none'", "frame-ancestors": "'self'",
          "object-src": "'none'", "require-trusted-types-for": "'script'", "trusted-types": "'none'"}


def read(path):
    with open(path) as file:
        return file.read()


def opened_to(d, role, uid):
    """Let a user connect to one of the sockets, as membership of its group does."""
    os.chmod(d.directory, 0o755)
    os.chown(d.path(role), -1, uid)
    os.chmod(d.path(role), 0o660)


@contextlib.contextmanager
def logged_in(browser, d):
    """The page in front of a daemon, to which ann has logged in."""
    with Cockpit(d.directory, users={"ann": ANN, "bob": BOB}) as cockpit:
        cockpit.log_in(browser, "ann")
        yield Page(browser, cockpit, d).loaded()


def get(url):
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.headers, response.read().decode()


def test_page_is_that_of_jeton_web_with_the_library_of_cockpit():
    assert sorted(os.listdir(PACKAGE)) == sorted([*os.listdir(PAGE), "manifest.json"])
    for name in os.listdir(PAGE):
        ours, theirs = read(f"{PACKAGE}/{name}").splitlines(), read(f"{PAGE}/{name}").splitlines()
        added = [line for line in ours if line not in theirs]
        assert added == (['<script src="../base1/cockpit.js"></script>'] if name == "index.html" else []), name
        assert [line for line in ours if line not in added] == theirs, name


def test_cockpit_sends_the_policy_of_the_page(daemon):
    need_cockpit()
    with Cockpit(daemon().directory) as cockpit:
        headers, _ = get(cockpit.link)
    text = headers["Content-Security-Policy"]
    for own in f" {cockpit.url}", f" ws://127.0.0.1:{cockpit.port}":     # Cockpit adds its own address to 'self'
        text = text.replace(own, "")
    sent = dict((directive.strip() + " ").split(" ", 1) for directive in text.split(";"))
    sent = {name: value.strip() for name, value in sent.items() if name != "block-all-mixed-content"}
    assert {name: sent.get(name) for name in POLICY} == POLICY
    assert {value for name, value in sent.items() if name not in POLICY} <= {"'none'"}


def test_the_login_page_of_the_manuals_example_offers_no_other_host(daemon):
    need_cockpit()
    [example] = [one for one in examples(MANUAL) if "[WebService]" in one.text]
    for config, offers in ((example.text, "false"), ("[WebService]\nLoginTo = true\n", "true")):
        with Cockpit(daemon().directory, users={"ann": ANN}, config=config) as cockpit:
            _, login = get(cockpit.url)
        assert re.search(r'"connect":\s*(\w+)', login)[1] == offers


def test_administrator_who_logged_in_is_in_the_journal(browser, daemon):
    need_cockpit()
    d = daemon()
    opened_to(d, "admin", ANN)
    with logged_in(browser, d) as page:
        browser.wait("header [data-role=admin]")
        made, _ = page.create(description="by ann")
        page.copy()
        page.ok()
        page.row(made)
        page.revoke(made)
        page.row(made, state="revoked")
        browser.leave()
    assert [(entry["event"], entry["by"]) for entry in d.ask("journal").lines] == [("create", f"uid:{ANN}"), ("revoke", f"uid:{ANN}")]


def test_user_sees_and_changes_only_their_own_tokens(browser, daemon):
    need_cockpit()
    users = {"ann": ANN, "bob": BOB}
    host = UserDaemon(daemon, users=users)
    d = host.daemon
    theirs = host.done(BOB, "create description=bobs scopes=imap")["id"]
    own = host.done(ANN, "create description=anns scopes=imap")["id"]
    with logged_in(browser, d) as page:
        browser.wait("header [data-role=self]")
        page.row(own)
        assert [row["id"] for row in page.rows()] == [own]
        made, value = page.create(description="another", scopes=["smtp"])
        assert page.copy() == value
        page.ok()
        page.row(made, state="active")
        page.revoke(own)
        page.row(own, state="revoked")
        assert {row["id"] for row in page.rows()} == {own, made}
        page.go(f"token/{theirs}")
        browser.wait("[data-empty=unknown]")
        assert "bobs" not in browser.body()
        browser.leave()
    assert {(row["id"], row["subject"], row["state"]) for row in d.list()} == {
        (theirs, "bob", "active"), (own, "ann", "revoked"), (made, "ann", "active")}


def test_observer_sees_everything_and_can_change_nothing(browser, daemon):
    need_cockpit()
    d = daemon()
    made = d.create(description="to be seen")["id"]
    opened_to(d, "observe", ANN)
    with logged_in(browser, d) as page:
        browser.wait("header [data-role=observe]")
        page.row(made)
        assert not browser.all(CHANGES)
        page.go(f"token/{made}")
        browser.wait("[data-claim=description]", "to be seen")
        assert not browser.all(CHANGES)
        browser.leave()


def test_page_is_in_the_menu_of_cockpits_shell(browser, daemon):
    need_cockpit((SHELL, "cockpit-system"))
    d = daemon()
    opened_to(d, "admin", ANN)
    with Cockpit(d.directory, users={"ann": ANN}) as cockpit:
        cockpit.log_in(browser, "ann", path="/")
        browser.click("nav a", "API Access Tokens", within=20)
        browser.in_frame("iframe[name$='/jeton']")
        browser.wait("header [data-role=admin]")
        page = Page(browser, cockpit, d).loaded()
        made, value = page.create(description="in a frame")
        assert page.copy() == value
        page.ok()
        page.row(made)
        browser.screenshot("cockpit-shell")
        browser.leave()


def test_socket_that_may_not_be_opened_is_said_at_once_and_tried_again(browser, daemon):
    """As while the daemon starts: a socket is bound before it is handed to its group."""
    need_cockpit()
    d = daemon()
    made = d.create(description="to be seen")["id"]
    os.chmod(d.directory, 0o755)
    with Cockpit(d.directory, users={"ann": ANN}) as cockpit:
        cockpit.log_in(browser, "ann")
        browser.wait("[data-banner=start][data-kind=forbidden]", "You may not open a socket of the daemon", within=20)
        assert "jeton web" not in browser.body()
        opened_to(d, "admin", ANN)
        page = Page(browser, cockpit, d).loaded()
        browser.wait("header [data-role=admin]")
        page.row(made)
        os.chmod(d.path("admin"), 0o600)
        browser.run("location.hash = arguments[0]", f"#/token/{made}")
        browser.wait("[data-banner=connection][data-kind=forbidden]", "You may not open a socket of the daemon", within=20)
        assert "jeton web" not in browser.text("[data-banner=connection]")
        os.chmod(d.path("admin"), 0o660)
        browser.wait("[data-live=up]", within=30)
        d.ask(f"revoke id={made}")
        page.go("tokens")
        page.row(made, state="revoked")
        browser.leave()
