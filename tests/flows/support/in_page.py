# SPDX-License-Identifier: Apache-2.0
"""Scripts that browser.py runs in a page: arguments[0] and so on are what they are given, `done` at the end what to answer with.

Those that wait do so in the page, up to a second: asking it anew each time costs more than what is tried."""

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

# The answer is in a list: none is no answer yet.
WAITING = """const end = performance.now() + 1000;
    const visible = (css, text) => [...document.querySelectorAll(css)].find(e => e.checkVisibility({ checkVisibilityCSS: true }) &&
        (text === null || e.innerText.includes(text)));
    const wait = look => {
        const found = look();
        found !== null || performance.now() > end ? done(found) : setTimeout(wait, 20, look);
    };
"""
SHOWN = WAITING + """const [css, text, done] = arguments;
    wait(() => { const e = visible(css, text); return e ? [e.innerText] : null; });"""
GONE = WAITING + """const [css, done] = arguments;
    wait(() => [...document.querySelectorAll(css)].some(e => e.checkVisibility()) ? null : true);"""
# Where the mouse meets the element itself, and nothing that covers it; in a frame, nothing that covers that either.  What comes
# into the page may move it before the mouse is there, or put another one like it in its place, which may be pressed as well; but
# what is taken away between press and release is not clicked.  MISSED tells afterwards.
MET = WAITING + """const [css, text, done] = arguments;
    const within = (view, e) => {
        const box = e.getClientRects()[0], side = (from, to, most) => (Math.max(from, 0) + Math.min(to, most)) / 2;
        return box ? [side(box.left, box.right, view.innerWidth), side(box.top, box.bottom, view.innerHeight)] : null;
    };
    const met = e => {
        let at = within(window, e);
        for (let view = window; at && e.contains(view.document.elementFromPoint(...at)); view = view.parent) {
            e = view.frameElement;
            if (e === null)
                return at;
            const { left, top } = e.getBoundingClientRect();
            at = [at[0] + left + e.clientLeft, at[1] + top + e.clientTop];
        }
        return null;
    };
    const scrolled = e => (e.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" }), e);
    wait(() => {
        const e = visible(css, text), at = e ? met(e) ?? met(scrolled(e)) : null;
        if (at !== null) {
            const hit = target => (e.isConnected ? e : visible(css, text))?.contains(target) ?? false;
            window.__missed = true;
            addEventListener("mousedown", ({ target }) => {
                window.__missed = !hit(target);
                addEventListener("mouseup", () => { window.__missed ||= !target.isConnected; }, { capture: true, once: true });
            }, { capture: true, once: true });
        }
        return at;
    });"""
MISSED = "arguments[0](window.__missed === true)"       # not in another document, to which the click has led
# Where what is typed goes into the field, in the place of all that is in it.
ENTERED = WAITING + """const [css, done] = arguments;
    wait(() => {
        const e = visible(css, null);
        if (!e || e.disabled || e.readOnly)
            return null;
        e.focus();
        if (document.activeElement !== e)
            return null;
        e.select();
        return true;
    });"""
SETTLED = """const done = arguments[0], look = () => !document.querySelector("[aria-busy=true]") &&
    document.getAnimations().every(a => a.playState !== "running") ? done(true) : requestAnimationFrame(look);
    look();"""


def at_once(script):
    """Return the function that runs it."""
    return f"function () {{ {script}\n}}"


def later(script):
    """Return the function that runs it, and waits until it calls its last argument with an answer."""
    return f"function (...given) {{ return new Promise(done => {{ (function () {{ {script}\n}}).apply(null, [...given, done]); }}); }}"
