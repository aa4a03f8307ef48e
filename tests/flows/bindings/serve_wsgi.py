# SPDX-License-Identifier: Apache-2.0
"""Serve the WSGI middleware over HTTP: PATH, and what /site/N asks of a token, as JSON.  Print the port."""
import json
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import jeton
import jeton.wsgi

path, wants = sys.argv[1], json.loads(sys.argv[2])
tokens = jeton.Jeton(path, timeout=10)


def application(environ, start_response):
    assert environ["jeton.claims"].id == environ["HTTP_X_JETON_ID"]
    start_response("200 OK", [("Content-Type", "application/json")])
    seen = {name[5:].lower().replace("_", "-"): value.encode("latin-1").decode() for name, value in environ.items()
            if name.startswith("HTTP_X") and "JETON" in name}
    return [json.dumps(seen).encode()]


sites = [jeton.wsgi.Middleware(application, tokens, scopes=want.get("scope"), subject=want.get("subject"))
         for want in wants]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def site(environ, start_response):
    return sites[int(environ["PATH_INFO"].rsplit("/")[-1])](environ, start_response)


with make_server("127.0.0.1", 0, site, handler_class=Quiet) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
