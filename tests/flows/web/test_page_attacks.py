# SPDX-License-Identifier: Apache-2.0
"""Attacks on who uses the page: through the texts of others, through other pages, through names of this machine, and
by a daemon that is none.  What the browser blocks or reports is a failure at the end of each test by itself."""
import contextlib
import http.server
import threading

import pytest

from client import quote
from cockpit import Cockpit, need_cockpit
from hostile_daemon import SCRIPT, Fake, unharmed

HOSTILE = {
    "markup": f"{SCRIPT}<b>bold</b>&amp;<!--",
    "attribute": "\" onmouseover=\"window.attacked=1\" x='",
    "address": "javascript:window.attacked=1",
    "template": "{{constructor.constructor('window.attacked=1')()}}${7*7}",
    "right to left": "safe \u202egnp.exe\u202c \u2066x\u2069 \u200f\u061c end",
    "control": "a\x01b\x1b[31mred\x07\x7f\x85\u2028line",
    "invisible": "admin\u200b\ufeff\u00ad\u3164",
    "long": "W" * 900,
}


def test_texts_of_strangers_are_shown_as_text_and_hide_nothing(http_site):
    page, browser = http_site()
    d = page.daemon
    made = {}
    for name, text in HOSTILE.items():
        subject = text if name != "control" else "ann"          # a subject has none
        made[name] = d.done(f"create description={quote(text)} subject={quote(subject[:200])}")["id"]
    page.open()
    page.row(made["long"])
    rows = {row["id"]: row for row in page.rows()}
    assert HOSTILE["markup"] in rows[made["markup"]]["description"]
    assert "\u27e8U+202E\u27e9" in rows[made["right to left"]]["description"]
    assert "\u27e8U+0001\u27e9" in rows[made["control"]]["description"]
    unharmed(browser)
    for name in HOSTILE:
        page.go(f"token/{made[name]}")
        browser.wait("[data-claim=description]")
        unharmed(browser)
    page.go("tokens")
    page.row(made["markup"])
    browser.click(f"tr[data-id='{made['markup']}'] [data-action=revoke]")
    assert HOSTILE["markup"] in browser.text("[data-dialog=revoke]")
    unharmed(browser)
    page.close_dialogs()
    page.go("audit")
    browser.wait("[data-view=audit]", "U+202E")
    unharmed(browser)


def test_what_the_daemon_says_in_an_error_is_shown_as_text(http_site):
    fake = Fake()
    page, browser = http_site(path=fake.path)
    fake.answers["list"] = f"ERR unavailable message={quote(SCRIPT)}\n"
    page.open()
    browser.wait(".form-error", "<script>window.attacked=1</script>")
    unharmed(browser)


ROW = '* id=7976c1770b139b2cf9d2 state=active created=2026-11-24T05:51:41Z by=uid:0 description="x"\n'
LIES = {
    "list": {
        "markup in every field": f"* id={quote(SCRIPT)} state={quote(SCRIPT)} created={quote(SCRIPT)} expires={quote(SCRIPT)} used={quote(SCRIPT)} "
                                 f"scopes={quote(SCRIPT)} subject={quote(SCRIPT)} description={quote(SCRIPT)} by={quote(SCRIPT)}\nOK count=1\n",
        "no fields": "* \n*\nOK count=2\n",
        "names of objects": "* __proto__=x constructor=y toString=z id=7976c1770b139b2cf9d2\nOK count=1\n",
        "one identifier twice": ROW + ROW + "OK count=2\n",
        "more rows than wanted": ROW * 150000 + "OK count=150000\n",
        "a line without end": b"* description=\"" + b"x" * 300000,
        "not UTF-8": b"* id=7976c1770b139b2cf9d2 description=\"\xff\xfe\"\nOK count=1\n",
        "zeros": b"\0" * 5000 + b"\nOK\n",
        "HTTP": "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<script>window.attacked=1</script>\n",
        "the end at once": None,
        "half a row": ROW[:30],
        "silly numbers": "* id=7976c1770b139b2cf9d2 state=active created=9999999-99-99T99:99:99Z expires=-1 used=NaN\nOK count=-1 next=::\n",
    },
    "hello": {"another protocol": "OK protocol=999 role=admin\n", "nothing": "\n", "no role": "OK protocol=1 epoch=abcdef0123456789\n",
              "markup": f"OK protocol=1 role={quote(SCRIPT)} prefix={quote(SCRIPT)} version={quote(SCRIPT)}\n"},
    "policy": {"markup": f"* name={quote(SCRIPT)} subject={quote(SCRIPT)} max_ttl={quote(SCRIPT)} require={quote(SCRIPT)} scopes={quote(SCRIPT)}\nOK count=1\n"},
    "watch": {"backwards": "* serial=5 epoch=abcdef0123456789 event=create id=x\n* serial=1 epoch=abcdef0123456789 event=create id=x\n",
              "markup": f"* serial=1 epoch=abcdef0123456789 event={quote(SCRIPT)} id={quote(SCRIPT)} by={quote(SCRIPT)} time={quote(SCRIPT)}\n"},
}


