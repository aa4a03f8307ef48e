// SPDX-License-Identifier: Apache-2.0
// The transports of the page: over HTTP with a server that is made for it and fetch() itself, and
// through Cockpit with channels as cockpit.js has them.
import { strict as assert } from "node:assert";
import { test } from "node:test";

import { Client } from "../../../plugin/web/page/client.js";
import { connect as connectCockpit } from "../../../plugin/web/page/transport_cockpit.js";
import { connect as connectHttp, takeSecret } from "../../../plugin/web/page/transport_http.js";
import { eventually } from "./fake_transport.mjs";
import { SECRET, all, binary, failure, storageOf, withServer } from "./http_server.mjs";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

test("http: a request is a POST with the secret in its header alone, and its answer streams", async () => {
    const seen = [];
    let proceed;
    await withServer(async (request, response) => {
        const body = [];
        for await (const part of request)
            body.push(part);
        seen.push([request.method, request.url, request.headers, Buffer.concat(body).toString()]);
        response.writeHead(200, binary);
        response.write("* id=1\n");
        await new Promise(resolve => { proceed = resolve; });
        response.end("OK\nOK\n");
    }, async transport => {
        let answer = "";
        for await (const chunk of transport.exchange(encoder.encode("list\nquit\n"))) {
            answer += decoder.decode(chunk);
            proceed();
        }
        assert.equal(answer, "* id=1\nOK\nOK\n");
    });
    const [[method, url, headers, body]] = seen;
    assert.deepEqual([method, url, body, headers.authorization], ["POST", "/exchange", "list\nquit\n", `Bearer ${SECRET}`]);
    assert.equal(headers["content-length"], "10");
    assert.deepEqual(Object.keys(headers).filter(name => headers[name].includes(SECRET)), ["authorization"]);
    assert.equal(headers.cookie, undefined);
});

test("http: each request says for how long nobody has used the page", async () => {
    const idle = [];
    await withServer((request, response) => {
        idle.push(Number(request.headers["jeton-idle"]));
        response.writeHead(200, binary).end("OK\n");
    }, async transport => {
        await all(transport);
        await eventually(async () => (await all(transport), idle.at(-1) >= 1), "time passes");
        for (const type of ["keydown", "pointerdown", "wheel"]) {
            document.dispatchEvent(new Event(type));
            await all(transport);
        }
    });
    assert.deepEqual(idle.slice(-3), [0, 0, 0]);
});

test("http: a night in which the machine was suspended is one in which nobody used the page", async context => {
    const idle = [];
    await withServer((request, response) => {
        idle.push(Number(request.headers["jeton-idle"]));
        response.writeHead(200, binary).end("OK\n");
    }, async transport => {
        context.mock.timers.enable({ apis: ["Date"], now: Date.now() });
        document.dispatchEvent(new Event("keydown"));
        context.mock.timers.tick(8 * 3600 * 1000);
        await all(transport);
        document.dispatchEvent(new Event("keydown"));
        await all(transport);
    });
    assert(idle[0] >= 8 * 3600);
    assert.equal(idle[1], 0);
});

test("http: each refusal has its kind, and the server's words for people", async () => {
    const cases = [
        [401, {}, "wrong secret\n", "unauthorized", "wrong secret", 0],
        [403, {}, "", "unauthorized", "The server does not serve this address.", 0],
        [502, {}, "cannot connect to /run/jeton/admin.sock: Connection refused\nmore\n", "daemon",
            "cannot connect to /run/jeton/admin.sock: Connection refused", 0],
        [502, {}, "x".repeat(100000), "daemon", "x".repeat(500), 0],
        [429, { "Retry-After": "3" }, "slow down", "lost", "slow down", 3],
        [429, { "Retry-After": "1e99" }, "slow down", "lost", "slow down", 0],
        [500, {}, "", "lost", "The server answered 500.", 0],
        [200, { "Content-Type": "text/html" }, "<html>", "lost", "<html>", 0],
        [204, {}, "", "lost", "The server answered 204.", 0],
        [303, { Location: "/elsewhere" }, "", "lost", "The server is not there any more.", 0],
    ];
    for (const [status, headers, text, kind, message, retryAfter] of cases) {
        await withServer((request, response) => {
            if (request.url === "/exchange")
                response.writeHead(status, headers).end(text);
            else
                response.writeHead(200, binary).end("OK\n");
        }, async transport => {
            const error = await failure(all(transport));
            assert.deepEqual([error.kind, error.message, error.retryAfter], [kind, message, retryAfter], String(status));
        });
    }
});

