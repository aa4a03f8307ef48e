// SPDX-License-Identifier: Apache-2.0
/* All entries that a query finds as CSV, with the columns of `jeton --csv journal`. */

import { argumentsOf } from "./audit_query.js";
import { csvRow } from "./csv.js";

const COLUMNS = ["serial", "time", "event", "id", "by", "subject", "scopes", "description", "pid", "expires", "activates", "replaces", "epoch", "replaced_by",
    "by_name", "login", "warn", "old_expires", "old_subject", "old_scopes", "old_description",
    "group", "place", "puts", "denies", "drops", "snapshot", "rewound", "ids"];
const PART = 256 * 1024; // characters that are kept as text before they go into a Blob, which browsers put on the disk
const PROGRESS_MS = 250;

/** Read the entries, newest first. onProgress(count) is called now and then. → { blob, count } */
export async function exportCsv(client, query, { signal, onProgress }) {
    const parts = [];
    let rest = csvRow(COLUMNS), count = 0, due = performance.now() + PROGRESS_MS;

    await client.request("journal", { ...argumentsOf(query), order: "desc" }, { signal, onRow(entry) {
        rest += csvRow(COLUMNS.map(key => entry[key] ?? ""));
        count++;
        if (rest.length >= PART) {
            parts.push(new Blob([rest]));
            rest = "";
        }
        if (performance.now() >= due) {
            due = performance.now() + PROGRESS_MS;
            onProgress(count);
        }
    } });
    return { blob: new Blob([...parts, rest], { type: "text/csv;charset=utf-8" }), count };
}

/** Give a file to the person, as a download. */
export function download(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
