// SPDX-License-Identifier: Apache-2.0
/* One token: its claims, its use, its history, and all that can be done to it. */

import { identifier } from "./copy.js";
import { clean, h, replace } from "./dom.js";
import { entryItem } from "./entry.js";
import { failureText } from "./failure.js";
import { groupLink, isAbout } from "./fleet.js";
import { icon } from "./icons.js";
import { failureNode } from "./note.js";
import { routeTo } from "./route.js";
import { text } from "./strings.js";
import { changeTokens } from "./token_actions.js";
import { expiry, scopeChips, stateBadge } from "./token_columns.js";
import { refresher } from "./refresher.js";
import { openEdit, openRotate } from "./token_dialogs.js";
import { exact, parseTime, timeNode, untilChange } from "./time.js";

const HISTORY_MOST = 200;
const REFRESH_MS = 400;

const ended = row => row.state === "revoked" || row.state === "expired";

function muted(content) {
    return h("span", { class: "muted" }, content);
}

function list(pairs) {
    return h("dl", { class: "claims" }, pairs.filter(pair => pair && pair[1] !== null).map(([label, value, name]) => [h("dt", null, label), h("dd", { "data-claim": name }, value)]));
}

function when(time, ...who) {
    return time ? h("span", null, timeNode(time), muted([" \u00b7 ", exact(parseTime(time))]), who) : null;
}

function by(row, key) {
    const name = row[`${key}_name`] ?? row[key];
    return name ? h("span", null, muted([" ", text.entry.by, " "]), clean(name)) : "";
}

function tokenLink(id) {
    return id ? h("a", { href: `#/token/${id}` }, h("code", null, id)) : null;
}

function claims(client, row) {
    const words = text.claims;
    const revoked = row.revoked ? when(row.revoked, by(row, "revoked_by")) : null;
    const disabled = row.disabled ? when(row.disabled, by(row, "disabled_by")) : null;
    return list([
        [words.description, row.description ? clean(row.description) : muted(text.tokens.noDescription), "description"],
        [words.subject, row.subject ? clean(row.subject) : muted(words.noSubject), "subject"],
        [words.scopes, row.scopes ? scopeChips(row.scopes) : muted(words.noScopes), "scopes"],
        [words.group, row.group ? groupLink(client, row.group) : client.inFleet ? muted(words.hostAlone) : null, "group"],
        [words.origin, row.origin ? clean(row.origin) : null, "origin"],
        [words.created, when(row.created, by(row, "by")), "created"],
        [words.activates, row.activates ? when(row.activates) : null, "activates"],
        [words.expires, row.expires ? h("span", null, expiry(row), muted([" \u00b7 ", exact(parseTime(row.expires))])) : text.time.never, "expires"],
        [words.revoked, revoked, "revoked"],
        [words.disabled, disabled, "disabled"],
        [words.owner, row.owner ? clean(row.owner) : null, "owner"],
        [words.digest, row.digest_alg ? clean(row.digest_alg) : null, "digest"],
        [words.replaces, tokenLink(row.replaces), "replaces"],
        [words.replacedBy, tokenLink(row.replaced_by), "replaced_by"],
    ]);
}

function use(row) {
    const words = text.use;
    const refused = Number(row.refused ?? 0), reused = Number(row.reused ?? 0);
    return list([
        [words.last, row.used ? when(row.used) : muted(text.tokens.neverUsed), "used"],
        [words.refusals, refused > 0 ? text.tokens.times(refused) : muted(words.noRefusals), "refused"],
        refused > 0 && [words.lastRefusal, when(row.last_refused, h("span", null, muted([" ", words.as, " "]), text.states[row.refused_as]?.toLowerCase() ?? clean(row.refused_as ?? "")), by(row, "refused_by")), "last_refused"],
        reused > 0 && [words.reused, h("span", { class: "warn-text" }, text.tokens.times(reused), row.last_reused ? [", ", timeNode(row.last_reused)] : "", h("p", { class: "field-hint" }, words.reusedHint)), "reused"],
    ]);
}

class TokenView {
    #again = refresher(() => this.load(), REFRESH_MS);
    #abort = null;
    #mark = "";

    constructor(root, app, params) {
        this.app = app;
        this.holder = h("div", { class: "token-holder" });
        replace(root, h("p", { class: "back" }, h("a", { href: app.kept.tokens?.route || "#/tokens", "data-action": "back" }, icon("back"), text.token.back)), this.holder);
        this.heading = h("h2", { tabindex: "-1", "data-focus": "" }, text.shell.loading);
        replace(this.holder, this.heading);
        this.update(params);
        this.stop = app.onChange(entry => this.#noticed(entry));
    }

    update(params) {
        const another = this.id !== undefined && this.id !== params.id;
        this.id = this.app.kept.visited = params.id;
        this.#mark = "";
        this.load().then(() => another && this.heading.focus());
    }

    async load() {
        this.#abort?.abort();
        const { signal } = this.#abort = new AbortController();
        const { client } = this.app;
        try {
            const shown = await client.request("show", { id: this.id }, { signal });
            const history = client.may("journal") ? await this.#history(signal) : null;
            if (signal.aborted)
                return;
            shown.status === "OK" ? this.#show(shown.rows[0], history) : this.#showUnknown(history);
        } catch (error) {
            if (!signal.aborted && !(this.row && client.state !== "up"))
                this.#showFailure(failureText(error));
        }
    }

    /** The last entries about the token, newest first. */
    async #history(signal) {
        const { rows, fields } = await this.app.client.request("journal", { id: this.id, order: "desc", limit: HISTORY_MOST }, { signal });
        return { entries: rows, more: fields.next !== undefined };
    }

