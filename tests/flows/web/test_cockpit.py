# SPDX-License-Identifier: Apache-2.0
"""The page in the real Cockpit: who acts, through which socket, and what Cockpit lets it do."""
import os
import re
import urllib.request

import pytest

from cockpit import PACKAGE, SHELL, Cockpit, need_cockpit
from documents import examples
from settings import ROOT
from waiting import eventually

ANN, BOB = 62001, 62002
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
    own = f" {cockpit.url}"             # Cockpit adds its own address to 'self'
    sent = dict((directive.strip().replace(own, "") + " ").split(" ", 1) for directive in headers["Content-Security-Policy"].split(";"))
    sent.pop("block-all-mixed-content")
    assert {name: value.strip() for name, value in sent.items()} == POLICY


def test_the_login_page_of_the_manuals_example_offers_no_other_host(daemon):
    need_cockpit()
    [example] = [one for one in examples(MANUAL) if "[WebService]" in one.text]
    for config, offers in ((example.text, "false"), ("[WebService]\nLoginTo = true\n", "true")):
        with Cockpit(daemon().directory, users={"ann": ANN}, config=config) as cockpit:
            _, login = get(cockpit.url)
        assert re.search(r'"connect":\s*(\w+)', login)[1] == offers


@pytest.mark.parametrize("role, shown", [("admin", "Administrator"), ("self", "Your own tokens"), ("observe", "Read only")])
def test_user_who_logged_in_acts_and_has_the_socket_that_they_may_open(browser, daemon, role, shown):
    need_cockpit()
    d = daemon("self.scopes=imap", roles=("admin", "observe", "verify", "self"))
    os.chmod(d.path("self"), 0o600)     # for everybody otherwise
    opened_to(d, role, ANN)
    with Cockpit(d.directory, users={"ann": ANN}) as cockpit:
        cockpit.log_in(browser, "ann")
        browser.wait("header .role", shown)
        if role == "observe":
            assert not browser.all("[data-action=create]")


def test_page_is_in_the_menu_of_cockpits_shell(browser, daemon):
    need_cockpit((SHELL, "cockpit-system"))
    d = daemon()
    opened_to(d, "admin", ANN)
    with Cockpit(d.directory, users={"ann": ANN}) as cockpit:
        cockpit.log_in(browser, "ann", path="/")
        browser.click("nav a[href='/jeton']", "API Access Tokens", within=20)
        browser.in_frame("iframe[name='cockpit1:localhost/jeton']")
        browser.wait("header .role", "Administrator")
        browser.screenshot("cockpit-shell")
