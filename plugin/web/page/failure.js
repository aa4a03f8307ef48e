// SPDX-License-Identifier: Apache-2.0
/* What went wrong, as sentences for people. */

import { cleanText } from "./dom.js";
import { DaemonError, ProtocolError, TransportError } from "./errors.js";
import { text } from "./strings.js";

/** Why this page is refused by what it talks to; null: it is not. */
function refusalText(error) {
    if (error?.kind === "unauthorized")
        return error.stranger ? text.shell.stranger : text.shell.unauthorized;
    return error?.kind === "forbidden" ? text.shell.forbidden : null;
}

/** A failed request: the daemon's message, or what is known of the connection. */
export function failureText(error) {
    if (error instanceof DaemonError)
        return cleanText(error.message);
    if (error instanceof ProtocolError)
        return text.shell.nonsense(error.message);
    if (!(error instanceof TransportError))
        return error?.message ?? String(error);
    if (error.uncertain)
        return text.shell.unknownOutcome;
    if (error.kind === "lost")
        return error.retryAfter > 0 ? text.shell.busy : text.shell.requestLost;
    return refusalText(error) ?? text.shell.daemonDown;
}

/** A connection that is lost, and what helps. */
export function lossText(error, transport) {
    if (error?.kind === "daemon")
        return text.shell.daemonGone;
    return refusalText(error) ?? (transport?.describe?.().kind === "http" ? text.shell.serverGone : text.shell.lost);
}

/** A page that cannot be started. */
export function startText(error) {
    return refusalText(error) ?? (error.kind === "daemon" ? text.shell.daemonGone : failureText(error));
}
