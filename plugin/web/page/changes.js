// SPDX-License-Identifier: Apache-2.0
/*
 * What others change, for every view that shows it: one watch for all of them, while anybody wants it.
 * A socket without `watch` (self), or one that does not grant it any more, is asked again now and then instead.
 */

const POLL_MS = 20000;

/** → { onChange(fn) }: fn(entry) for each entry of the journal, fn(null) when anything may have changed. Returns how to stop. */
export function changes(client) {
    const listeners = new Set();
    let stop = null;

    const announce = entry => [...listeners].forEach(fn => fn(entry));

    function startWatch() {
        const abort = new AbortController();
        let end = () => abort.abort();
        client.watch({}, announce, { signal: abort.signal, onGap: () => announce(null) })
            .catch(() => { end = abort.signal.aborted ? end : startPolling(); });
        return () => end();
    }

    function startPolling() {
        const interval = setInterval(() => document.hidden || client.state !== "up" || announce(null), POLL_MS);
        return () => clearInterval(interval);
    }

    client.onState(state => state === "up" && announce(null));
    return {
        onChange(fn) {
            listeners.add(fn);
            stop ??= client.may("watch") ? startWatch() : startPolling();
            return () => {
                listeners.delete(fn);
                if (listeners.size === 0) {
                    stop?.();
                    stop = null;
                }
            };
        },
    };
}