@pytest.mark.parametrize("verb", LIES)
def test_hostile_daemon_gets_no_further_than_a_message(http_site, verb):
    fake = Fake()
    page, browser = http_site(path=fake.path)
    page.open()
    for name, lie in LIES[verb].items():
        fake.answers[verb] = lie
        if verb == "list":
            page.go("whose")
            page.go("tokens")           # which reads the list anew
        else:
            browser.reload()
            browser.wait("main h1, main h2")
        browser.settled()
        unharmed(browser)
        assert browser.run("return document.querySelectorAll('tbody tr').length") <= 100, name
    if verb != "hello":         # the page still does what it is asked to
        browser.click("[data-action=create]")
        browser.wait("[data-form=create]")
        unharmed(browser)


def test_new_value_that_a_hostile_daemon_makes_up_is_shown_as_text(http_site):
    fake = Fake()
    page, browser = http_site(path=fake.path)
    fake.answers["create"] = f"OK id={quote(SCRIPT)} token={quote(SCRIPT)} created=x state=pending activates=y\n"
    page.open()
    page.begin_create(description="x")
    browser.click("[data-form=create] [data-action=submit]")
    browser.wait("[data-pane=value], [data-form=create] [data-name=form-error]:not([hidden])")
    unharmed(browser)


# -- other pages ---------------------------------------------------------------------------------

@contextlib.contextmanager
def foreign_page(text):
    """Serve a page of somebody else; it is another origin."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode() if self.path == "/" else b"")

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def framed(browser, url):
    """True if a page of somebody else can show ours in a frame."""
    with foreign_page(f"<!doctype html><title>x</title><iframe id=f src='{url}'></iframe>") as foreign:
        browser.open(foreign)
        browser.in_frame("#f")
        shows = browser.run("return document.getElementById('app') !== null")
    return shows


def test_page_is_not_framed(http_site):
    page, browser = http_site()
    browser.expect("frame-ancestors|request to others|chrome-error")
    assert not framed(browser, page.server.link)
    assert any("frame-ancestors" in str(issue) for issue in browser.policy_issues())


def test_page_in_cockpit_is_not_framed_by_others(browser, daemon):
    need_cockpit()
    browser.expect("frame-ancestors|X-Frame-Options|request to others|chrome-error")
    with Cockpit(daemon().directory) as cockpit:
        assert not framed(browser, cockpit.link)
        browser.leave()


def test_another_origin_cannot_ask_even_with_the_secret(http_site):
    page, browser = http_site()
    browser.expect("request to others|CORS|Failed to load|net::ERR")
    ask = """const [url, secret, done] = arguments;
        const body = "create description=attack\\nquit\\n";
        const tries = [["cors", {Authorization: `Bearer ${secret}`}], ["no-cors", {}], ["cors", {}], ["cors", {"Content-Type": "text/plain"}]];
        Promise.all(tries.map(([mode, headers]) => fetch(url, {method: "POST", mode, headers, body, credentials: "include"})
            .then(r => r.text().then(text => [r.type, text]), () => "refused"))).then(done)"""
    with foreign_page("<!doctype html><title>x</title>") as foreign:
        browser.open(foreign)
        answers = browser.ask(ask, f"{page.server.origin}/exchange", page.server.secret)
    assert [answer for answer in answers if answer not in ("refused", ["opaque", ""])] == []
    assert page.daemon.list() == []
    page.open()
    browser.wait("[data-empty=all]")


def test_another_name_of_this_machine_serves_nothing(http_site):
    page, browser = http_site()
    browser.expect("Failed to load|request to others|Opener-Policy header has been ignored")
    port = page.server.origin.rsplit(":", 1)[1]
    browser.open(f"http://rebound.test:{port}/#{page.server.secret}")
    assert browser.run("return document.getElementById('app') === null && document.scripts.length === 0")
    ask = """const [secret, done] = arguments;
        fetch("/exchange", {method: "POST", headers: {Authorization: `Bearer ${secret}`}, body: "create description=attack\\nquit\\n"})
            .then(r => r.text().then(text => done([r.status, text])), e => done(String(e)))"""
    answer = browser.ask(ask, page.server.secret)
    assert answer[0] in (403, 421), answer
    assert page.daemon.list() == []
