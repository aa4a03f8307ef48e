// SPDX-License-Identifier: Apache-2.0
// A client of the daemon over any transport: requests, each of which is answered or fails; and a
// watch of the journal that goes on by itself.  It keeps nothing of what it sends and receives.
//
//     const client = new Client(transport);
//     const hello = await client.hello();
//     const { rows, fields } = await client.request("list", { limit: 100 });
//     client.watch({}, entry => …, { signal, onGap: () => … });

import { BackOff, sleep } from "./back_off.js";
import { LINE_MOST, ProtocolError, writeRequest } from "./codec.js";
import { DaemonError, TransportError } from "./errors.js";
import { Exchange } from "./exchange.js";
import { Queue } from "./queue.js";
import { watchJournal } from "./watch.js";

export { DaemonError, ProtocolError, TransportError };

const EXCHANGES_MOST = 4; // browsers open six connections to a server, and a watch needs one
const BODY_MOST = 64 * 1024; // bytes of one exchange's requests
const BATCH_MOST = 256; // requests of one exchange
const ROWS_MOST = 100000; // of an answer that is not handed over row by row
const IDLE = 60000; // ms: a server from which nothing comes for so long is lost
const PROBE_LEAST = 500;
const PROBE_MOST = 15000;

const QUIT = "quit\n";
const encoder = new TextEncoder();

function resultOf(line, rows) {
    return { status: line.status, reason: line.reason, fields: line.fields, rows };
}

// Return an array and the function that adds a row to it.
function collector() {
    const rows = [];
    return [rows, fields => {
        if (rows.length === ROWS_MOST)
            throw new ProtocolError("the answer has too many lines");
        rows.push(fields);
    }];
}

// Split lines into bodies that one exchange can carry.
function bodiesOf(lines) {
    const bodies = [];
    let size = Infinity;
    for (const line of lines) {
        const length = encoder.encode(line).length;
        if (size + length > BODY_MOST - LINE_MOST || bodies.at(-1).length === BATCH_MOST) {
            bodies.push([]);
            size = 0;
        }
        bodies.at(-1).push(line);
        size += length;
    }
    return bodies;
}

export class Client {
    state = "up"; // or "lost", until a request is answered again
    problem = null; // the TransportError for which it is lost
    role = null; // of the socket, as of the last hello()
    inFleet = false; // whether the host is one of a fleet, likewise
    transport;
    #idle;
    #queue = new Queue(EXCHANGES_MOST);
    #listeners = new Set();
    #verbs = new Set();
    #probe = null;

    constructor(transport, { idle = IDLE } = {}) {
        this.transport = transport;
        this.#idle = idle;
    }

    // Ask one question.  OK and NO resolve: { status, reason, fields, rows }.  ERR rejects with a
    // DaemonError; no answer with a TransportError; nonsense with a ProtocolError.
    //     onRow   is called with the fields (and the words) of each data line, and `rows` is empty;
    //             what it returns, if anything, is waited for
    //     signal  aborts; the request may have been carried out all the same
    async request(verb, args = {}, { onRow, signal } = {}) {
        const [answer] = await this.#exchange([writeRequest(verb, args)], { onRow, signal });
        if (answer instanceof DaemonError)
            throw answer;
        return answer;
    }

    // Ask several questions, [[verb, args], …], in as few exchanges as they fit into.  Return their
    // answers in the same order, a DaemonError in the place of each that was refused.
    async batch(requests, { signal } = {}) {
        const lines = requests.map(([verb, args]) => writeRequest(verb, args));
        const answers = [];
        for (const body of bodiesOf(lines))
            answers.push(...await this.#exchange(body, { signal }));
        return answers;
    }

    // Ask who serves: `hello`, whose numbers are numbers, and `help`, for may().
    async hello({ signal } = {}) {
        const [hello, help] = await this.batch([["hello"], ["help"]], { signal });
        for (const answer of [hello, help])
            if (answer instanceof DaemonError)
                throw answer;
        if (hello.fields.protocol !== "1")
            throw new ProtocolError("the daemon speaks another version of the protocol");
        this.#verbs = new Set(help.rows.map(row => row.verb));
        this.role = hello.fields.role;
        this.inFleet = hello.fields.fleet === "yes";
        return Object.fromEntries(Object.entries(hello.fields).map(([key, value]) =>
            [key, /^[0-9]{1,15}$/.test(value) && key !== "epoch" ? Number(value) : value]));
    }

    // True if the socket grants the verb, as of the last hello().  `revoke` is granted everywhere with
    // the value, may("revoke", "token"), but by identifier only on some sockets.
    may(verb, key) {
        const byIdentifier = verb !== "revoke" || key === "token" || ["admin", "self"].includes(this.role);
        return this.#verbs.has(verb) && byIdentifier;
    }

    // Hand each entry of the journal to onEntry(fields) as it comes, until the signal is aborted,
    // through every loss of the connection.  See watch.js.
    watch(args, onEntry, options) {
        return watchJournal(this, args, onEntry, options);
    }

    // Call fn(state, problem) at each change.  Return a function that ends this.
    onState(fn) {
        this.#listeners.add(fn);
        return () => this.#listeners.delete(fn);
    }

    // Begin an exchange that does not wait for others, for watch.js, which also says how it went.
    open(text, options) {
        return new Exchange(this.transport, text, options);
    }

    // Note that the daemon has answered.
    answered() {
        this.#become("up", null);
    }

    // Note that it could not be reached, and look for it from now on.
    failed(problem) {
        if (!(problem instanceof TransportError))
            return;
        this.#become("lost", problem);
        this.#probe ??= this.#look().finally(() => this.#probe = null);
    }

    // Return one answer for each line.
    async #exchange(lines, { onRow, signal }) {
        const leave = await this.#queue.enter(signal);
        let exchange = null;
        try {
            exchange = this.open(lines.join("") + QUIT, { signal, idle: this.#idle });
            const answers = await this.#answers(exchange, lines.length, onRow);
            exchange.drain().finally(leave);
            return answers;
        } catch (error) {
            exchange?.close();
            leave();
            signal?.throwIfAborted();
            this.failed(error);
            throw error;
        }
    }

    // A daemon with too many connections answers once, and closes: that is the answer to all.
    async #answers(exchange, count, onRow) {
        const answers = [];
        while (answers.length < count) {
            try {
                answers.push(await this.#answer(exchange, onRow));
            } catch (error) {
                if (!(error instanceof TransportError && answers.at(-1)?.code === "busy"))
                    throw error;
                answers.push(answers.at(-1));
            }
        }
        return answers;
    }

    async #answer(exchange, onRow) {
        const [rows, add] = collector();
        const line = await exchange.reply(onRow ?? add);
        this.answered();
        return line.status === "ERR" ? new DaemonError(line.reason, line.fields) : resultOf(line, rows);
    }

    #become(state, problem) {
        const changed = this.state !== state || this.problem?.kind !== problem?.kind;
        this.state = state;
        this.problem = problem;
        if (changed)
            for (const fn of [...this.#listeners])
                fn(state, problem);
    }

    // Ask until somebody answers, or it is known that nobody will.
    async #look() {
        const backOff = new BackOff(PROBE_LEAST, PROBE_MOST);
        while (this.state === "lost" && this.problem.kind !== "unauthorized") {
            await sleep(backOff.next(1000 * this.problem.retryAfter));
            if (this.state === "lost")
                await this.request("ping").catch(() => {});
        }
    }
}
