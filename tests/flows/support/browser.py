# SPDX-License-Identifier: Apache-2.0
"""A context of its own in the browser of pytest_plugins/browsers.py, and what was wrong in its pages.

Violations of the content security policy, uncaught exceptions, messages on the console and requests to anybody but the
page's own server are collected; any that the test has not expected are a failure at its end."""
import base64
import contextlib
import json
import os
import re

import in_page
import keys
from browsers import BROWSER
from devtools import DevTools, Failed
from heap import Heap
from settings import ROOT
from waiting import eventually

SCREENSHOTS = os.path.join(ROOT, "build", "screenshots")
AXE = os.path.join(ROOT, "build", "axe", "axe.min.js")
NOT_OURS = re.compile(r"^(data|blob|about|chrome|devtools):")
NOT_YET = re.compile(r"Cannot find context|uniqueContextId not found")
LEFT = re.compile(r"context was destroyed|navigated or closed|Promise was collected")


def mouse(kind, x, y, **more):
    return "Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y} | more


def pressed_at(x, y):
    return [mouse("mouseMoved", x, y), mouse("mousePressed", x, y, button="left", clickCount=1)]


def released_at(x, y):
    return mouse("mouseReleased", x, y, button="left", clickCount=1)


class Browser:
    """One page at a time in a context without storage, cookies or cache of others.  Leaving `with` fails if a page
    did what it must not."""

    def __init__(self):
        self.tools = DevTools(os.environ[BROWSER])
        self.expected = []
        self.origins = set()
        self.sessions = []
        self.found = []

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
        """Open another page of the same context, and go on with it."""
        self.target = self.frame = self.tools.call("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = self.tools.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        self.sessions.append(self.session)
        self.cdp_all([(f"{domain}.enable", {}) for domain in ("Page", "Runtime", "Log", "Network", "Audits")] + [
            ("Page.setLifecycleEventsEnabled", {"enabled": True}),
            ("Page.addScriptToEvaluateOnNewDocument", {"source": in_page.SPY}),
            ("Emulation.setFocusEmulationEnabled", {"enabled": True})])
        self.size(1200, 800)
        self.scheme("light", motion="reduce")

    def cdp(self, method, **parameters):
        return self.tools.call(method, self.session, **parameters)

    def cdp_all(self, calls):
        """Ask for several things, one after the other, and wait for all of them."""
        sent = [(self.tools.send(method, self.session, **parameters), method) for method, parameters in calls]
        for number, method in sent:
            self.tools.result(number, method)

    # -- what a person does ----------------------------------------------------------------------

    def open(self, url):
        """Go to an address, and wait until the page is loaded."""
        self.origins.add("/".join(url.split("/")[:3]))
        self.frame = self.target
        begun = self.cdp("Page.navigate", url=url)
        if "errorText" in begun:
            raise Failed(f"{url}: {begun['errorText']}")
        self.loaded(begun.get("loaderId"))

    def reload(self):
        self.frame, before = self.target, len(self.tools.events)
        self.cdp("Page.reload")
        event = self.tools.event(self.session, "Page.frameNavigated", lambda one: one["frame"]["id"] == self.target, before)
        self.loaded(event["frame"]["loaderId"])

    def loaded(self, loader):
        if loader is not None:          # another document
            self.tools.event(self.session, "Page.lifecycleEvent", lambda one: (one["loaderId"], one["name"]) == (loader, "load"), 0)

    def all(self, css):
        """Return the texts of all such elements, also of those that cannot be seen."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", css)

    def wait(self, css, text=None, within=10):
        """Wait for an element that can be seen, and whose text contains this."""
        self.text(css, text, within)

    def text(self, css, text=None, within=10):
        """Wait for an element likewise; return its whole text."""
        return self.found_in_page(in_page.SHOWN, css, text, within)[0]

    def gone(self, css, within=10):
        """Wait until no such element can be seen."""
        eventually(lambda: self.ask(in_page.GONE, css), f"{css} is gone", within, every=0.05)

    def found_in_page(self, script, css, text, within):
        try:
            return eventually(lambda: self.ask(script, css, text), f"{css} {text or ''}", within, every=0.05)
        except AssertionError as late:
            raise AssertionError(f"{late}; the page has: {self.body()[:3000]}") from None

    def body(self):
        return self.run("return document.body ? document.body.innerText : ''")

    def click(self, css, text=None, within=10):
        """Click as a mouse does: it fails where something covers the element."""
        def hit():
            at = self.found_in_page(in_page.MET, css, text, within)
            self.cdp_all([*pressed_at(*at), released_at(*at)])
            return not self.ask(in_page.MISSED)
        eventually(hit, f"{css} {text or ''} is hit", within)

    @contextlib.contextmanager
    def pressed(self, css):
        """Press the mouse there, and release it afterwards."""
        at = self.found_in_page(in_page.MET, css, None, 10)
        self.cdp_all(pressed_at(*at))
        yield
        self.cdp_all([released_at(*at)])

    def type(self, css, text):
        """Type this in a field, in the place of what is in it."""
        eventually(lambda: self.ask(in_page.ENTERED, css), f"{css} can be written in", every=0.05)
        self.keys(text)

    def keys(self, *given):
        """Press keys, wherever the focus is."""
        for text in given:
            self.press(keys.pressed(text))

    def chord(self, modifier, key):
        down, up = keys.pressed(modifier)
        self.press([down | {"modifiers": keys.SHIFTED}, *keys.pressed(key, keys.SHIFTED), up])

    def press(self, events):
        self.cdp_all([("Input.dispatchKeyEvent", event) for event in events])

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
        return self.ask("navigator.clipboard.readText().then(arguments[0], e => arguments[0](String(e)))")

    # -- scripts ---------------------------------------------------------------------------------

    def run(self, script, *arguments):
        return self.call(in_page.at_once(script), arguments)

    def ask(self, script, *arguments):
        """Run what answers later; None if the page was left meanwhile."""
        try:
            return self.call(in_page.later(script), arguments, awaitPromise=True)
        except Failed as fault:
            if not LEFT.search(str(fault)):
                raise
            return None

    def call(self, function, arguments, **how):
        """Call a function in the frame's document, as soon as there is one; return its value."""
        return self.called(function, arguments, returnByValue=True, **how).get("value")

    def called(self, function, arguments, **how):
        def answer():
            context = self.tools.contexts.get((self.session, self.frame))
            try:
                return context and self.cdp("Runtime.callFunctionOn", functionDeclaration=function, uniqueContextId=context,
                                            arguments=[{"value": value} for value in arguments], **how)
            except Failed as fault:
                if not NOT_YET.search(str(fault)):
                    raise
            finally:
                self.tools.take_in()
        done = eventually(answer, "there is a document")
        if "exceptionDetails" in done:
            raise Failed(json.dumps(done["exceptionDetails"])[:1500])
        return done["result"]

    def in_frame(self, css):
        """Go on in the frame that an element has."""
        self.wait(css, within=20)
        found = self.called(in_page.at_once("return document.querySelector(arguments[0])"), [css])
        self.frame = self.cdp("DOM.describeNode", objectId=found["objectId"])["node"]["frameId"]

    # -- what it looks like ------------------------------------------------------------------------

    def size(self, width, height):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name, motion="no-preference"):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name},
                                                         {"name": "prefers-reduced-motion", "value": motion}])

    def settled(self):
        """Wait until nothing is on its way any more: requests of the page's parts, animations."""
        eventually(lambda: self.ask(in_page.SETTLED), "nothing is on its way")

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
        found = self.ask(
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
