# SPDX-License-Identifier: Apache-2.0
"""The page in Firefox, which is stricter in places: it sends another Origin, and runs another engine's modules."""
import pytest

from firefox import Firefox, need_firefox
from web_page import jeton_web


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_token_is_created_seen_and_revoked_in_firefox(daemon):
    need_firefox()
    d = daemon()
    other = d.create(description="made elsewhere", subject="ann")
    with jeton_web(d.path()) as server, Firefox() as browser:
        browser.open(server.link)
        browser.text(f"tr[data-id='{other['id']}']", "made elsewhere")
        browser.click("[data-action=create]")
        browser.type("[data-field=description] input", "from firefox")
        browser.type("[data-field=scope-input]", "deploy,")
        browser.click("[data-form=create] [data-action=submit]")
        value = browser.text("[data-name=value]", "jtn_")
        assert d.verify(value) == "OK"
        browser.click("[data-action=copy-value]")
        browser.text(".copy-status", "Copied")
        browser.click("[data-pane=value] [data-action=ok]")
        made = d.done("list match=firefox").lines[0]
        assert (made["description"], made["scopes"]) == ("from firefox", "deploy")
        assert value not in browser.run("return document.documentElement.outerHTML + location.href + JSON.stringify({ ...sessionStorage })")
        browser.click(f"tr[data-id='{made['id']}'] [data-action=revoke]")
        browser.click("dialog[data-dialog=revoke] [data-action=confirm]")
        browser.text(f"tr[data-id='{made['id']}']", "Revoked")
        assert d.verify(value) == "NO revoked"
        d.done(f"disable id={other['id']}")
        browser.text(f"tr[data-id='{other['id']}']", "Disabled")
        for view, shown in (("whose", "[data-field=value]"), ("audit", "[data-table=audit] tbody tr"), ("health", "[data-tile=verified]")):
            browser.click(f"[data-nav={view}]")
            browser.element(shown)
