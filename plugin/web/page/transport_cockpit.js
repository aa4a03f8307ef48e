// SPDX-License-Identifier: Apache-2.0
// Carries exchanges through Cockpit's bridge to the daemon's sockets: a channel for each, which is
// opened as the user who is logged in.  Flow control on the way here is cockpit.js's own.

import { ByteQueue } from "./byte_queue.js";
import { TransportError } from "./errors.js";

// What is tried, in this order; the first one that may be opened is used from then on.  Who is in
// the group of the admin socket opens it as himself, so that the journal has his name; with Cockpit's
// administrative access it is opened as root, and the journal has his login beside that.
const WAYS = [
    { role: "admin", unix: "/run/jeton/admin.sock" },
    { role: "admin", unix: "/run/jeton/admin.sock", superuser: "require" },
    { role: "self", unix: "/run/jeton/self.sock" },
    { role: "observe", unix: "/run/jeton/observe.sock" },
];

const WAITING_MOST = 64 * 1024 * 1024; // bytes that came and were not read yet

const PROBE_WITHIN = 20000; // ms for a socket to answer, behind which the daemon may have to be started

const REFUSED = ["access-denied", "authentication-failed", "authentication-not-supported"];
const ABSENT = ["not-found", "no-host", "not-supported"];

const encoder = new TextEncoder();

// Why a channel was closed.  From Cockpit 300 on, the bridge says of a socket that it cannot open only
// "terminated", and the number of the error in the message: EPERM, EACCES; ENOENT, ENOTDIR.
function problemOf({ problem, message }) {
    const number = problem === "terminated" ? /^\[Errno (\d+)\]/.exec(message ?? "")?.[1] : null;
    return { 1: "access-denied", 13: "access-denied", 2: "not-found", 20: "not-found" }[number] ?? problem;
}

function errorOf(problem) {
    if (ABSENT.includes(problem))
        return new TransportError("daemon", "The daemon is not there.");
    if (REFUSED.includes(problem))
        return new TransportError("forbidden", "You may not open this socket of the daemon.");
    return new TransportError("lost", "The connection to the host or to the daemon was lost.", { uncertain: true });
}

class CockpitTransport {
    #cockpit;
    #ways;
    #way = null;
    #choosing = null;
    #user = null;

    constructor(cockpit, ways) {
        this.#cockpit = cockpit;
        this.#ways = ways;
    }

    // socket: the role whose socket is used, as far as that is known.  superuser: as root.
    describe() {
        return {
            kind: "cockpit",
            user: this.#user,
            socket: this.#way?.role ?? null,
            superuser: this.#way?.superuser !== undefined,
        };
    }

    async look() {
        this.#user = await Promise.resolve(this.#cockpit.user()).then(user => user.name, () => null);
        await this.#choose().catch(() => {});
    }

    // Send the request lines; go through the answer's bytes.  Leaving the loop closes the channel.
    async* exchange(bytes, { signal } = {}) {
        const way = await this.#choose();
        signal?.throwIfAborted();
        const { channel, queue } = this.#open(way);
        const abort = () => queue.end(signal.reason);
        signal?.addEventListener("abort", abort, { once: true });
        try {
            channel.send(bytes.slice());
            yield* queue;
        } catch (error) {
            if (!signal?.aborted && error instanceof RangeError)
                throw new TransportError("lost", "The answer came too fast.", { uncertain: true });
            throw error;
        } finally {
            signal?.removeEventListener("abort", abort);
            if (channel.valid)
                channel.close();
        }
    }

    // Choose a way once; what is chosen stays, so that a page does not change its role.
    #choose() {
        if (this.#way !== null)
            return this.#way;
        this.#choosing ??= this.#try().finally(() => this.#choosing = null);
        return this.#choosing;
    }

    async #try() {
        let worst = null;
        for (const way of this.#ways) {
            const error = await this.#probe(way);
            if (error === null)
                return this.#way = way;
            if (error.kind === "lost")
                throw error;
            if (worst === null || error.kind === "forbidden")
                worst = error;
        }
        throw worst;
    }

    // Ask for nothing by a way: a channel is ready before it is known whether it can be opened.  Return
    // null, or why it cannot.
    async #probe(way) {
        const { channel, queue } = this.#open(way);
        const timer = setTimeout(() => queue.end(errorOf("timeout")), PROBE_WITHIN);
        channel.send(encoder.encode("quit\n"));
        try {
            const { done } = await queue[Symbol.asyncIterator]().next();
            return done ? errorOf("disconnected") : null;
        } catch (error) {
            return error;
        } finally {
            clearTimeout(timer);
            if (channel.valid)
                channel.close();
        }
    }

    #open({ unix, superuser }) {
        const queue = new ByteQueue(WAITING_MOST);
        const options = { payload: "stream", unix, binary: true, err: "message" };
        if (superuser !== undefined)
            options.superuser = superuser;
        const channel = this.#cockpit.channel(options);
        channel.addEventListener("message", (_event, data) => queue.push(data));
        channel.addEventListener("close", (_event, options) =>
            queue.end(options.problem ? errorOf(problemOf(options)) : null));
        return { channel, queue };
    }
}

// Return a transport, when it is known which socket it uses; or that none can be opened yet, which
// its exchanges then say.  role: the only one to be tried.
export async function connect({ cockpit = globalThis.cockpit, role, ways = WAYS } = {}) {
    const transport = new CockpitTransport(cockpit, ways.filter(way => role === undefined || way.role === role));
    await transport.look();
    return transport;
}
