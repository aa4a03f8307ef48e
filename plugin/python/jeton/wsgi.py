# SPDX-License-Identifier: Apache-2.0
"""Let only requests with a good bearer token pass to a WSGI application.

    application = jeton.wsgi.Middleware(application, jeton.Jeton(), scopes="wiki:read")

The application finds the token's jeton.Claims in environ["jeton.claims"], and HTTP_X_JETON_ID, _SUBJECT, _SCOPES,
_EXPIRES and _VERIFIER as from jeton-gateway, percent-encoded; what the client sent by such names is removed.  Other
requests are answered 401, 403 or 503, with an empty body.

Several Authorization headers are refused, as servers join them with commas, which PEP 3333 asks of them."""
from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ._answer import Claims, Error
from ._http import NoToken, Policy, bearer, identity, is_identity
from ._library import Jeton

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

REASONS = {401: "401 Unauthorized", 403: "403 Forbidden", 500: "500 Internal Server Error", 503: "503 Service Unavailable"}


class Middleware:
    """A WSGI application around another.

    tokens             who verifies
    scopes, subject    what the token must be good for, as in Jeton.verify()
    realm              of WWW-Authenticate: what the token is for"""

    def __init__(self, application: WSGIApplication, tokens: Jeton, *, scopes: str | Iterable[str] | None = None,
                 subject: str | None = None, realm: str = "jeton") -> None:
        self.application = application
        self.tokens = tokens
        self.policy = Policy(scopes, subject, realm)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            claims = self.judge(environ)
        except (Error, NoToken) as error:
            status, headers = self.policy.refusal(error)
            start_response(REASONS[status], headers)
            return []
        for name in [key for key in environ if key.startswith("HTTP_") and is_identity(key[5:])]:
            del environ[name]
        environ["jeton.claims"] = claims
        for name, value in identity(claims):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return self.application(environ, start_response)

    def judge(self, environ: dict[str, Any]) -> Claims:
        authorization = environ.get("HTTP_AUTHORIZATION")
        values = [] if authorization is None else [authorization.encode("utf-8", "surrogatepass")]
        return self.tokens.verify(bearer(values), self.policy.scopes, self.policy.subject)
