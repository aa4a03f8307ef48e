# SPDX-License-Identifier: Apache-2.0
"""Let only requests with a good bearer token pass to an ASGI application.

    application = jeton.asgi.Middleware(application, jeton.aio.Client(), scopes="wiki:read")

The application finds the token's jeton.Claims in scope["jeton.claims"], and the headers x-jeton-id, -subject, -scopes,
-expires and -verifier as from jeton-gateway, percent-encoded; what the client sent by such names is removed.  Other
requests are answered 401, 403 or 503, with an empty body; web sockets likewise, where the server can do that, or
closed."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from ._answer import Claims, Error
from ._http import Headers, NoToken, Policy, bearer, identity, is_identity
from ._library import Jeton
from .aio import Client

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
POLICY_VIOLATION = 1008


class Middleware:
    """An ASGI application around another.

    tokens             who verifies: an aio.Client; or a Jeton, which is asked in another thread, as it may block
    scopes, subject    what the token must be good for, as in Jeton.verify()
    realm              of WWW-Authenticate: what the token is for"""

    def __init__(self, application: Application, tokens: Client | Jeton, *, scopes: str | Iterable[str] | None = None,
                 subject: str | None = None, realm: str = "jeton") -> None:
        self.application = application
        self.tokens = tokens
        self.policy = Policy(scopes, subject, realm)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"no rule for {scope['type']}")
        sent = list(scope["headers"])
        try:
            claims = await self.judge(sent)
        except (Error, NoToken) as error:
            await refuse(scope, receive, send, *self.policy.refusal(error))
            return
        headers = [(name, value) for name, value in sent if not is_identity(name.decode("latin-1"))]
        headers += [(name.lower().encode(), value.encode()) for name, value in identity(claims)]
        await self.application({**scope, "headers": headers, "jeton.claims": claims}, receive, send)

    async def judge(self, headers: Iterable[tuple[bytes, bytes]]) -> Claims:
        token = bearer([value for name, value in headers if name.lower() == b"authorization"])
        if isinstance(self.tokens, Jeton):
            return await asyncio.to_thread(self.tokens.verify, token, self.policy.scopes, self.policy.subject)
        return await self.tokens.verify(token, self.policy.scopes, self.policy.subject)


async def refuse(scope: Message, receive: Receive, send: Send, status: int, headers: Headers) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        kind = "websocket.http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": raw})
    await send({"type": f"{kind}.body", "body": b""})
