# SPDX-License-Identifier: Apache-2.0
"""How a view of the page looks: pictures of it, what is cut off, and what axe-core finds."""
import os

from settings import ROOT

AXE = os.path.join(ROOT, "build", "axe", "axe.min.js")
WIDTHS = {1400: 900, 400: 800}
# Cut off to the right: wider than the screen, and not in a part that scrolls; a strip that a dialog does not cover is as bad.
OVERFLOW = """const { scrollWidth, clientWidth } = document.documentElement;
    const dialogs = [...document.querySelectorAll("dialog[open]")].map(one => one.getBoundingClientRect().right);
    return Math.max(scrollWidth, innerWidth, ...dialogs) - clientWidth"""
OTHERWISE = "tokens", "token", "value", "audit"      # those that a narrow screen shows otherwise, in cards and columns


def cut_off(browser, name, width):
    over = browser.run(OVERFLOW)
    return [f"{name} at {width}: {over} pixels are cut off"] if over > 0 else []


def look_at(browser, name, scheme, width):
    """Take a picture of a view, and return its faults."""
    browser.scheme(scheme, motion="reduce")
    browser.size(width, WIDTHS[width])
    browser.settled()
    browser.screenshot(f"{name}-{scheme}-{width}")
    faults = cut_off(browser, name, width)
    if not os.path.exists(AXE):
        return faults
    rules = ["color-contrast"] if scheme == "dark" else None         # only the colours are others
    if width > 1000 or (scheme == "light" and name in OTHERWISE):
        found = browser.faults_of_accessibility(rules)
        if found:                           # a list that is being read is dimmed, for a moment
            browser.settled()
            found = browser.faults_of_accessibility(rules)
        faults += [f"{name}, {scheme}, at {width}: {fault}" for fault in found]
    return faults
