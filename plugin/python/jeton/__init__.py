# SPDX-License-Identifier: Apache-2.0
"""Verify API access tokens of jetond.

    import jeton

    tokens = jeton.Jeton(service="api")             # one for the whole process
    try:
        claims = tokens.verify(value, scopes="deploy")
    except jeton.Refused as refused:
        print(refused.http, refused.reason)         # 401 revoked
    except jeton.Unavailable:
        ...                                         # nobody could judge: 503, never a pass
    else:
        print(claims.subject, claims.scopes)

Jeton          verifies by libjeton: a process whose user is in the group jeton-table looks into the daemon's
               table, without a system call; for others the daemon is asked over its socket.
               Any number of threads may use one; a child may go on with it after os.fork().
jeton.aio      Client: the same questions over the socket, for asyncio, without libjeton
jeton.wsgi     Middleware: lets requests with a good bearer token pass to a WSGI application
jeton.asgi     Middleware: the same for ASGI

Claims         what is known of a token that passed
Status         the answer to a question, as in jeton.h: word, text and HTTP status of each
Error          what is raised for any answer but OK; it never has the token's value:
  Refused      the answer is no; .reason is why, such as "expired"
  Unavailable  there is no answer: nobody could judge the token in time
  Invalid      the question is wrong: a bug in the caller or in its configuration

Only a returned Claims, or Status.OK, is a pass.  libjeton(3) and jeton-protocol(7) explain the answers."""
from ._answer import Claims, Error, Invalid, Refused, Status, Unavailable
from ._library import Jeton
from ._request import SOCKET

__all__ = ["SOCKET", "Claims", "Error", "Invalid", "Jeton", "Refused", "Status", "Unavailable"]
