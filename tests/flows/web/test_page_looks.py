# SPDX-License-Identifier: Apache-2.0
"""Each view in both schemes, on a wide screen and on a narrow one: axe-core finds nothing, nothing is cut off, and
pictures are kept in build/screenshots."""
import os

import pytest

from png import size_of
from settings import ROOT
from web_page import Page, jeton_web
from web_sample import sample

AXE = os.path.join(ROOT, "build", "axe", "axe.min.js")
PICTURE = os.path.join(ROOT, "plugin", "web", "tokens.png")
SIZE = (1360, 760)
WIDTHS = {1400: 900, 400: 800}
# Cut off to the right: wider than the screen, and not in a part that scrolls.
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


def value_shown(page, made):
    page.go("tokens")
    page.begin_create(description="a new one", subject="ci", scopes=["deploy"])
    page.submit()


def create_shown(page, made):
    page.go("tokens")
    page.begin_create(description="a new one", scopes=["deploy", "read"])


VIEWS = {
    "tokens": lambda page, made: page.go("tokens"),
    "expiring": lambda page, made: page.go("tokens?view=expiring", "tokens"),
    "token": lambda page, made: page.go(f"token/{made['nightly backup']}"),
    "create": create_shown,
    "value": value_shown,
    "whose": lambda page, made: page.go("whose"),
    "audit": lambda page, made: page.go("audit"),
    "health": lambda page, made: page.go("health"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_accessible_and_fits(browser, daemon, scheme):
    d, made = sample(daemon)
    faults = []
    with jeton_web(d.path()) as server:
        page = Page(browser, server, d)
        browser.scheme(scheme)
        page.open()
        for name, show in VIEWS.items():
            show(page, made)
            browser.wait("main")
            browser.settled()
            for width, height in WIDTHS.items():
                browser.size(width, height)
                browser.screenshot(f"{name}-{scheme}-{width}")
                if (over := browser.run(OVERFLOW)) > 0:
                    faults.append(f"{name} at {width}: {over} pixels are cut off")
                if os.path.exists(AXE) and (width > 1000 or scheme == "light"):
                    faults += [f"{name} at {width}: {fault}" for fault in browser.faults_of_accessibility()]
            browser.size(1400, 900)
            page.close_dialogs()
        browser.leave()
    assert not faults, "\n".join(faults)


def test_picture_in_the_readme_is_one_of_this_page(browser, daemon):
    """It is taken here, and put there by `make picture`."""
    d, _ = sample(daemon)
    with jeton_web(d.path()) as server:
        page = Page(browser, server, d)
        browser.scheme("light")
        browser.size(*SIZE)
        page.open()
        browser.wait("tbody tr")
        browser.settled()
        taken = browser.screenshot("readme")
        browser.leave()
    assert size_of(taken) == size_of(PICTURE) == SIZE
    assert os.path.getsize(PICTURE) <= 150 * 1024
