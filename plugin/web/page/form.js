// SPDX-License-Identifier: Apache-2.0
/* A labelled field of a form with its hint and its error, which assistive technology reads with it. */

import { h, newId } from "./dom.js";
import { text } from "./strings.js";

/**
 * A field around one control, or, with group, around several (then it is a fieldset).
 * → { node, control, setError(message | null), setRequired(yes, why), setHint(text) }
 */
export function field({ name, label, hint = "", control, group = false }) {
    const id = newId(`field-${name}`);
    const mark = h("span", { class: "required-mark", hidden: true }, text.form.required);
    const hintNode = h("p", { class: "field-hint", id: `${id}-hint`, hidden: hint === "" }, hint);
    const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true, role: "alert" });
    const inside = [hintNode, control, error];
    const node = group
        ? h("fieldset", { class: "field", "data-field": name }, h("legend", { class: "field-label" }, label, " ", mark), inside)
        : h("div", { class: "field", "data-field": name }, h("label", { class: "field-label", for: id }, label, " ", mark), inside);
    const target = group ? node : control.matches("input, select, textarea") ? control : control.querySelector("input");

    if (!group)
        target.id = id;
    target.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
    return {
        node, control, target,
        setError(message) {
            error.textContent = message ?? "";
            error.hidden = !message;
            node.classList.toggle("field-invalid", Boolean(message));
            if (message)
                target.setAttribute("aria-invalid", "true");
            else
                target.removeAttribute("aria-invalid");
        },
        setRequired(yes) {
            mark.hidden = !yes;
            if (!group)
                target.setAttribute("aria-required", String(yes));
        },
        setHint(message) {
            hintNode.textContent = message ?? "";
            hintNode.hidden = !message;
        },
    };
}

/** Radio buttons that look like one bar: options [{value, label}]. → { node, value, setDisabled(value, why), onChange } */
export function segmented({ name, options, value, onchange }) {
    const group = newId(`radio-${name}`);
    const inputs = new Map();
    const node = h("div", { class: "segmented" }, options.map(option => {
        const input = h("input", { type: "radio", name: group, value: option.value, checked: option.value === value, "data-option": option.value, onchange: () => onchange?.() });
        inputs.set(option.value, input);
        return h("label", { class: "segment" }, input, h("span", null, option.label));
    }));
    return {
        node,
        get value() { return [...inputs.values()].find(input => input.checked)?.value; },
        set value(chosen) { inputs.get(chosen).checked = true; },
        setDisabled(option, yes, why = "") {
            inputs.get(option).disabled = yes;
            inputs.get(option).parentNode.title = yes ? why : "";
        },
        setHidden(option, yes) { inputs.get(option).parentNode.hidden = yes; },
        setLabel(option, label) { inputs.get(option).nextSibling.textContent = label; },
        moveBefore(option, other) { inputs.get(other).parentNode.before(inputs.get(option).parentNode); },
        isDisabled: option => inputs.get(option).disabled,
        focus: () => [...inputs.values()].find(input => input.checked)?.focus(),
    };
}
