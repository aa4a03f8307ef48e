# SPDX-License-Identifier: Apache-2.0
"""The daemon, the server or the session goes away: the page says so, comes back by itself, and keeps what was typed."""
import contextlib
import hashlib
import http.server
import threading

from web import Web
from web_page import Page

TYPED = "half a descrip"


def test_lost_daemon_comes_back_and_nothing_typed_is_lost(site):
    page, browser = site()
    browser.expect("Failed to load resource")
    d = page.daemon
    page.open()
    page.begin_create(description=TYPED, scopes=["deploy"])
    d.stop()
    browser.wait("[data-banner=connection]", "kept", within=20)
    browser.wait("[data-live=lost]")
    browser.click("[data-form=create] [data-action=submit]")
    browser.wait("[data-name=form-error]:not([hidden])")
    d.start()
    browser.gone("[data-banner=connection]", within=30)
    browser.wait("[data-live=up]")
    browser.wait("[data-form=create] [data-action=submit]:enabled")
    made, value = page.submit()
    assert page.copy() == value
    page.ok()
    row = page.row(made, description=TYPED)
    assert row["scopes"] == "deploy"
    other = d.create(description="made afterwards")["id"]
    page.row(other)


def test_page_that_is_opened_before_the_daemon_starts_when_it_does(http_site):
    page, browser = http_site()
    browser.expect("Failed to load resource")
    page.daemon.stop()
    browser.open(page.server.link)
    browser.wait("[data-banner=start]", "jetond does not answer")
    page.daemon.start()
    page.loaded()
    browser.wait("[data-empty=all]")


def test_reload_keeps_the_session_and_the_address_has_no_secret(http_site):
    page, browser = http_site()
    page.open()
    assert browser.run("return location.href") == page.server.origin + "/" or \
        browser.run("return location.href").startswith(page.server.origin + "/#/")
    assert browser.where(page.server.secret) == ["request", "sessionStorage", "setItem"]
    assert page.server.secret not in "".join(
        event["request"]["url"] + event["request"].get("urlFragment", "").replace(f"#{page.server.secret}", "")
        for event in browser.tools.of(browser.session, "Network.requestWillBeSent"))
    browser.reload()
    page.loaded()
    browser.wait("[data-empty=all]")


def test_another_tab_has_no_session_without_the_link(http_site):
    page, browser = http_site()
    page.open()
    browser.new_page()
    browser.open(page.server.origin + "/")
    browser.wait("[data-banner=start][data-kind=unauthorized]")
    assert not browser.all("[data-view=tokens]")


def test_ended_session_says_so_and_a_new_server_on_the_port_does_not_take_the_old_secret(browser, daemon):
    browser.expect("Failed to load resource")
    d = daemon()
    with Web(d.path()) as first:
        page = Page(browser, first, d).open()
        page.begin_create(description=TYPED)
    browser.wait("[data-banner=connection]")
    with Web(d.path(), "--listen", f"127.0.0.1:{first.port}") as second:
        assert second.secret != first.secret
        browser.wait("[data-banner=connection][data-kind=unauthorized]", "ended", within=30)
        assert browser.run("return document.querySelector('[data-field=description] input').value") == TYPED
        browser.leave()


@contextlib.contextmanager
def impostor(port, proof):
    """Take a port, and answer as jeton-web and jetond would, as far as somebody can who has heard one proof.  Yields the
    requests that come."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            seen.append((self.requestline, str(self.headers), self.rfile.read(int(self.headers.get("Content-Length") or 0))))
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "application/octet-stream")
            self.end_headers()
            self.wfile.write({"/proof": proof.encode() + b"\n", "/exchange": b"OK\nOK\n"}.get(self.path, b"document.title = 'taken';"))

        do_GET = do_POST = answer

        def log_message(self, *_):
            pass
    seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()


def test_impostor_on_the_port_after_the_end_gets_neither_secret_nor_lines(browser, daemon):
    browser.expect("Failed to load resource")
    d = daemon()
    made = d.create(description="to be looked for")
    with Web(d.path()) as w:
        page = Page(browser, w, d).open()
        page.go("whose")
        browser.type("[data-field=value]", made["token"] + "\n")
        browser.wait("[data-kind=found]")
        old = w.prove("ab" * 32)
        assert old == hashlib.blake2b(f"{w.secret}{'ab' * 32}".encode(), digest_size=32, person=b"jeton web proof").hexdigest()
    with impostor(w.port, old) as seen:
        browser.wait("[data-banner=connection][data-kind=unauthorized]", "Something else answers", within=30)
        count = len(seen)
        browser.click("[data-kind=found] [data-action=revoke]")
        browser.click("dialog [data-action=confirm]")
        browser.wait("dialog .form-error:not([hidden])", "Something else answers")
        browser.click("dialog [data-action=cancel]")
        for view in "audit", "health", "tokens":      # none of these has been opened before
            page.go(view)
        browser.wait("[data-banner=connection]", "Something else answers")
        assert len(seen) == count and count > 0, "it stays lost, and loads nothing"
        assert {line for line, _, _ in seen} == {"POST /proof HTTP/1.1"}
        assert not any(w.secret in fields or body for _, fields, body in seen)
        assert browser.run("return sessionStorage.length") == 0, "nor can a page of his read it"
        assert d.list()[0]["state"] == "active"
        browser.leave()


def test_page_that_waits_long_for_its_daemon_asks_no_more_often(http_site):
    page, browser = http_site()
    browser.expect("Failed to load resource")
    page.daemon.stop()
    browser.open(page.server.link)
    for _ in range(20):
        browser.wait("[data-banner=start]", "jetond does not answer")
        browser.wait("[data-action=retry]:enabled")
        browser.run("const retry = document.querySelector('[data-action=retry]'); retry.click(); retry.click()")
    page.daemon.start()
    page.loaded()
    browser.wait("[data-empty=all]")
    browser.ask("setTimeout(arguments[0], 2500)")           # what failed is tried again after two seconds
    sent = [event["request"].get("postData", "") for event in browser.tools.of(browser.session, "Network.requestWillBeSent")
            if event["request"]["url"].endswith("/exchange")]
    assert sum("hello" in lines for lines in sent) >= 20
    assert sum(lines.startswith("watch") for lines in sent) == 1, "one page runs, however often it was begun"
    assert sum(lines.startswith("ping") for lines in sent) < 10, "one client looks for it, however often it was tried"
