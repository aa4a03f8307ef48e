# SPDX-License-Identifier: Apache-2.0
"""Each view in both schemes, on a wide screen and on a narrow one: axe-core finds nothing, nothing is cut off, and
pictures are kept in build/screenshots."""
import itertools
import os

import pytest

from png import size_of
from settings import ROOT
from web_looks import AXE, WIDTHS, cut_off, look_at
from web_page import Page, jeton_web
from web_sample import sample

PICTURE = os.path.join(ROOT, "plugin", "web", "tokens.png")
SIZE = (1360, 760)
EXTREMES = 360, 3840


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


@pytest.mark.slow
def test_every_view_is_accessible_and_fits(browser, daemon):
    d, made = sample(daemon)
    faults = []
    with jeton_web(d.path()) as server:
        page = Page(browser, server, d).open()
        for name, show in VIEWS.items():
            show(page, made)
            for width, scheme in itertools.product(WIDTHS, ("light", "dark")):
                faults += look_at(browser, name, scheme, width)
            for width in EXTREMES:
                browser.size(width, 1000)
                faults += cut_off(browser, name, width)
            browser.size(1400, 900)
            page.close_dialogs()
        browser.leave()
    assert not faults, "\n".join(faults[:20])
    if not os.path.exists(AXE):
        pytest.skip("axe-core is not fetched (make deps-programs)")


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


def test_nothing_moves_for_those_who_asked_for_that(http_site):
    page, browser = http_site()
    browser.scheme("light", motion="reduce")
    page.open()
    moving = "return document.getAnimations().filter(a => a.effect.getComputedTiming().duration > 10).length"
    page.begin_create(description="still")
    assert browser.run(moving) == 0
    page.submit()
    page.copy()
    page.ok()
    assert browser.run(moving) == 0
