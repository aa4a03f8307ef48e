# SPDX-License-Identifier: Apache-2.0
"""Use the page over a million tokens in Chromium, and print what it takes, as JSON.  It is run by Debian's Python, which has
pytest.

    in_browser.py SOCKET"""
import contextlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in "pytest_plugins", "flows/support":
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))

import browsers

TIMES = 7
PAGES = 20
SEARCHED = "svc-0042", "svc-0137", "svc-0815"
# Counts from the beginning of the navigation, in the page: nothing of DevTools is measured.
FIRST_ROW = """new MutationObserver((_, observer) => {
    if (document.querySelector("tbody tr[data-id]")) {
        observer.disconnect();
        requestAnimationFrame(() => { window.__first = performance.now(); });
    }
}).observe(document, { childList: true, subtree: true });"""
UNTIL = """const [action, wanted, done] = arguments, begin = performance.now();
    const rows = () => [...document.querySelectorAll("tbody tr")].map(row => row.innerText), before = rows().join();
    new Function(action)();
    const look = () => rows().join() !== before && !document.querySelector("[aria-busy=true]") && rows().every(row => row.includes(wanted))
        ? done(performance.now() - begin) : requestAnimationFrame(look);
    look();"""
SEARCH = "const s = document.querySelector('[data-field=search]'); s.value = '%s'; s.dispatchEvent(new Event('input', {bubbles: true}));"


def proportional(pid):
    """Return the memory of a process in bytes, with its share of what others have as well."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024
    return 0


def memory(browser):
    """Return the memory of the page's process, and of the whole browser."""
    processes = browser.tools.call("SystemInfo.getProcessInfo")["processInfo"]
    each = {one["id"]: proportional(one["id"]) for one in processes}
    return max(each[one["id"]] for one in processes if one["type"] == "renderer"), sum(each.values())


def until(browser, action, wanted=""):
    return browser.ask(UNTIL, action, wanted) / 1e3


def first_rows(browser, page):
    """Return the seconds until the first row is painted, of several navigations."""
    browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=FIRST_ROW)
    page.open()
    found = []
    for _ in range(TIMES):
        browser.reload()
        browser.wait("tbody tr", within=30)
        found.append(browser.run("return window.__first") / 1e3)
    return found


def turn_pages(browser):
    """Return the seconds that each of the next pages takes."""
    return [until(browser, "document.querySelector('[data-action=next-page]').click()") for _ in range(PAGES)]


def measure_times(browser, page, _):
    result = {"first": first_rows(browser, page)}
    result["filtered"] = [until(browser, SEARCH % text, text) for text in SEARCHED]
    until(browser, SEARCH % "")
    result["next"] = turn_pages(browser)
    return result


def measure_memory(browser, page, server):
    """Of a page that is loaded once, as people do: what loads before have left, is not its own."""
    page.open()
    browser.wait("tbody tr", within=30)
    turn_pages(browser)
    most, _ = memory(browser)
    browser.cdp("HeapProfiler.collectGarbage")      # which the browser does when it has time
    used, whole = memory(browser)
    return {"page": used, "most": most, "browser": whole, "server": proportional(server.process.pid)}


def main(socket):
    if (package := browsers.missing()) is not None:
        return {"missing": package}
    from browser import Browser
    from web_page import Page, jeton_web
    keeper = browsers.Keeper()
    os.environ[browsers.BROWSER] = keeper.address
    try:
        result = {}
        with jeton_web(socket) as server:
            for measure in measure_times, measure_memory:
                with Browser() as browser:
                    result |= measure(browser, Page(browser, server, None), server)
                    browser.leave()
        return result
    finally:
        keeper.end()


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