    #show(row, history) {
        const mark = JSON.stringify([row, history]);
        if (mark === this.#mark)
            return;
        this.#mark = mark;
        this.row = row;
        clearTimeout(this.again);
        const left = untilChange([row]);
        if (left)
            this.again = setTimeout(() => this.load(), left + 1000);
        const focused = this.holder.contains(document.activeElement) ? document.activeElement.dataset.action ?? "focus" : null;
        this.heading = h("h2", { tabindex: "-1", "data-focus": "" }, row.description ? clean(row.description) : text.tokens.noDescription);
        replace(this.holder,
            h("div", { class: "token-head" }, h("div", { class: "token-title" }, this.heading, h("p", { class: "token-subtitle" }, stateBadge(row.state), identifier(this.app, row.id))),
                this.#actions(row)),
            this.#explanation(row),
            h("div", { class: "token-grid" },
                h("div", { class: "token-column" }, this.#card(text.token.claims, claims(this.app.client, row)), this.#card(text.token.use, use(row))),
                history && this.#card(text.token.history, this.#historyList(history))));
        if (focused)
            (this.holder.querySelector(`[data-action="${focused}"]`) ?? this.heading).focus();
    }

    #card(title, content) {
        return h("section", { class: "card", "aria-label": title }, h("div", { class: "card-header" }, h("h3", null, title)), h("div", { class: "card-body" }, content));
    }

    #historyList({ entries, more }) {
        return [more && h("p", { class: "muted" }, text.token.historyCut(entries.length), " ", h("a", { href: routeTo("audit", { id: this.id }), "data-action": "whole-history" }, text.token.historyAll)),
            entries.length > 0 ? h("ol", { class: "history" }, entries.map(entryItem)) : h("p", { class: "muted" }, text.token.noHistory)];
    }

    #explanation(row) {
        const message = (row.group ? text.fleet.explain[row.state] : undefined) ?? text.token.explain[row.state];
        if (row.state === "pending" && row.activates)
            return h("p", { class: "banner banner-info", "data-explain": "pending" }, text.value.pendingUntil(exact(parseTime(row.activates))), " (", timeNode(row.activates), ").");
        return message ? h("p", { class: `banner ${row.state === "disabled" ? "banner-warn" : "banner-neutral"}`, "data-explain": row.state }, message) : null;
    }

    #actions(row) {
        const buttons = this.#buttons(row).filter(Boolean);
        return buttons.length > 0 && h("div", { class: "token-actions", role: "group", "aria-label": text.token.actions }, buttons);
    }

    #buttons(row) {
        const { client } = this.app;
        const button = (verb, label, glyph, run, kind = "") => client.may(verb) && h("button", { type: "button", class: `button ${kind}`, "data-action": verb, onclick: run }, icon(glyph), label);
        const change = verb => async () => await changeTokens(this.app, verb, [row]) && this.load();
        return [
            row.state !== "revoked" && button("update", text.edit.button, "edit", async () => await openEdit(this.app, row) && this.load()),
            !ended(row) && row.state !== "disabled" && button("rotate", text.rotate.button, "rotate", () => this.#rotate(row)),
            row.state === "disabled" && button("enable", text.actions.enable.button, "play", change("enable")),
            !ended(row) && row.state !== "disabled" && button("disable", text.actions.disable.button, "pause", change("disable")),
            row.state !== "revoked" && button("revoke", text.actions.revoke.button, "revoke", change("revoke"), "button-danger"),
        ];
    }

    async #rotate(row) {
        const created = await openRotate(this.app, row);
        if (created)
            this.app.navigate(`#/token/${created}`);
    }

    #showUnknown(history) {
        this.row = null;
        replace(this.holder, h("div", { class: "empty card", "data-empty": "unknown" }, h("h2", { tabindex: "-1", "data-focus": "" }, text.token.unknown), h("p", null, h("code", null, this.id)), h("p", null, text.token.unknownHint)),
            history?.entries.length > 0 && this.#card(text.token.history, this.#historyList(history)));
    }

    #showFailure(message) {
        replace(this.holder, failureNode(message, () => this.load()));
        this.#mark = "";
    }

    #noticed(entry) {
        if (entry && !isAbout(entry, this.id))
            return;
        this.#again.ask();
    }

    unmount() {
        this.stop();
        this.#abort?.abort();
        this.#again.stop();
        clearTimeout(this.again);
    }
}

export function mount(root, app, params) {
    return new TokenView(root, app, params);
}
