// SPDX-License-Identifier: Apache-2.0
/* Routes: `#/tokens?state=active`, `#/token/ID`. Never a value, nor what was typed into a search. */

/** { view, id?, params } of a hash; view is "" if it is none. */
export function parseRoute(hash) {
    const found = /^#\/([a-z]+)(?:\/([0-9a-f]{20}))?(?:\?(.*))?$/.exec(hash);
    const params = Object.fromEntries(new URLSearchParams(found?.[3] ?? ""));
    if (found?.[2])
        params.id = found[2];
    return { view: found?.[1] ?? "", params };
}

/** "#/tokens?state=active" of a view's name, an id or none, and a query without what is empty. */
export function routeTo(view, { id, ...query } = {}) {
    const kept = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
    const search = new URLSearchParams(kept).toString();
    return `#/${view}${id ? `/${id}` : ""}${search ? `?${search}` : ""}`;
}
