# SPDX-License-Identifier: Apache-2.0
"""A context of its own in the browser of pytest_plugins/browsers.py, and what was wrong in its pages.

Violations of the content security policy, uncaught exceptions, messages on the console and requests to anybody but the
page's own server are collected; any that the test has not expected are a failure at its end."""
import base64
import json
import os
import re

from selenium.webdriver import ActionChains, ChromeOptions
from selenium.webdriver.chromium.remote_connection import ChromiumRemoteConnection
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.common.exceptions import JavascriptException, WebDriverException

import keys
from browsers import BROWSER
from devtools import DevTools
from heap import Heap
from settings import ROOT
from waiting import eventually

SCREENSHOTS = os.path.join(ROOT, "build", "screenshots")
AXE = os.path.join(ROOT, "build", "axe", "axe.min.js")
NOT_OURS = re.compile(r"^(data|blob|about|chrome|devtools):")
# Before anything of the page: keeps what it writes where a secret must not be.
SPY = """(() => {
    const written = [];
    const keep = (where, what) => written.push([where, String(what)]);
    for (const [owner, name] of [[Storage.prototype, "setItem"], [History.prototype, "pushState"], [History.prototype, "replaceState"],
                                 [IDBObjectStore.prototype, "put"], [IDBObjectStore.prototype, "add"], [window.Cache?.prototype ?? {}, "put"]]) {
        const real = owner[name];
        owner[name] = function (...given) {
            keep(name, JSON.stringify(given));
            return real.apply(this, given);
        };
    }
    for (const [owner, name] of [[Document.prototype, "title"], [Document.prototype, "cookie"]]) {
        const real = Object.getOwnPropertyDescriptor(owner, name);
        Object.defineProperty(owner, name, { ...real, set(value) { keep(name, value); real.set.call(this, value); } });
    }
    Object.defineProperty(window, "__written", { value: written, enumerable: false });
})()"""

# These wait in the page, up to a second: asking it anew each time costs more than what is tried.
SHOWN = """const [css, text, done] = arguments, end = performance.now() + 1000;
    const look = () => {
        const found = [...document.querySelectorAll(css)].find(e => e.checkVisibility({ checkVisibilityCSS: true }) &&
            (text === null || e.innerText.includes(text))) ?? null;
        found !== null || performance.now() > end ? done(found) : setTimeout(look, 20);
    };
    look();"""
# Where the mouse meets the element itself, and nothing that covers it.
MET = """const [css, text, done] = arguments, end = performance.now() + 1000;
    const met = e => {
        const box = e.getClientRects()[0], side = (from, to, most) => (Math.max(from, 0) + Math.min(to, most)) / 2;
        const x = side(box.left, box.right, innerWidth), y = side(box.top, box.bottom, innerHeight);
        return e.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
    };
    const scrolled = e => (e.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" }), e);
    const look = () => {
        const found = [...document.querySelectorAll(css)].find(e => e.checkVisibility({ checkVisibilityCSS: true }) &&
            e.getClientRects().length > 0 && (text === null || e.innerText.includes(text)));
        const at = found ? met(found) ?? met(scrolled(found)) : null;
        at !== null || performance.now() > end ? done(at) : setTimeout(look, 20);
    };
    look();"""
GONE = """const [css, done] = arguments, end = performance.now() + 1000;
    const look = () => {
        const left = [...document.querySelectorAll(css)].some(e => e.checkVisibility());
        !left || performance.now() > end ? done(!left) : setTimeout(look, 20);
    };
    look();"""
SETTLED = """const done = arguments[0], look = () => !document.querySelector("[aria-busy=true]") &&
    document.getAnimations().every(a => a.playState !== "running") ? done() : requestAnimationFrame(look);
    look();"""


class Attached(WebDriver):
    """The session that browsers.py has made."""

    def __init__(self, kept):
        self.kept = kept
        super().__init__(command_executor=ChromiumRemoteConnection(kept["url"], browser_name="chrome", vendor_prefix="goog"), options=ChromeOptions())

    def start_session(self, *_, **__):
        self.session_id, self.caps = self.kept["session"], self.kept["capabilities"]


