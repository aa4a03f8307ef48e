# SPDX-License-Identifier: Apache-2.0
"""The fixture of the browser."""
import pytest

import browsers

FAILED = "browser's picture"


@pytest.fixture
def browser(request):
    """A context of its own in Chromium, see support/browser.py."""
    if (package := browsers.missing()) is not None:
        pytest.skip(f"{package} is not installed (make deps-programs)")
    from browser import Browser
    with Browser() as one:
        request.node.browser = one
        yield one


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
