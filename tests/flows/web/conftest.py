# SPDX-License-Identifier: Apache-2.0
"""The browser, and the page in it over both transports."""
import contextlib

import pytest

import browsers
from cockpit import Cockpit, need_cockpit
from gateway import Gateway
from web import Web
from web_page import Page, jeton_web


@pytest.fixture
def web():
    """Starts jeton-web with the arguments of Web(), in front of a daemon.  Each is stopped at the end, which fails
    unless that goes in good order."""
    with contextlib.ExitStack() as started:
        yield lambda daemon, *arguments, role="admin", **more: started.enter_context(Web(daemon.path(role), *arguments, **more))


@pytest.fixture
def browser(request):
    """A context of its own in Chromium, see support/browser.py."""
    if (package := browsers.missing()) is not None:
        pytest.skip(f"{package} is not installed (make deps-programs)")
    from browser import Browser
    with Browser() as one:
        request.node.browser = one
        yield one


@pytest.fixture
def gateway():
    """Starts gateways with the arguments of Gateway(), see gateway/conftest.py."""
    with contextlib.ExitStack() as started:
        yield lambda *arguments, **more: started.enter_context(Gateway(*arguments, **more))


@pytest.fixture(params=["web", "cockpit"])
def site(request, browser, daemon):
    """Starts a daemon with the page in front of it, over one transport after the other: site(*settings) returns the
    page, whose .daemon it is, and the browser."""
    with contextlib.ExitStack() as started:
        def start(*settings, **more):
            d = daemon(*settings, **more)
            server = started.enter_context(serve(request.param, d))
            return Page(browser, server, d), browser
        yield start
        browser.leave()


def serve(transport, d):
    if transport == "web":
        return jeton_web(d.path())
    need_cockpit()
    return Cockpit(d.directory)


@pytest.fixture
def http_site(browser, daemon):
    """As `site`, but for claims that hold in any transport: over jeton-web only."""
    with contextlib.ExitStack() as started:
        def start(*settings, role="admin", path=None, **more):
            d = daemon(*settings, **more) if path is None else None
            server = started.enter_context(jeton_web(path or d.path(role)))
            return Page(browser, server, d), browser
        yield start
        browser.leave()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    one = getattr(item, "browser", None)
    if call.when == "call" and report.failed and one is not None:
        try:
            picture = one.screenshot(f"failed-{item.name.translate(str.maketrans('/[]', '___'))}")
            report.sections.append(("page", f"{picture}\n" + "\n".join([one.body()[:3000], *one.problems()])))
        except Exception as fault:          # of a browser that is gone
            report.sections.append(("page", f"cannot be shown: {fault}"))
