// SPDX-License-Identifier: Apache-2.0
// Carries exchanges to the server of `jeton web`: POST /exchange with the request lines, answered by
// the daemon's bytes as they come.  The secret authorises; it goes into a header and nowhere else, and
// that only after the server has proved that it knows it: once it has ended, its port is anybody's.

import { digest, hex } from "./blake2b.js";
import { TransportError } from "./errors.js";

const STORED = "jeton-web-secret";
const SECRET = /^[A-Za-z0-9_=-]{16,256}$/;
const REASON_MOST = 500; // characters of what the server says
const NONCE = 32; // bytes
const PROOF = "jeton web proof";
const PROOF_WITHIN = 10000; // ms

const encoder = new TextEncoder();

// Take the secret from the link's fragment into this tab's storage, so that a reload has it, and
// remove it from the address.  Return it, or the one that was stored, or null.
export function takeSecret({ location, history, storage } = defaults()) {
    const given = location.hash.slice(1);
    if (!SECRET.test(given))
        return storage.getItem(STORED);
    storage.setItem(STORED, given);
    history.replaceState(null, "", location.pathname + location.search);
    return given;
}

function defaults() {
    return { location: globalThis.location, history: globalThis.history, storage: globalThis.sessionStorage };
}

// Read the first line of an answer.
async function lineOf(response) {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of chunksOf(response.body)) {
        text += decoder.decode(chunk, { stream: true });
        if (text.length > REASON_MOST || text.includes("\n"))
            break;
    }
    return text.split("\n")[0].slice(0, REASON_MOST).trim();
}

// Streams are not iterable in every browser.
async function* chunksOf(body) {
    const reader = body.getReader();
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done)
                return;
            yield value;
        }
    } finally {
        await reader.cancel().catch(() => {});
    }
}

// Return the error for an answer that is not the daemon's.
async function refusalOf(response) {
    const reason = await lineOf(response).catch(() => ""); // it is for people
    const seconds = Number(response.headers.get("Retry-After"));
    const retryAfter = seconds > 0 && seconds < 3600 ? seconds : 0;
    switch (response.status) {
    case 401:
        return new TransportError("unauthorized", reason || "This link is not valid any more; run jeton web again.");
    case 403:
    case 421:
        return new TransportError("unauthorized", reason || "The server does not serve this address.");
    case 502:
        return new TransportError("daemon", reason || "The daemon is not there.");
    default:
        return new TransportError("lost", reason || `The server answered ${response.status}.`,
                                  { retryAfter, uncertain: response.ok });
    }
}

function isAnswer(response) {
    const type = response.headers.get("Content-Type") ?? "";
    return response.status === 200 && type.split(";")[0].trim() === "application/octet-stream" &&
        response.body !== null;
}

// When somebody last used the page: the server ends when nobody has for long, whatever the page asks
// for by itself.  The one clock may stand still while the machine is suspended, the other may be set.
class Attention {
    #last = performance.now();
    #lastDate = Date.now();

    constructor(target) {
        for (const type of ["keydown", "pointerdown", "wheel"])
            target.addEventListener(type, () => this.#note(), { capture: true, passive: true });
    }

    #note() {
        this.#last = performance.now();
        this.#lastDate = Date.now();
    }

    get idleSeconds() {
        return Math.floor(Math.max(performance.now() - this.#last, Date.now() - this.#lastDate) / 1000);
    }
}

class HttpTransport {
    #secret;
    #storage;
    #fetch;
    #attention;
    #refused = null; // why nothing is sent any more

    constructor(secret, storage, fetch, attention) {
        this.#secret = secret;
        this.#storage = storage;
        this.#fetch = fetch;
        this.#attention = attention;
    }

    describe() {
        return { kind: "http" };
    }

    // Send the request lines; go through the answer's bytes.  Leaving the loop ends the connection.
    async* exchange(bytes, { signal } = {}) {
        await this.#prove(signal);
        const response = await this.#post(bytes, signal);
        if (!isAnswer(response)) {
            const refusal = await refusalOf(response);
            if (response.status === 401)
                this.#storage?.removeItem(STORED);
            throw refusal;
        }
        try {
            yield* chunksOf(response.body);
        } catch (cause) {
            throw this.#lost(cause, signal, true);
        }
    }

    // Resolve once the server has answered a fresh nonce as only who knows the secret can.  What was proved
    // before does not count: nobody tells when a server ends and another takes its place.
    async #prove(signal) {
        if (this.#secret === null)
            throw new TransportError("unauthorized", "Open the whole link that jeton web printed.");
        if (this.#refused !== null)
            throw this.#refused;
        const nonce = hex(crypto.getRandomValues(new Uint8Array(NONCE)));
        const abort = new AbortController();
        const stop = () => abort.abort();
        const timer = setTimeout(stop, PROOF_WITHIN);
        signal?.addEventListener("abort", stop);
        try {
            signal?.throwIfAborted();
            const response = await this.#send("/proof", { "Jeton-Nonce": nonce }, null, abort.signal);
            this.#judge(response.status, await lineOf(response), hex(digest(encoder.encode(this.#secret + nonce), PROOF)));
        } catch (error) {
            throw error instanceof TransportError ? error : this.#lost(error, signal, false);
        } finally {
            clearTimeout(timer);
            signal?.removeEventListener("abort", stop);
            abort.abort();
        }
    }

    // What a stranger says is not shown.  The secret is forgotten: a page of his at this address could
    // read it from the storage.
    #judge(status, answer, expected) {
        if (status === 200 && answer === expected)
            return;
        if (status >= 500 || status === 408 || status === 429)
            throw new TransportError("lost", "The server is busy, or is not there any more.");
        this.#storage?.removeItem(STORED);
        this.#refused = new TransportError("unauthorized", "Something else answers where jeton web was.", { stranger: true });
        throw this.#refused;
    }

    async #post(bytes, signal) {
        try {
            return await this.#send("/exchange", {
                Authorization: `Bearer ${this.#secret}`,
                "Content-Type": "application/octet-stream",
                "Jeton-Idle": String(this.#attention.idleSeconds),
            }, bytes, signal);
        } catch (cause) {
            throw this.#lost(cause, signal, true);
        }
    }

    #send(path, headers, body, signal) {
        return this.#fetch.call(globalThis, path, {
            method: "POST", headers, body, signal,
            cache: "no-store",
            credentials: "omit",
            mode: "same-origin",
            redirect: "error",
            referrerPolicy: "same-origin", // under "no-referrer" the origin would be sent as "null"
        });
    }

    #lost(cause, signal, uncertain) {
        if (signal?.aborted)
            return signal.reason;
        return new TransportError("lost", "The server is not there any more.", { uncertain, cause });
    }
}

let attention = null; // one for the page, however often it connects

// Return a transport with the secret of this tab.  `fetch` and `storage` are the browser's unless
// given.
export function connect({ secret, storage = globalThis.sessionStorage, fetch = globalThis.fetch } = {}) {
    attention ??= new Attention(globalThis.document);
    return new HttpTransport(secret ?? storage?.getItem(STORED) ?? null, storage, fetch, attention);
}
