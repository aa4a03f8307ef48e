// SPDX-License-Identifier: Apache-2.0
// Carries exchanges to the server of `jeton web`: POST /exchange with the request lines, answered by
// the daemon's bytes as they come.  The secret authorises; it goes into a header and nowhere else.

import { TransportError } from "./errors.js";

const STORED = "jeton-web-secret";
const SECRET = /^[A-Za-z0-9_=-]{16,256}$/;
const REASON_MOST = 500; // characters of what the server says

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

// Read the first line of a refusal, which is for people.
async function reasonOf(response) {
    try {
        let text = "";
        const decoder = new TextDecoder();
        for await (const chunk of chunksOf(response.body)) {
            text += decoder.decode(chunk, { stream: true });
            if (text.length > REASON_MOST || text.includes("\n"))
                break;
        }
        return text.split("\n")[0].slice(0, REASON_MOST).trim();
    } catch {
        return "";
    }
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
    const reason = await reasonOf(response);
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
// for by itself.
class Attention {
    #last = performance.now();

    constructor(target) {
        for (const type of ["keydown", "pointerdown", "wheel"])
            target.addEventListener(type, () => this.#last = performance.now(), { capture: true, passive: true });
    }

    get idleSeconds() {
        return Math.floor((performance.now() - this.#last) / 1000);
    }
}

class HttpTransport {
    #secret;
    #storage;
    #fetch;
    #attention;

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
            throw this.#lost(cause, signal);
        }
    }

    async #post(bytes, signal) {
        if (this.#secret === null)
            throw new TransportError("unauthorized", "Open the whole link that jeton web printed.");
        try {
            return await this.#fetch.call(globalThis, "/exchange", {
                method: "POST",
                headers: {
                    Authorization: `Bearer ${this.#secret}`,
                    "Content-Type": "application/octet-stream",
                    "Jeton-Idle": String(this.#attention.idleSeconds),
                },
                body: bytes,
                cache: "no-store",
                credentials: "omit",
                mode: "same-origin",
                redirect: "error",
                referrerPolicy: "no-referrer",
                signal,
            });
        } catch (cause) {
            throw this.#lost(cause, signal);
        }
    }

    #lost(cause, signal) {
        if (signal?.aborted)
            return signal.reason;
        return new TransportError("lost", "The server is not there any more.", { uncertain: true, cause });
    }
}

let attention = null; // one for the page, however often it connects

// Return a transport with the secret of this tab.  `fetch` and `storage` are the browser's unless
// given.
export function connect({ secret, storage = globalThis.sessionStorage, fetch = globalThis.fetch } = {}) {
    attention ??= new Attention(globalThis.document);
    return new HttpTransport(secret ?? storage?.getItem(STORED) ?? null, storage, fetch, attention);
}
