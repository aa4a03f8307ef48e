// SPDX-License-Identifier: Apache-2.0
/*
 * Whose is this? A value that was found somewhere is pasted, and the token behind it is shown. The
 * value stands in one field of this page and nowhere else: not in a route, a variable that outlives a
 * step, a store, or a message. It is sent only by a button that says so, and is gone with Clear, or
 * when the view or the page is left.
 */

import { identifier } from "./copy.js";
import { clean, h, replace } from "./dom.js";
import { entryItem } from "./entry.js";
import { failureText } from "./failure.js";
import { icon } from "./icons.js";
import { failureNode } from "./note.js";
import { refresher } from "./refresher.js";
import { text } from "./strings.js";
import { carryOut, changeTokens } from "./token_actions.js";
import { expiry, scopeChips, stateBadge } from "./token_columns.js";
import { nameOf } from "./token_query.js";
import { exact, parseTime, timeNode } from "./time.js";
import { digestsOf, lookUp, takeValue } from "./whose_lookup.js";

const LEVEL = { active: "warn", pending: "warn", disabled: "neutral", expired: "neutral", revoked: "neutral" };
const REFRESH_MS = 400;

function banner(level, title, ...rest) {
    return h("div", { class: `banner banner-${level}` }, h("strong", null, title), " ", rest);
}

function title(row) {
    return h("div", { class: "whose-title" }, h("h3", { "data-claim": "description" }, h("a", { href: `#/token/${row.id}`, "data-action": "open" }, clean(nameOf(row)))), stateBadge(row.state));
}

function claims(app, row) {
    const words = text.claims, muted = content => h("span", { class: "muted" }, content);
    const by = row.by_name ?? row.by;
    const pairs = [
        [text.value.identifier, identifier(app, row.id), "id"],
        [words.subject, row.subject ? clean(row.subject) : muted(words.noSubject), "subject"],
        [words.scopes, row.scopes ? scopeChips(row.scopes) : muted(words.noScopes), "scopes"],
        [words.created, [timeNode(row.created), by && [muted([" ", text.entry.by, " "]), clean(by)]], "created"],
        [words.expires, expiry(row), "expires"],
        [text.use.last, row.used ? timeNode(row.used) : muted(text.tokens.neverUsed), "used"],
        Number(row.refused ?? 0) > 0 && [text.use.refusals, [text.tokens.times(Number(row.refused)), ", ", timeNode(row.last_refused)], "refused"],
        Number(row.reused ?? 0) > 0 && [text.use.reused, h("span", { class: "warn-text" }, text.tokens.times(Number(row.reused))), "reused"],
    ];
    return h("dl", { class: "claims" }, pairs.filter(Boolean).map(([label, value, name]) => [h("dt", null, label), h("dd", { "data-claim": name }, value)]));
}

class WhoseView {
    #abort = null;
    #again = refresher(() => this.#refresh(), REFRESH_MS);
    #found = null; // what was found, without the value

