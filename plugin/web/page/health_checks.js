// SPDX-License-Identifier: Apache-2.0
/* What an administrator should look after: each figure of `stats` that ought to be something, judged. */

import { figure } from "./stats_feed.js";

const STORE_WARN = 3000000000;
const STORE_FULL = 3758096384;
const BUSY_SECONDS = 10;

/** Whether a protection of the daemon that should be in force is not. */
function missing(rows) {
    return rows.filter(row => row.name.startsWith("protection_") && row.name !== "protection_landlock_abi" && row.value === "0").map(row => row.name.slice("protection_".length));
}

/** On a host of a fleet: whether it may answer about its tokens, and what the database does not know yet. */
function fleetChecks(rows, value) {
    if (Number.isNaN(figure(rows, "fleet_serial")))
        return [];
    const lease = value("fleet_lease_seconds");
    const warnAbove = key => ({ key, level: value(key) > 0 ? "warn" : "good", value: value(key) });
    return [{ key: "fleet_lease_seconds", level: lease > 0 ? "good" : "bad", value: lease }, ...["fleet_unsent", "fleet_conflicts", "fleet_failures"].map(warnAbove)];
}

/** → [{ key, level: "good" | "warn" | "bad", value }], the worst first. growth: how much each counter has grown of late. */
export function checksOf(rows, growth) {
    const value = name => figure(rows, name) || 0;
    const above = (key, level, least = 0) => ({ key, level: value(key) > least ? level : "good", value: value(key) });
    const store = value("store_bytes");
    const behind = value("clock_behind_seconds"), ahead = value("clock_ahead_seconds");
    const unprotected = missing(rows);
    const checks = [
        above("denials_unsaved", "bad"),
        above("store_failures", "warn"),
        above("checkpoint_failures", "warn"),
        above("keeper_busy_seconds", "bad", BUSY_SECONDS),
        { key: "store_space", level: store >= STORE_FULL ? "bad" : store >= STORE_WARN ? "warn" : "good", value: store },
        { key: "verify_unavailable", level: growth("unavailable") > 0 ? "bad" : value("verify_unavailable") > 0 ? "warn" : "good", value: value("verify_unavailable") },
        { key: "clock", level: behind > 0 || ahead > 0 || value("purge_waits") > 0 ? "warn" : "good", value: Math.max(behind, ahead) },
        ...fleetChecks(rows, value),
        above("answers_held", "warn"),
        above("connections_refused", "warn"),
        above("rotated_reuses", "warn"),
        { key: "unknown_values", level: "good", value: rows.filter(row => row.name === "unknown_values").reduce((sum, row) => sum + Number(row.value), 0) },
        { key: "dropped", level: value("reports_dropped") + value("log_dropped") > 0 ? "warn" : "good", value: value("reports_dropped") + value("log_dropped") },
        { key: "protections", level: unprotected.length > 0 ? "warn" : "good", value: unprotected.length, names: unprotected },
    ];
    const rank = { bad: 0, warn: 1, good: 2 };
    return checks.sort((a, b) => rank[a.level] - rank[b.level]);
}