class Browser:
    """One page at a time in a context without storage, cookies or cache of others.  Leaving `with` fails if a page
    did what it must not."""

    def __init__(self):
        self.driver = Attached(kept := json.loads(os.environ[BROWSER]))
        self.tools = DevTools(kept["capabilities"]["goog:chromeOptions"]["debuggerAddress"])
        self.expected = []
        self.origins = set()
        self.sessions = []
        self.found = []
        self.framed = False

    def __enter__(self):
        # What a test before this one left, if it was killed.
        for context in self.tools.call("Target.getBrowserContexts")["browserContextIds"]:
            self.tools.call("Target.disposeBrowserContext", browserContextId=context)
        self.context = self.tools.call("Target.createBrowserContext")["browserContextId"]
        self.tools.call("Browser.grantPermissions", browserContextId=self.context,
                        permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        self.new_page()
        return self

    def __exit__(self, kind, *_):
        self.leave()
        self.tools.close()
        assert kind or not self.found, "\n".join(one[:600] for one in dict.fromkeys(self.found))

    def leave(self):
        """Close all pages.  What happens to them when their server stops, is none of their problems."""
        if self.context is not None:
            self.found = self.problems()
            self.tools.call("Target.disposeBrowserContext", browserContextId=self.context)
            self.context = None

    def new_page(self):
        """Open another page of the same context, and go on with it; return its handle."""
        target = self.tools.call("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = self.tools.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.sessions.append(self.session)
        for domain in "Page", "Runtime", "Log", "Network", "Audits":
            self.cdp(f"{domain}.enable")
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=SPY)
        self.cdp("Emulation.setFocusEmulationEnabled", enabled=True)
        self.driver.switch_to.window(target)
        self.size(1200, 800)
        self.scheme("light", motion="reduce")
        return target

    def cdp(self, method, **parameters):
        return self.tools.call(method, self.session, **parameters)

    # -- what a person does ----------------------------------------------------------------------

    def open(self, url):
        self.origins.add("/".join(url.split("/")[:3]))
        self.driver.get(url)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def wait(self, css, text=None, within=10):
        """Wait for an element that can be seen, and whose text contains this; return it."""
        try:
            return eventually(lambda: self.ask(SHOWN, css, text), f"{css} {text or ''}", within, every=0.05)
        except AssertionError as late:
            raise AssertionError(f"{late}; the page has: {self.body()[:3000]}") from None

    def text(self, css, text=None, within=10):
        """Wait for an element likewise; return its whole text."""
        read = []
        self.act(css, text, within, lambda one: read.append(self.run("return arguments[0].innerText", one)))
        return read[-1]

    def gone(self, css, within=10):
        """Wait until no such element can be seen."""
        eventually(lambda: self.ask(GONE, css), f"{css} is gone", within, every=0.05)

    def body(self):
        return self.run("return document.body ? document.body.innerText : ''")

    def click(self, css, text=None, within=10):
        """Click as a mouse does: it fails where something covers the element."""
        if self.framed:         # the driver knows where a frame is, at ten times the cost
            self.act(css, text, within, lambda one: one.click())
            return
        try:
            x, y = eventually(lambda: self.ask(MET, css, text), f"{css} {text or ''} can be clicked", within, every=0.05)
        except AssertionError as late:
            raise AssertionError(f"{late}; the page has: {self.body()[:3000]}") from None
        for kind, button in ("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left"):
            self.cdp("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=int(button == "left"))

    def type(self, css, text, clear=True):
        def write(one):
            if clear:
                one.clear()
            one.send_keys(text)
        self.act(css, None, 10, write)

    def act(self, css, text, within, what):
        """Do something with an element, which the page may replace at any moment or cover for one."""
        last = None

        def done():
            nonlocal last
            try:
                what(self.wait(css, text, within))
                return True
            except WebDriverException as fault:
                last = fault
                return False
        try:
            eventually(done, f"{css} can be used", within, every=0.05)
        except AssertionError:
            raise last from None

    def keys(self, *given):
        """Press keys, wherever the focus is."""
        for key in given:
            ActionChains(self.driver).send_keys(key).perform()

    def chord(self, modifier, key):
        ActionChains(self.driver).key_down(modifier).send_keys(key).key_up(modifier).perform()

    def tab_to(self, css, most=80, back=False):
        """Press Tab until an element has the focus."""
        for _ in range(most):
            if self.run("return document.activeElement.matches(arguments[0])", css):
                return
            if back:
                self.chord(keys.SHIFT, keys.TAB)
            else:
                self.keys(keys.TAB)
        raise AssertionError(f"Tab does not lead to {css}")

    def clipboard(self):
        return self.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0], e => arguments[0](String(e)))")

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def ask(self, script, *arguments):
        """Run what answers later; None if the page was left meanwhile."""
        try:
            return self.driver.execute_async_script(script, *arguments)
        except JavascriptException as fault:
            if "unload" not in fault.msg:
                raise
            return None

    def in_frame(self, css):
        self.driver.switch_to.frame(self.wait(css, within=20))
        self.framed = True

    # -- what it looks like ------------------------------------------------------------------------

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name, motion="no-preference"):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name},
                                                         {"name": "prefers-reduced-motion", "value": motion}])

    def settled(self):
        """Wait until nothing is on its way any more: requests of the page's parts, animations."""
        self.driver.execute_async_script(SETTLED)

    def screenshot(self, name, clip=None):
        os.makedirs(SCREENSHOTS, exist_ok=True)
        path = f"{SCREENSHOTS}/{name}.png"
        data = self.cdp("Page.captureScreenshot", format="png", **({"clip": clip} if clip else {}))["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
        return path

    def faults_of_accessibility(self, rules=None):
        """Return what axe-core finds, by all rules or by some, a line each.  It adds styles, which the page's policy forbids: that is no fault."""
        before = len(self.tools.events)
        if not self.run("return 'axe' in window"):
            with open(AXE) as file:
                self.run(file.read())
        found = self.driver.execute_async_script(
            "const [rules, done] = arguments; axe.run({resultTypes: ['violations'], preload: false, ...(rules ? {runOnly: rules} : {})})"
            ".then(r => done(r.violations), e => done([{id: String(e), nodes: []}]))", rules)
        del self.tools.events[before:]
        return [f"{one['id']}: {one.get('help')}: {node['target']} {node['html'][:200]} {node.get('failureSummary')}"
                for one in found for node in one["nodes"] or [{"target": "", "html": ""}]]

    # -- what went wrong ---------------------------------------------------------------------------

    def expect(self, pattern):
        """Allow problems that match."""
        self.expected.append(re.compile(pattern))

    def policy_issues(self):
        """Return the violations of content security policies."""
        return [event["issue"]["details"] for session in self.sessions for event in self.tools.of(session, "Audits.issueAdded")
                if event["issue"]["code"] == "ContentSecurityPolicyIssue"]

    def problems(self):
        found = [f"content security policy: {json.dumps(details)}" for details in self.policy_issues()]
        for session in self.sessions:
            for event in self.tools.of(session, "Log.entryAdded"):
                entry = event["entry"]
                found.append(f"log: {entry['level']} {entry['source']} {entry['text']} {entry.get('url')}")
            for event in self.tools.of(session, "Runtime.consoleAPICalled"):
                frames = event.get("stackTrace", {}).get("callFrames") or [{"url": ""}]
                found.append(f"console: {event['type']} {json.dumps(event['args'])} {frames[0]['url']}")
            for event in self.tools.of(session, "Runtime.exceptionThrown"):
                found.append(f"exception: {json.dumps(event['exceptionDetails'])[:1500]}")
            for event in self.tools.of(session, "Network.requestWillBeSent"):
                url = event["request"]["url"]
                if not NOT_OURS.match(url) and "/".join(url.split("/")[:3]) not in self.origins:
                    found.append(f"request to others: {url}")
        return [one for one in found if not any(pattern.search(one) for pattern in self.expected)]

    def where(self, value):
        """Return the places where a value is or was, in which it must not be."""
        places = [(name, text) for name, text in self.run("return window.__written")]
        places += self.run("return [['localStorage', JSON.stringify(Object.entries(localStorage))],"
                           "['sessionStorage', JSON.stringify(Object.entries(sessionStorage))],"
                           "['address', location.href], ['title', document.title], ['cookie', document.cookie],"
                           "['name', window.name], ['state', JSON.stringify(history.state)]]")
        places += [("history", entry["url"] + entry["title"]) for entry in self.cdp("Page.getNavigationHistory")["entries"]]
        for session in self.sessions:
            places += [("request", json.dumps(event["request"]["url"]) + json.dumps(event["request"]["headers"]))
                       for event in self.tools.of(session, "Network.requestWillBeSent")]
            places += [("console", json.dumps(event)) for event in self.tools.of(
                session, "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")]
        return sorted({name for name, text in places if value in text})

    def in_document(self, value):
        """True if the document has the text anywhere: text, attributes, what fields contain."""
        return value in self.run("return document.documentElement.outerHTML + [...document.querySelectorAll('input, textarea, select')]"
                                 ".map(e => e.value).join('\\n')")

    def in_memory(self, value):
        """Return what of the page still holds the text after the garbage was collected, a line each."""
        self.cdp("HeapProfiler.enable")
        self.cdp("HeapProfiler.collectGarbage")
        seen = len(self.tools.of(self.session, "HeapProfiler.addHeapSnapshotChunk"))
        self.cdp("HeapProfiler.takeHeapSnapshot", within=60)
        chunks = self.tools.of(self.session, "HeapProfiler.addHeapSnapshotChunk")[seen:]
        snapshot = "".join(event["chunk"] for event in chunks)
        assert json.dumps(value) == f'"{value}"' and len(snapshot) > 1000
        ways = Heap(snapshot).holders(value) if value in snapshot else []
        return [way for way in ways if "DevTools console" not in way]       # what the test itself was answered
