# SPDX-License-Identifier: Apache-2.0
"""The browser, and the page in it over both transports."""
import contextlib

import pytest

import browsers
from cockpit import Cockpit, need_cockpit
from gateway import Gateway
from web_page import Page


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


@pytest.fixture(params=["cockpit"])
def site(request, browser, daemon):
    """Starts a daemon with the page in front of it, over one transport after the other: site(*settings) returns the
    page, whose .daemon it is, and the browser."""
    with contextlib.ExitStack() as started:
        def start(*settings, role="admin", **more):
            d = daemon(*settings, **more)
            server = serve(request.param, d, role)
            page = Page(browser, started.enter_context(server).page)
            page.daemon, page.server = d, server
            return page, browser
        yield start


def serve(transport, d, role):
    need_cockpit()
    return Cockpit(d.directory)


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
