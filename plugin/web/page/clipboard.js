// SPDX-License-Identifier: Apache-2.0
/* Copying, also where a page may not use the clipboard's API (no TLS, in a frame). */

/** Copy what a node shows, which has been put there as text. Returns whether it is in the clipboard. */
export async function copyFrom(node) {
    try {
        await navigator.clipboard.writeText(node.textContent);
        return true;
    } catch {
        select(node);
        const done = document.execCommand("copy");
        if (done)
            getSelection().removeAllRanges();
        return done;
    }
}

/** Select what a node shows, to be copied by hand. */
export function select(node) {
    const range = document.createRange();
    range.selectNodeContents(node);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
}
