// SPDX-License-Identifier: Apache-2.0
/*
 * Comma-separated values as `jeton --csv` writes them: a spreadsheet takes no cell for a formula, and
 * no character hides others or changes their order.
 */

const FORMULA = /^[=+\-@\uff1d\uff0b\uff0d\uff20]/;
// Where lists are separated by semicolons, a spreadsheet splits a row there, within quotes too.
const SPLIT = /;(?=[ "]*[=+\-@\uff1d\uff0b\uff0d\uff20])/g;
const SPECIAL = /[^!-~]|[",;']/;
// Controls, and invisible characters that change where or in what order others are shown.
// eslint-disable-next-line no-control-regex
const ESCAPED = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const LETTER = { "\n": "\\n", "\t": "\\t", "\r": "\\r" };

function escape(character) {
    const code = character.codePointAt(0).toString(16);
    return LETTER[character] ?? (code.length < 2 || character < "\u0080" ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`);
}

/** One cell. What a spreadsheet may take for a formula gets an apostrophe in front. */
function csvCell(value) {
    const formula = FORMULA.test(value);
    if (!formula && !SPECIAL.test(value))
        return value;
    return `"${formula ? "'" : ""}${value.replace(SPLIT, ";'").replaceAll("\"", "\"\"").replace(ESCAPED, escape)}"`;
}

/** One row with its line end. */
export function csvRow(values) {
    return values.map(csvCell).join(",") + "\r\n";
}
