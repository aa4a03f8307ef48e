// SPDX-License-Identifier: Apache-2.0
// What can go wrong between the page and the daemon.  No message holds a request or a part of one,
// as requests contain values of tokens.

// What was received or is to be sent does not follow the protocol.
export class ProtocolError extends Error {
    name = "ProtocolError";
}

// The daemon was not reached, or not to the end of its answer.  kind:
//     "unauthorized"  the secret or the session is not good, and will not become so
//     "forbidden"     no socket of the daemon may be opened, which can change: as while it starts
//     "daemon"        what carries the stream is there, but jetond is not
//     "lost"          the server that carries the stream, or the session, is gone
// uncertain: the request may have been carried out, although no answer came.
// stranger: something else answers where the server was; nothing has been sent to it.
export class TransportError extends Error {
    name = "TransportError";

    constructor(kind, message, { uncertain = false, stranger = false, retryAfter = 0, cause } = {}) {
        super(message, cause === undefined ? undefined : { cause });
        this.kind = kind;
        this.uncertain = uncertain;
        this.stranger = stranger;
        this.retryAfter = retryAfter;
    }
}

// The daemon answered ERR: `code` of section 4 of the protocol, and the fields beside it.
export class DaemonError extends Error {
    name = "DaemonError";

    constructor(code, fields) {
        super(fields.message ?? code);
        this.code = code;
        this.fields = fields;
    }
}