test("http: a secret that is refused is forgotten, another is not", async () => {
    for (const [status, left] of [[401, {}], [502, { "jeton-web-secret": SECRET }]]) {
        const storage = storageOf({ "jeton-web-secret": SECRET });
        await withServer((_request, response) => response.writeHead(status).end(), async transport => {
            await failure(all(transport));
            assert.deepEqual(storage.items, left);
        }, { storage, secret: undefined });
    }
    const none = connectHttp({ storage: storageOf(), fetch: () => assert.fail("it was sent") });
    assert.equal((await failure(all(none))).kind, "unauthorized");
});

test("http: a server that is gone is lost, before and within an answer", async () => {
    let gone;
    await withServer(() => {}, async transport => { gone = transport; });
    assert.equal((await failure(all(gone))).kind, "lost");
    await withServer((_request, response) => {
        response.writeHead(200, binary).write("* id=1\n");
        setTimeout(() => response.destroy(), 20);
    }, async transport => {
        const error = await failure(all(transport));
        assert.deepEqual([error.kind, error.uncertain], ["lost", true]);
    });
});

test("http: who aborts, or has read enough, ends the connection", async () => {
    let opened = 0;
    let closed = 0;
    await withServer((_request, response) => {
        opened++;
        response.on("close", () => closed++);
        response.writeHead(200, binary).write("* id=1\n");
    }, async transport => {
        const stop = new AbortController();
        const running = assert.rejects(all(transport, "watch\n", { signal: stop.signal }), { name: "AbortError" });
        await eventually(() => opened === 1, "the first is open");
        stop.abort();
        await running;
        await eventually(() => closed === 1, "the first is closed");
        for await (const chunk of transport.exchange(encoder.encode("watch\n"))) {
            assert.equal(decoder.decode(chunk), "* id=1\n");
            break;
        }
        await eventually(() => closed === 2, "the second is closed");
    });
});

test("http: the secret goes from the link into the tab's storage", () => {
    const replaced = [];
    const page = hash => ({
        location: { hash, pathname: "/", search: "" },
        history: { replaceState: (...all) => replaced.push(all) },
        storage: storageOf(),
    });
    const opened = page(`#${SECRET}`);
    assert.equal(takeSecret(opened), SECRET);
    assert.deepEqual(replaced, [[null, "", "/"]]);
    assert.equal(takeSecret({ ...opened, location: { hash: "#/tokens?state=active", pathname: "/", search: "" } }), SECRET);
    assert.equal(replaced.length, 1);
    for (const hash of ["", "#/tokens", "#short", "#/token/7976c1770b139b2cf9d2"])
        assert.equal(takeSecret(page(hash)), null);
});

// -- Cockpit ------------------------------------------------------------------------------------

// A channel as cockpit.js has it; `sockets` says what each path does: a problem, or an answer.
class Channel {
    valid = true;
    listeners = {};

    constructor(options, behave, log) {
        this.options = options;
        this.log = log;
        queueMicrotask(() => this.emit("ready", {}));
        setImmediate(() => behave(this));
    }

    addEventListener(name, fn) {
        (this.listeners[name] ??= []).push(fn);
    }

    emit(name, data) {
        if (this.valid)
            for (const fn of this.listeners[name] ?? [])
                fn({}, data);
    }

    send(bytes) {
        assert(bytes instanceof Uint8Array);
        this.sent = decoder.decode(bytes);
    }

    end(problem) {
        this.emit("close", problem === undefined ? {} : { problem });
        this.valid = false;
    }

    close() {
        this.log.push(["closed", this.options.unix]);
        this.end();
    }
}

const ADMIN = "/run/jeton/admin.sock";
const SELF = "/run/jeton/self.sock";
const OBSERVE = "/run/jeton/observe.sock";

function cockpitOf(sockets) {
    const log = [];
    return {
        log,
        sockets,
        user: async () => ({ name: "alice" }),
        channel(options) {
            assert.equal(options.payload, "stream");
            assert.equal(options.binary, true);
            const key = options.unix + (options.superuser === undefined ? "" : ` ${options.superuser}`);
            log.push(["opened", key]);
            return new Channel(options, channel => {
                const does = sockets[key] ?? "not-found";
                if (typeof does === "string")
                    channel.end(does);
                else
                    does(channel);
            }, log);
        },
    };
}

function answers(channel) {
    for (const part of ["* sent=", `${channel.sent.length}\n`, "OK\n"])
        channel.emit("message", encoder.encode(part));
    channel.end();
}

