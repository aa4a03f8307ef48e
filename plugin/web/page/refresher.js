// SPDX-License-Identifier: Apache-2.0
/*
 * Reads something again when it has changed: soon, but not more often than it can be read. Whoever
 * changes it without a pause delays nothing: what is being read is read to its end, and then anew.
 */

/** → { ask(), stop() }. read() returns a promise. */
export function refresher(read, delay) {
    let timer = 0, reading = false, stale = false, stopped = false;

    async function run() {
        timer = 0;
        reading = true;
        try {
            await read();
        } finally {
            reading = false;
            if (stale)
                ask();
        }
    }

    function ask() {
        stale = reading;
        if (!reading && !stopped)
            timer ||= setTimeout(run, delay);
    }

    return {
        ask,
        stop() {
            stopped = true;
            clearTimeout(timer);
        },
    };
}
