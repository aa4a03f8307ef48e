// SPDX-License-Identifier: Apache-2.0
// A transport like those of the page, over the daemon's Unix socket itself.
import net from "node:net";

import { TransportError } from "../../../plugin/web/page/errors.js";

export class UnixTransport {
    constructor(path) {
        this.path = path;
    }

    describe() {
        return { kind: "unix" };
    }

    async* exchange(bytes, { signal } = {}) {
        const socket = net.connect(this.path);
        const abort = () => socket.destroy(signal.reason);
        signal?.addEventListener("abort", abort);
        socket.on("error", () => {});
        socket.write(Buffer.from(bytes));
        try {
            for await (const chunk of socket)
                yield new Uint8Array(chunk);
        } catch (error) {
            if (signal?.aborted)
                throw signal.reason;
            throw new TransportError("daemon", "The daemon is not there.", { uncertain: error.code === "ECONNRESET" });
        } finally {
            signal?.removeEventListener("abort", abort);
            socket.destroy();
        }
    }
}