test("cockpit: the first socket that may be opened is used from then on", async () => {
    const cases = [
        [{ [ADMIN]: answers }, { socket: "admin", superuser: false }],
        [{ [ADMIN]: "access-denied", [`${ADMIN} require`]: answers, [SELF]: answers }, { socket: "admin", superuser: true }],
        [{ [ADMIN]: "access-denied", [`${ADMIN} require`]: "access-denied", [SELF]: answers }, { socket: "self", superuser: false }],
        [{ [ADMIN]: "access-denied", [OBSERVE]: answers }, { socket: "observe", superuser: false }],
    ];
    for (const [sockets, expected] of cases) {
        const cockpit = cockpitOf(sockets);
        const transport = await connectCockpit({ cockpit });
        assert.deepEqual(transport.describe(), { kind: "cockpit", user: "alice", ...expected });
        cockpit.log.length = 0;
        assert.equal(await all(transport), "* sent=10\nOK\n");
        assert.equal(cockpit.log.filter(([what]) => what === "opened").length, 1);
    }
    const observing = await connectCockpit({ cockpit: cockpitOf({ [ADMIN]: answers, [OBSERVE]: answers }), role: "observe" });
    assert.equal(observing.describe().socket, "observe");
});

test("cockpit: who may open no socket is told so; a daemon that comes is found", async () => {
    const denied = await connectCockpit({ cockpit: cockpitOf({ [ADMIN]: "access-denied" }) });
    assert.equal(denied.describe().socket, null);
    const error = await failure(all(denied));
    assert.deepEqual([error.kind, error.uncertain], ["forbidden", false]);
    const cockpit = cockpitOf({});
    const transport = await connectCockpit({ cockpit });
    assert.equal((await failure(all(transport))).kind, "daemon");
    cockpit.sockets[ADMIN] = answers;
    assert.equal(await all(transport), "* sent=10\nOK\n");
    cockpit.sockets[ADMIN] = "not-found";
    cockpit.sockets[SELF] = answers;
    assert.equal((await failure(all(transport))).kind, "daemon");
    assert.equal(transport.describe().socket, "admin");
});

test("cockpit: a socket that may not be opened for a while is found again", async () => {
    for (const begins of ["access-denied", answers]) { // with the page, or while it is open
        const cockpit = cockpitOf({ [ADMIN]: begins });
        const client = new Client(await connectCockpit({ cockpit }));
        cockpit.sockets[ADMIN] = "access-denied";
        const states = [];
        client.onState((state, problem) => states.push([state, problem?.kind]));
        assert.equal((await failure(client.request("ping"))).kind, "forbidden");
        assert.deepEqual(states, [["lost", "forbidden"]]);
        cockpit.sockets[ADMIN] = answers;
        await eventually(() => client.state === "up", "the client has found it by itself");
        assert.equal(client.transport.describe().socket, "admin");
    }
});

test("cockpit: a session that ends is lost, also within an answer", async () => {
    const cockpit = cockpitOf({ [ADMIN]: answers });
    const transport = await connectCockpit({ cockpit });
    for (const problem of ["disconnected", "terminated", "internal-error", "something-new"]) {
        cockpit.sockets[ADMIN] = channel => {
            channel.emit("message", encoder.encode("* id=1\n"));
            channel.end(problem);
        };
        const error = await failure(all(transport));
        assert.deepEqual([error.kind, error.uncertain], ["lost", true]);
    }
    const gone = await connectCockpit({ cockpit: cockpitOf({ [ADMIN]: "disconnected", [SELF]: answers }) });
    assert.equal(gone.describe().socket, null);
});

test("cockpit: who aborts, or has read enough, closes the channel", async () => {
    const cockpit = cockpitOf({ [ADMIN]: answers });
    const transport = await connectCockpit({ cockpit });
    cockpit.sockets[ADMIN] = channel => channel.emit("message", encoder.encode("* id=1\n"));
    cockpit.log.length = 0;
    const stop = new AbortController();
    const running = all(transport, "watch\n", { signal: stop.signal });
    setTimeout(() => stop.abort(), 10);
    await assert.rejects(running, { name: "AbortError" });
    for await (const chunk of transport.exchange(encoder.encode("watch\n"))) {
        assert.equal(decoder.decode(chunk), "* id=1\n");
        break;
    }
    assert.deepEqual(cockpit.log.map(([what]) => what), ["opened", "closed", "opened", "closed"]);
});

test("cockpit: what comes faster than it is read is bounded", async () => {
    const cockpit = cockpitOf({ [ADMIN]: answers });
    const transport = await connectCockpit({ cockpit });
    const mebibyte = new Uint8Array(1024 * 1024);
    cockpit.sockets[ADMIN] = channel => {
        for (let i = 0; i < 100; i++)
            channel.emit("message", mebibyte);
    };
    assert.equal((await failure(all(transport))).kind, "lost");
    assert.deepEqual(cockpit.log.at(-1), ["closed", ADMIN]);
});

test("cockpit: a socket that never answers is not waited for without end", async context => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const cockpit = cockpitOf({ [ADMIN]: () => {} });
    const connecting = connectCockpit({ cockpit });
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
    context.mock.timers.tick(20000);
    const transport = await connecting;
    assert.equal(transport.describe().socket, null);
    cockpit.sockets[ADMIN] = answers;
    assert.equal(await all(transport), "* sent=10\nOK\n");
});
