// SPDX-License-Identifier: Apache-2.0
/* The texts about tokens of a fleet, for strings.js. */

import { count, number } from "./locale.js";

export const fleet = {
    explain: {
        revoked: "It is refused for good: on this host at once, on other hosts of its group as soon as they have it from the fleet\u2019s database.",
        disabled: "It is refused until it is enabled again: on this host at once, on other hosts of its group as soon as they have it from the fleet\u2019s database.",
    },
    from: (group, host) => `${group}, made on ${host}`,
    change: serial => `change ${serial}`,
    place: "In the fleet",
    committed: serial => `The fleet\u2019s database has it, as change ${serial}.`,
    mayBe: "If it is there, its identifier is",
    seen: (seen, hosts) => `In force on ${number(seen)} of ${count(hosts, "host", "hosts")}.`,
    brought: (puts, denies, drops) => `The agent brought: ${number(puts)} put, ${number(denies)} denied, ${number(drops)} dropped`,
    snapshot: "A whole copy of what the fleet has for this host",
    rewound: "The host went back to an earlier place of the fleet\u2019s history",
    tokens: "Tokens",
    unsentTitle: n => `${count(n, "denial is", "denials are")} not in the fleet\u2019s database yet.`,
    unsentHint: "In force on this host, and perhaps not on the others yet: sent again until the fleet\u2019s database has it.",
    allSent: "The fleet\u2019s database has all denials.",
};
