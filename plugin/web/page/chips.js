// SPDX-License-Identifier: Apache-2.0
/*
 * Scopes as chips, with suggestions: a combobox as ARIA describes it, whose list stands below the input
 * and covers nothing. Comma, space, Enter and Tab end a scope, Backspace takes back the last one; arrows
 * choose a suggestion.
 */

import { clean, h, newId, replace } from "./dom.js";
import { text } from "./strings.js";

const SHOWN_MOST = 8;
const SCOPE = /^[A-Za-z0-9._:/*-]{1,64}$/;

class Chips {
    #scopes = [];
    #suggestions = [];
    #active = -1;

    constructor({ scopes = [], onchange = () => {}, announce = () => {} }) {
        Object.assign(this, { onchange, announce, isAllowed: () => true });
        const list = newId("suggestions");
        this.list = h("ul", { class: "suggestions", role: "listbox", id: list, "aria-label": text.chips.suggestions, hidden: true });
        this.input = h("input", { type: "text", class: "chips-input", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
            maxlength: 2200, "data-field": "scope-input", oninput: () => this.#typed(), onkeydown: event => this.#key(event), onblur: () => this.commit() });
        this.box = h("div", { class: "chips", onclick: event => event.target === this.box && this.input.focus() }, this.input);
        this.node = h("div", { class: "chips-holder" }, this.box, this.list);
        this.set(scopes);
    }

    get scopes() { return [...this.#scopes]; }

    set(scopes) {
        this.#scopes = [...new Set(scopes)];
        this.#show();
    }

    /** The best first. */
    setSuggestions(scopes) {
        this.#suggestions = [...new Set(scopes)];
        this.#suggest();
    }

    /** Take what is typed and not ended yet. Returns whether all of it is a scope. */
    commit() {
        const words = this.input.value.split(/[\s,]+/).filter(Boolean);
        const bad = words.filter(word => !SCOPE.test(word));
        const good = words.filter(word => SCOPE.test(word));
        if (words.length > 0) {
            this.#scopes = [...new Set([...this.#scopes, ...good])];
            this.input.value = bad.join(" ");
            this.#show();
            if (good.length > 0)
                this.announce(text.chips.added(good.join(", ")));
            this.onchange();
        }
        this.#suggest();
        return bad.length === 0;
    }

    /** Show which chips the rules refuse. */
    mark(isAllowed) {
        this.isAllowed = isAllowed;
        this.#show();
        this.#suggest();
    }

    #show() {
        const chips = this.#scopes.map(scope => h("span", { class: this.isAllowed(scope) ? "chip" : "chip chip-refused", "data-scope": scope }, clean(scope),
            h("button", { type: "button", class: "chip-remove", "aria-label": text.chips.remove(scope), onclick: () => this.#remove(scope) }, "\u00d7")));
        for (const old of this.box.querySelectorAll(".chip"))
            old.remove();
        this.box.prepend(...chips);
    }

    #remove(scope) {
        this.#scopes = this.#scopes.filter(other => other !== scope);
        this.#show();
        this.announce(text.chips.removed(scope));
        this.input.focus();
        this.#suggest();
        this.onchange();
    }

    #typed() {
        /[\s,]/.test(this.input.value) ? this.commit() : this.#suggest();
    }

    #suggest() {
        const typed = this.input.value.trim().toLowerCase();
        const fit = this.#suggestions.filter(scope => !this.#scopes.includes(scope) && scope.toLowerCase().includes(typed) && this.isAllowed(scope)).slice(0, SHOWN_MOST);
        this.#active = -1;
        replace(this.list, fit.map(scope => h("li", { role: "option", id: newId("option"), class: "suggestion", "aria-selected": "false", "data-suggestion": scope,
            onmousedown: event => event.preventDefault(), onclick: () => this.#take(scope) }, clean(scope))));
        this.list.hidden = fit.length === 0;
        this.input.setAttribute("aria-expanded", String(fit.length > 0));
        this.input.removeAttribute("aria-activedescendant");
    }

    #take(scope) {
        this.input.value = scope;
        this.commit();
        this.input.focus();
    }

    #move(by) {
        const options = [...this.list.children];
        if (options.length === 0)
            return;
        this.#active = (this.#active + by + options.length + (this.#active < 0 && by < 0 ? 1 : 0)) % options.length;
        options.forEach((option, i) => option.setAttribute("aria-selected", String(i === this.#active)));
        this.input.setAttribute("aria-activedescendant", options[this.#active].id);
        options[this.#active].scrollIntoView({ block: "nearest" });
    }

    #key(event) {
        const chosen = this.list.children[this.#active];
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            this.#move(event.key === "ArrowDown" ? 1 : -1);
        } else if (event.key === "Enter" && (chosen || this.input.value !== "")) {
            event.preventDefault();
            chosen ? this.#take(chosen.dataset.suggestion) : this.commit();
        } else if (event.key === "Backspace" && this.input.value === "" && this.#scopes.length > 0) {
            this.#remove(this.#scopes.at(-1));
        }
    }
}

export function chips(options) {
    return new Chips(options);
}
