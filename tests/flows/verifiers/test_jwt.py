# SPDX-License-Identifier: Apache-2.0
"""Signed JWTs beside the daemon's own tokens."""
import base64
import json
import subprocess
import time

from settings import BUILD
from waiting import eventually


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Signs with an Ed25519 key of its own; openssl does the work."""

    def __init__(self, directory, name="https://idp.example"):
        self.name = name
        self.secret = f"{directory}/{id(self)}.key"
        self.public = f"{directory}/{id(self)}.pem"
        run("genpkey", "-algorithm", "ed25519", "-out", self.secret)
        run("pkey", "-in", self.secret, "-pubout", "-out", self.public)

    def sign(self, header=None, **claims):
        claims = {"iss": self.name, "aud": "api", "exp": int(time.time()) + 3600} | claims
        parts = (header or {"alg": "EdDSA", "typ": "JWT"}, claims)
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        with open(f"{self.secret}.in", "w") as file:
            file.write(signed)
        run("pkeyutl", "-sign", "-inkey", self.secret, "-rawin", "-in", file.name, "-out",
            f"{self.secret}.out")
        with open(f"{self.secret}.out", "rb") as file:
            return f"{signed}.{base64url(file.read())}"


def run(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def config(issuer, more=""):
    return f"""
[daemon]
verifiers = {BUILD}/verifiers
[service api]
sufficient = local
requisite = jwt key={issuer.public}
    issuer={issuer.name} audience=api   ; the line goes on
{more}"""


def test_jwts_are_good_beside_own_tokens(daemon):
    d = daemon(config="")
    issuer = Issuer(d.directory)
    d.configure(config(issuer, "requisite = require min_remaining=1m\n"))
    d.restart()
    own = d.create(subject="ci")["token"]
    assert d.verify(own, service="api") == "OK"
    d.answered_by("table")
    jwt = issuer.sign(sub="alice", scope="read write", jti="4711", padding="x" * 600)
    assert len(jwt) > 512
    assert d.verify(jwt, service="api", scope="read", subject="alice") == "OK"
    d.answered_by("daemon")
    reply = d.ask(f"verify service=api {jwt}", "verify")
    assert ({key: reply[key] for key in ("id", "subject", "scopes", "issuer", "verifier")} ==
            {"id": "4711", "subject": "alice", "scopes": "read,write", "issuer": issuer.name,
             "verifier": "jwt"})
    for refused, verdict in (
            (issuer.sign(exp=int(time.time()) - 3600), "NO expired"),
            (issuer.sign(nbf=int(time.time()) + 3600), "NO pending"),
            (issuer.sign(aud="other"), "NO denied"), (issuer.sign(iss="other"), "NO denied"),
            (issuer.sign(exp=int(time.time()) + 10), "NO denied"),
            (issuer.sign(exp=int(time.time()) + 50), "NO denied"),
            (issuer.sign(header={"alg": "none"}), "NO unknown"),
            (Issuer(d.directory).sign(), "NO unknown"), (jwt[:-4] + "AAAA", "NO unknown"),
            ("x" * 40, "NO unknown")):
        assert d.verify(refused, service="api") == verdict
    assert d.verify(jwt) == "NO unknown"
    assert d.verify(jwt, service="api", scope="admin") == "NO scope"
    assert d.verify(jwt, service="api", subject="bob") == "NO subject"


def test_expiry_in_the_reply_is_that_of_the_jwt(daemon):
    d = daemon(config="")
    issuer = Issuer(d.directory)
    d.configure(config(issuer, "    leeway=5m\n"))
    d.restart()
    for ends in int(time.time()) + 3600, int(time.time()) - 10:
        reply = d.ask(f"verify service=api {issuer.sign(exp=ends)}", "verify")
        assert reply.verdict == "OK"
        assert reply["expires"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))


def test_jti_that_looks_like_an_id_of_ours_is_marked(daemon):
    d = daemon(config="")
    issuer = Issuer(d.directory)
    d.configure(config(issuer))
    d.restart()
    own = d.create()["id"]
    reply = d.ask(f"verify service=api {issuer.sign(jti=own)}", "verify")
    assert (reply.verdict, reply["id"]) == ("OK", f"other:{own}")


def test_broken_key_of_a_set_is_ignored_and_logged(daemon):
    d = daemon(config="")
    issuer = Issuer(d.directory)
    with open(issuer.public) as file:
        der = base64.b64decode("".join(file.read().splitlines()[1:-1]))
    good = {"kty": "OKP", "crv": "Ed25519", "kid": "new", "x": base64url(der[-32:])}
    weak = {"kty": "RSA", "kid": "old", "n": base64url(b"\xff" * 128), "e": "AQAB"}
    path = f"{d.directory}/set.jwks"
    with open(path, "w") as file:
        json.dump({"keys": [weak, good]}, file)
    d.configure(config(issuer).replace(f"key={issuer.public}", f"jwks={path}"))
    d.restart()
    assert d.verify(issuer.sign(), service="api") == "OK"
    assert f"service api, verifier jwt: jwks={path}: key 1 (kid old) is ignored: " in d.log()


def test_jwt_can_be_revoked_here(daemon):
    d = daemon(config="")
    issuer = Issuer(d.directory)
    d.configure(config(issuer))
    d.restart()
    jwt, other = issuer.sign(sub="alice"), issuer.sign(sub="bob")
    assert d.verify(jwt, service="api") == "OK"
    d.done(f"import token={jwt} subject=alice description=\"stolen laptop\"")
    assert d.done(f"revoke token={jwt}", "verify").verdict == "OK"
    assert d.verify(jwt, service="api") == "NO revoked"
    assert d.verify(other, service="api") == "OK"
    d.restart()
    assert d.verify(jwt, service="api") == "NO revoked"


def test_jwt_is_denied_by_its_issuer_and_jti(daemon):
    d = daemon(config="")
    issuer = Issuer(d.directory)
    d.configure(config(issuer) + "[service both]\nrequisite = local\nrequired = jwt "
                f"key={issuer.public} issuer={issuer.name} audience=api\n")
    d.restart()
    for jti in "4711", "x" * 200:
        jwt, again = (issuer.sign(sub="alice", jti=jti, nonce=n) for n in range(2))
        assert d.verify(jwt, service="api") == "OK"
        d.done(f"ban issuer={issuer.name} id={jti} ttl=1h")
        assert d.verify(jwt, service="api") == d.verify(again, service="api") == "NO revoked"
        d.done(f"import token={jwt} subject=alice")
        assert d.verify(jwt, service="both") == "NO revoked"
        d.restart()
        assert d.verify(again, service="api") == d.verify(jwt, service="both") == "NO revoked"


def test_keys_are_read_again_by_a_reload(daemon):
    d = daemon(config="")
    old, new = Issuer(d.directory), Issuer(d.directory)
    d.configure(config(old))
    d.restart()
    before, after = old.sign(), new.sign()
    assert [d.verify(jwt, service="api") for jwt in (before, after)] == ["OK", "NO unknown"]
    d.configure(config(new))
    d.reload()
    eventually(lambda: "configuration reloaded" in d.log(), "it is reloaded")
    assert [d.verify(jwt, service="api") for jwt in (before, after)] == ["NO unknown", "OK"]
    with open(new.public, "w") as file:
        file.write("no key\n")
    d.reload()
    eventually(lambda: f"{d.config}:6: jwt: " in d.log() and new.public in d.log(), "it is logged why not")
    assert d.verify(after, service="api") == "OK"
