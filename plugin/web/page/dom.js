// SPDX-License-Identifier: Apache-2.0
/*
 * Elements without HTML text: everything becomes text nodes and attributes, so that nothing that a
 * stranger wrote is ever parsed. clean() shows what a stranger wrote: isolated from the text around
 * it, and with the characters visible that would hide, reorder or break it.
 */

const SVG = "http://www.w3.org/2000/svg";

// Controls, invisible characters, and those that change the direction of text.
const HIDDEN = new RegExp("[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f" +
    "\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0d\\ufeff\\uffa0\\ufff0-\\ufffb" +
    "\\ud800-\\udfff\\u{e0000}-\\u{e0fff}]", "gu");

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "indeterminate", "open", "selected", "readOnly", "required"]);

function append(node, children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false)
            continue;
        node.append(child instanceof Node ? child : String(child));
    }
}

function set(node, name, value) {
    if (name.startsWith("on"))
        node.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name))
        node[name] = value;
    else if (value === true)
        node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined)
        node.setAttribute(name, String(value));
}

/** Make an element: h("a", { href: "#/x", class: "link", onclick: fn }, "text", node, [more]). */
export function h(tag, attributes, ...children) {
    const node = document.createElement(tag);
    append(node, children);
    for (const [name, value] of Object.entries(attributes ?? {}))
        set(node, name, value);
    return node;
}

/** Likewise in SVG's namespace. */
export function svg(tag, attributes, ...children) {
    const node = document.createElementNS(SVG, tag);
    append(node, children);
    for (const [name, value] of Object.entries(attributes ?? {}))
        set(node, name, value);
    return node;
}

/** Put these children in the place of all that the node has. */
export function replace(node, ...children) {
    node.replaceChildren();
    append(node, children);
    return node;
}

/**
 * Likewise, unless the node has equal ones: then they stay, so that a button that is being pressed is
 * not gone when it is let go. What their handlers use must be read when they are called.
 */
export function replaceOthers(node, ...children) {
    const wanted = h("div", null, ...children).childNodes;
    if (node.childNodes.length !== wanted.length || [...node.childNodes].some((child, i) => !child.isEqualNode(wanted[i])))
        node.replaceChildren(...wanted);
    return node;
}

function visible(character) {
    return "\u27e8U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "\u27e9";
}

/** A stranger's text as a string, for attributes and sentences: hidden characters are written as ⟨U+202E⟩. */
export function cleanText(text) {
    return String(text ?? "").replace(HIDDEN, visible);
}

/** A stranger's text as a node: isolated, with hidden characters made visible. */
export function clean(text) {
    const node = h("bdi", { class: "stranger" });
    const string = String(text ?? "");
    let from = 0;
    for (const found of string.matchAll(HIDDEN)) {
        if (found.index > from)
            node.append(string.slice(from, found.index));
        node.append(h("span", { class: "hidden-character" }, visible(found[0])));
        from = found.index + found[0].length;
    }
    node.append(string.slice(from));
    return node;
}

/** A new id for label/for, aria-describedby and the like. */
export function newId(prefix) {
    newId.last = (newId.last ?? 0) + 1;
    return `${prefix}-${newId.last}`;
}