    constructor(root, app) {
        this.app = app;
        this.parts = this.#build(root);
        this.stop = app.onChange(entry => this.#noticed(entry));
        this.leave = () => this.#clear();
        addEventListener("pagehide", this.leave);
    }

    #build(root) {
        const words = text.whose;
        const input = h("input", { type: "text", class: "input mono whose-input", id: "whose-value", "data-field": "value", placeholder: words.placeholder, "aria-describedby": "whose-hint", autocomplete: "off",
            autocapitalize: "none", autocorrect: "off", spellcheck: "false", translate: "no", "data-1p-ignore": true, "data-lpignore": "true", "data-bwignore": true, "data-form-type": "other",
            oninput: event => this.#typed(event), onkeydown: event => event.key === "Enter" && this.#look() });
        const parts = {
            input,
            look: h("button", { type: "button", class: "button button-primary", "data-action": "look-up", onclick: () => this.#look() }, icon("search"), words.look),
            clear: h("button", { type: "button", class: "button", "data-action": "clear", onclick: () => { this.#clear(); input.focus(); this.app.announce(words.cleared); } }, words.clear),
            cut: h("p", { class: "field-hint whose-cut", hidden: true, "data-name": "cut" }, words.cut),
            result: h("div", { class: "whose-result", "data-name": "result" }),
        };
        replace(root,
            h("div", { class: "view-head" }, h("h2", { tabindex: "-1", "data-focus": "" }, words.heading), h("p", { class: "muted" }, words.intro)),
            h("div", { class: "card card-body whose-card" }, h("label", { class: "field-label", for: "whose-value" }, words.label), h("p", { class: "field-hint", id: "whose-hint" }, words.hint),
                h("div", { class: "whose-line" }, input, parts.look, parts.clear), parts.cut),
            parts.result);
        return parts;
    }

    // -- the value ------------------------------------------------------------------------------

    /** Something else stands there now: what was found is not about it. A paste is looked up at once. */
    #typed(event) {
        this.#forget();
        if (event.inputType === "insertFromPaste" || event.inputType === "insertFromDrop")
            this.#look();
    }

    /** The value that stands in the field. */
    #value() {
        return takeValue(this.parts.input.value, this.app.hello.prefix).value;
    }

    #forget() {
        this.#abort?.abort();
        this.#found = null;
        this.parts.cut.hidden = true;
        delete this.parts.result.dataset.kind;
        replace(this.parts.result);
    }

    #clear() {
        this.#forget();
        this.parts.input.value = "";
    }

    async #look() {
        const { parts, app } = this;
        const { value, cut } = takeValue(parts.input.value, app.hello.prefix);
        this.#forget();
        if (value === "")
            return parts.input.focus();
        const abort = this.#abort = new AbortController();
        parts.cut.hidden = !cut;
        replace(parts.result, h("p", { class: "muted" }, text.shell.loading));
        try {
            const found = await lookUp(app.client, value, app.hello.prefix, { signal: abort.signal });
            if (abort.signal.aborted)
                return;
            this.#show(this.#found = found);
            app.announce(parts.result.querySelector(".banner")?.textContent ?? "");
        } catch (error) {
            if (!abort.signal.aborted)
                replace(parts.result, failureNode(failureText(error), () => this.#look()));
        }
    }

    // -- what was found -------------------------------------------------------------------------

    #show(found) {
        const { result } = this.parts;
        result.dataset.kind = found.kind;
        replace(result, h("section", { class: "card whose-found", "aria-label": text.whose.result, "data-kind": found.kind, "data-id": found.id ?? "" },
            h("div", { class: "card-body" }, this.#verdict(found), found.row && [title(found.row), claims(this.app, found.row)], this.#buttons(found)),
            found.history.length > 0 && h("div", { class: "whose-history" }, h("h3", null, text.token.history), h("ol", { class: "history" }, found.history.map(entryItem)))));
    }

    /** What it is, in a sentence. */
    #verdict({ kind, why, id, row, history, denial }) {
        const words = text.whose;
        if (kind === "malformed")
            return banner("warn", words.malformed, words.why[why](this.app.hello.prefix));
        if (kind === "identifier")
            return banner("info", words.identifier, words.identifierHint, " ", row ? "" : words.identifierUnknown);
        if (kind === "found")
            return banner(LEVEL[row.state] ?? "neutral", words.found, words.state[row.state] ?? "");
        const ids = h("p", { class: "muted" }, words.computed, " ", h("code", null, id));
        if (denial)
            return [banner("neutral", denial.event === "ban" && history.every(entry => entry.event === "ban") ? words.onlyBanned : words.gone, words.denied(text.events[denial.event].toLowerCase()), " ", timeNode(denial.time), " (", exact(parseTime(denial.time)), ")."), ids];
        return [kind === "gone" ? banner("neutral", words.gone, words.removed) : banner("neutral", words.unknown, this.app.role === "self" ? words.unknownSelf : words.unknownHint), ids];
    }

    #buttons({ kind, row, denial }) {
        const { client, role } = this.app, words = text.whose;
        const button = (name, label, run) => h("button", { type: "button", class: "button button-danger", "data-action": name, onclick: run }, icon("revoke"), label);
        const open = row && h("a", { class: "button", href: `#/token/${row.id}`, "data-action": "open-token" }, words.open);
        const byValue = kind !== "identifier" && kind !== "malformed" && client.may("revoke", "token");
        const buttons = [
            row && row.state !== "revoked" && (client.may("revoke") ? button("revoke", text.actions.revoke.button, () => this.#revoke(row)) : byValue && button("revoke-value", words.revokeValue, () => this.#revokeByValue(row))),
            !row && byValue && !denial && (client.may("ban") && role === "admin" ? button("ban", words.ban, () => this.#ban()) : button("revoke-value", words.revokeValue, () => this.#revokeByValue(null))),
            open,
        ].filter(Boolean);
        return buttons.length > 0 && h("div", { class: "whose-actions" }, buttons);
    }

    // -- what is done ---------------------------------------------------------------------------

    /** By its identifier: the value is not sent. */
    async #revoke(row) {
        if (await changeTokens(this.app, "revoke", [row]))
            this.#look();
    }

    async #revokeByValue(row) {
        const words = text.whose;
        const done = await this.app.confirm({
            name: "revoke-value", danger: true, title: words.revokeTitle, action: words.revokeAction,
            body: [row && h("p", null, h("strong", null, clean(nameOf(row))), " ", h("code", null, row.id)), this.#sent(words.sendsValue), h("p", { class: "consequence" }, text.actions.revoke.consequence(1))],
            run: () => this.#carryOut("revoke", { token: this.#value() }),
        });
        if (done)
            row ? this.#done(words.revoked) : this.#showRevoked();
    }

    /** By its digest, which needs no value to be sent; but a signed token is to be denied by its signed part as well. */
    async #ban() {
        const words = text.whose, { signed } = this.#found;
        const done = await this.app.confirm({
            name: "ban", danger: true, title: words.banTitle, action: words.banAction,
            body: [this.#sent(signed ? words.sendsSigned : words.sendsDigest), h("p", { class: "consequence" }, words.banConsequence)],
            run: () => this.#carryOut("ban", signed ? { token: this.#value() } : { digest: digestsOf(this.#value()).own }),
        });
        if (done)
            this.#done(words.banned);
    }

    #sent(message) {
        return h("p", { class: "banner banner-info", "data-name": "sent" }, message);
    }

    async #carryOut(verb, args) {
        await carryOut(this.app.client, verb, args);
        return true;
    }

    /** What this socket does not show was revoked: that is all there is to be seen. */
    #showRevoked() {
        const { id } = this.#found;
        this.app.toast(text.whose.revoked);
        this.#found = null;
        replace(this.parts.result, h("section", { class: "card card-body whose-found", "data-kind": "revoked", "data-id": id }, banner("neutral", text.whose.revoked, text.whose.state.revoked), h("p", { class: "muted" }, text.value.identifier, " ", h("code", null, id))));
        this.parts.result.dataset.kind = "revoked";
    }

    #done(message) {
        this.app.toast(message);
        this.#look();
    }

    /** The token that is shown was changed, by whomever. */
    #noticed(entry) {
        if (!this.#found || this.#found.kind === "malformed" || (entry && !isAbout(entry, this.#found.id)))
            return;
        this.#again.ask();
    }

    async #refresh() {
        const shown = this.#found, abort = this.#abort;
        if (!shown)
            return;
        const found = await lookUp(this.app.client, this.#value(), this.app.hello.prefix, { signal: abort?.signal }).catch(() => null);
        if (found && this.#found === shown && JSON.stringify(found) !== JSON.stringify(shown))
            this.#show(this.#found = found);
    }

    unmount() {
        this.#clear();
        this.stop();
        this.#again.stop();
        removeEventListener("pagehide", this.leave);
    }
}

export function mount(root, app) {
    return new WhoseView(root, app);
}
