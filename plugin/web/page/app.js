// SPDX-License-Identifier: Apache-2.0
/*
 * The shell: header, navigation, banner, and the views in between. A route names a view and its
 * filters, `#/tokens?state=active`, `#/token/ID`; never a value, nor what was typed into a search.
 *
 * What a view gets: mount(root, app, params) → { unmount(), update?(params) }. params: { id?, …query }.
 */

import { changes } from "./changes.js";
import { denialsBanners } from "./denials.js";
import { confirm } from "./dialog.js";
import { h, replace } from "./dom.js";
import { lossText } from "./failure.js";
import { parseRoute, routeTo } from "./route.js";
import { statsFeed } from "./stats_feed.js";
import { text } from "./strings.js";
import { toasts } from "./toast.js";
import * as viewAudit from "./view_audit.js";
import * as viewHealth from "./view_health.js";
import * as viewToken from "./view_token.js";
import * as viewTokens from "./view_tokens.js";
import * as viewWhose from "./view_whose.js";

// All of them are loaded with the page: a program that is fetched later could be that of another server,
// which has taken the address meanwhile.
const VIEWS = {
    tokens: { module: viewTokens },
    token: { module: viewToken, under: "tokens" },
    whose: { module: viewWhose },
    audit: { module: viewAudit, verb: "journal" },
    health: { module: viewHealth, verb: "stats" },
};
const POLICY_MS = 30000;

/** What to show for a hash; an unknown one is the list of tokens. */
function find(hash) {
    const { view, params } = parseRoute(hash);
    return Object.hasOwn(VIEWS, view) && (view !== "token" || params.id) ? { view, params } : { view: "tokens", params: {} };
}

function header(app) {
    const names = { tokens: app.role === "self" ? text.shell.mine : text.shell.tokens, audit: text.shell.audit, whose: text.shell.whose, health: text.shell.health };
    const links = ["tokens", "whose", "audit", "health"].filter(view => !VIEWS[view].verb || app.client.may(VIEWS[view].verb))
        .map(view => h("a", { href: routeTo(view), class: "nav-link", "data-nav": view }, names[view]));
    const live = h("span", { class: "live", "data-live": "up" }, h("span", { class: "live-dot", "aria-hidden": "true" }), h("span", { class: "live-text" }, text.shell.live));
    const node = h("header", { class: "page-header" },
        h("div", { class: "page-title" },
            h("p", { class: "crumb" }, text.shell.settings, h("span", { "aria-hidden": "true" }, " \u203a")),
            h("h1", null, text.shell.title),
            h("span", { class: "role", "data-role": app.role, title: text.shell.roleHint[app.role] ?? "" }, text.shell.role[app.role] ?? app.role), live),
        h("nav", { class: "nav", "aria-label": text.shell.navigation }, links));

    return {
        node,
        setView(view) {
            for (const link of links)
                link.dataset.nav === (VIEWS[view].under ?? view) ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
        },
        setState(state) {
            live.dataset.live = state;
            live.lastChild.textContent = state === "up" ? text.shell.live : text.shell.offline;
        },
    };
}

function banner(client) {
    const message = h("span");
    const node = h("div", { class: "banner banner-danger", role: "alert", hidden: true, "data-banner": "connection" }, h("strong", null, text.shell.lostTitle), " ", message);
    return {
        node,
        show(error) {
            message.textContent = lossText(error, client.transport);
            node.dataset.kind = error?.kind ?? "lost";
            node.hidden = false;
        },
        hide() { node.hidden = true; },
    };
}

/** A policy cache: rows of `policy`, or none where the socket does not grant it. */
function policyCache(client) {
    let rows = [], until = 0;
    return async () => {
        if (client.may("policy") && performance.now() >= until) {
            rows = (await client.request("policy")).rows;
            until = performance.now() + POLICY_MS;
        }
        return rows;
    };
}

/** Mounts the view that the hash names, and takes away the one before. */
function router(app, main, top) {
    let current = null;

    function go() {
        const { view, params } = find(location.hash);
        top.setView(view);
        document.title = text.shell.documentTitle(text.shell[view === "token" ? "token" : view]);
        if (current?.view === view && current.mounted.update)
            return current.mounted.update(params);
        const first = current === null;
        current?.mounted.unmount();
        const root = h("div", { class: `view view-${view}`, "data-view": view });
        replace(main, root);
        current = { view, mounted: VIEWS[view].module.mount(root, app, params) ?? { unmount() {} } };
        if (!first)
            (root.querySelector("[data-focus]") ?? main).focus({ preventScroll: true });
        window.scrollTo(0, 0);
    }
    addEventListener("hashchange", go);
    return go;
}

/** Start the page in root, with a client whose hello() has been answered. */
export function start(root, client, hello) {
    const notes = toasts();
    const live = h("div", { class: "visually-hidden", "aria-live": "polite", role: "status", "data-announce": "" });
    const main = h("main", { id: "main", tabindex: "-1" });
    const app = {
        client, text, hello, confirm,
        role: hello.role,
        policies: policyCache(client),
        stats: statsFeed(client),
        toast: notes.show,
        kept: {}, // what views keep while they are away: in memory alone
        navigate(route) { location.hash = route; },
        announce(message) { live.textContent = ""; setTimeout(() => { live.textContent = message; }, 50); },
    };
    const top = header(app), lost = banner(client);

    app.onChange = changes(client).onChange;
    client.onState((state, error) => {
        top.setState(state);
        state === "up" ? lost.hide() : lost.show(error);
        app.announce(state === "up" ? text.shell.back : text.shell.lostTitle);
    });
    replace(root, h("a", { href: "#main", class: "skip-link", onclick: event => { event.preventDefault(); main.focus(); } }, text.shell.skip),
        top.node, lost.node, denialsBanners(app.stats, app.announce), main, notes.region, live);
    router(app, main, top)();
    return app;
}
