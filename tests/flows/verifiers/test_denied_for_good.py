# SPDX-License-Identifier: Apache-2.0
"""Once denied, never OK: random stacks, credentials, changes, restarts, backups put back and merges of two
hosts, against a model that knows nothing but what was denied.  JETON_SEED repeats a round."""
import base64
import json
import os
import random
import re
import shutil
import subprocess
import time

import pytest

from campaign import rounds
from daemon import Daemon
from settings import BUILD, JETOND, PATIENCE, scaled
from timestamp import stamp
from value import digest_of, id_of

ISSUER = "https://idp.example"
CONTROLS = ("required", "requisite", "sufficient", "optional")
STEPS = scaled(80, 20)
TAKEN = ("OK", "ERR exists", "ERR banned")      # answers to a line of an export


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """Makes JWTs that jetond's jwt verifier passes; each signature of the same text is another (ES256)."""

    def __init__(self, directory):
        self.secret, self.public = f"{directory}/es256.key", f"{directory}/es256.pem"
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.secret)
        openssl("pkey", "-in", self.secret, "-pubout", "-out", self.public)

    def unsigned(self, jti):
        claims = {"iss": ISSUER, "aud": "api", "sub": "mallory", "exp": int(time.time()) + 36000, "jti": jti}
        return ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "ES256"}, claims))

    def signature(self, signed):
        """Either of the two that are valid: s, and the order of the curve less s."""
        der = openssl("dgst", "-sha256", "-sign", self.secret, data=signed.encode())
        r_end = 4 + der[3]
        r, s = (int.from_bytes(part, "big") for part in (der[4:r_end], der[r_end + 2:]))
        order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
        return base64url(b"".join(n.to_bytes(32, "big") for n in (r, random.choice((s, order - s)))))


def openssl(*arguments, data=None):
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Credential:
    """What has one signed part, however it is signed; or an opaque text, which has one spelling."""

    def __init__(self, world):
        self.signer = world.signer if world.random.random() < 0.3 else None
        self.name = f"{world.random.getrandbits(160):040x}"
        if self.signer:
            self.head = self.signer.unsigned(self.name)
        else:
            self.head = f"{self.name}.{world.random.getrandbits(480):0120x}"
        self.opaque = not self.signer and world.random.random() < 0.3
        self.world = world
        self.texts = [self.another()]

    def another(self):
        """Another text that whoever passes the first one passes as well."""
        if self.opaque:
            return self.head.replace(".", "-")
        tail = self.signer.signature(self.head) if self.signer else f"{self.world.random.getrandbits(256):064x}"
        return f"{self.head}.{tail}"

    def text(self):
        if not self.opaque and len(self.texts) < 4 and self.world.random.random() < 0.4:
            self.texts.append(self.another())
        return self.world.random.choice(self.texts)

    def __repr__(self):
        kind = "opaque" if self.opaque else "jwt" if self.signer else "jws"
        return f"{kind} {self.name} {[id_of(text) for text in self.texts]}"


class Host:
    """A daemon, and what it has acknowledged to be denied."""

    def __init__(self, world, stacks):
        self.world = world
        self.denied = {}        # credential: from when on, for good
        self.disabled = set()
        self.named = set()      # denied by issuer and id: holds where a verifier finds them
        self.imported = {}      # text: credential, of those whose record may be there
        self.backup = None      # a file, once there is one
        self.daemon = Daemon("daemon.retention=1s", "daemon.trust_clock=yes", config=stacks)

    def verdict(self, text, service):
        return self.daemon.ask(f'verify service={service} token="{text}"', "verify").verdict

    def deny(self, credential, at=0.0):
        self.denied[credential] = min(at, self.denied.get(credential, at))

    def check(self, credential, service):
        began = time.time()
        if self.denied.get(credential, began) < began or credential in self.disabled:
            text = credential.text()
            assert self.verdict(text, service) != "OK", f"{service}: {credential}, as {id_of(text)}"

    def check_names(self):
        for credential in self.named:
            service = "onlyjwt" if credential.signer else "onlyname"
            assert self.verdict(credential.text(), service) != "OK", f"{service}: {credential}"


class World:
    def __init__(self, seed, directory):
        self.random = random.Random(seed)
        self.signer = Signer(directory)
        self.entries = {
            "local": "local", "jwt": f"jwt key={self.signer.public} issuer={ISSUER} audience=api",
            "name": f"{BUILD}/tests/verifiers/odd.so does=name subject=mallory issuer={ISSUER}",
            "pass": f"{BUILD}/tests/verifiers/odd.so does=pass subject=mallory"}
        self.services = [f"s{n}" for n in range(6)] + ["other"]
        self.log = []
        self.credentials = [Credential(self) for _ in range(12)]
        self.hosts = [Host(self, self.stacks()) for _ in range(2)]

    def stacks(self):
        lines = [f"[daemon]\nverifiers = {BUILD}/verifiers"]
        for service in self.services[:-1]:
            lines.append(f"[service {service}]")
            for name in self.random.sample(list(self.entries), self.random.randint(1, 3)):
                lines.append(f"{self.random.choice(CONTROLS)} = {self.entries[name]}")
        for only in "jwt", "name":
            lines.append(f"[service only{only}]\nrequisite = {self.entries[only]}")
        return "\n".join(lines) + "\n"

    def ask(self, host, line):
        reply = host.daemon.ask(line)
        self.log.append(f"host {self.hosts.index(host)}: {line[:100]} ~ {line[-12:]} -> {reply.verdict}")
        return reply.verdict

    # -- what can happen; each takes a host and a credential -----------------------------------------------

    def add(self, host, credential):
        text = credential.text()
        ends = self.random.choice(("", "", f" expires={stamp(time.time() + self.random.randint(1, 9))}"))
        if self.ask(host, f'import token="{text}"{ends}') == "OK":
            host.imported[text] = credential

    def add_revoked(self, host, credential):
        text = credential.text()
        verdict = self.ask(host, f'import token="{text}" state=revoked')
        if verdict in ("OK", "ERR banned"):
            host.deny(credential)

    def of_token(self, host, line, text=None):
        """Ask about a token that may be there; return its credential if the answer is OK."""
        if not host.imported:
            return None
        text = text or self.random.choice(list(host.imported))
        other = host.imported[text].text()
        done = self.ask(host, line.format(id=id_of(text), text=text, other=other)) == "OK"
        return host.imported[text] if done else None

    def revoke(self, host, _):
        host.deny(self.of_token(host, self.random.choice(
            ("revoke {id}", 'revoke token="{text}"', 'revoke token="{other}"'))))

    def delete(self, host, _):
        host.deny(self.of_token(host, "delete {id}"))

    def rotate(self, host, _):
        grace = self.random.choice((0, 1))
        credential = self.of_token(host, "rotate {id}" + (f" grace={grace}s" if grace else ""))
        host.deny(credential, time.time() + grace + 1 if grace else 0.0)

    def shorten(self, host, _):
        """Only an earlier end denies: what has reached its own may be forgotten."""
        if not host.imported:
            return
        text, soon = self.random.choice(list(host.imported)), time.time() + 2
        shown = b" ".join(host.daemon.ask(f"show {id_of(text)}").data).decode()
        end = re.search(r" expires=(\S+)", shown)
        credential = self.of_token(host, f"update {{id}} expires={stamp(soon)}", text)
        if end is None or stamp(soon) < end[1]:
            host.deny(credential, soon + 1)

    def disable(self, host, _):
        credential = self.of_token(host, "disable {id}")
        if credential:
            host.disabled.add(credential)

    def enable(self, host, _):
        host.disabled.discard(self.of_token(host, "enable {id}"))

    def ban(self, host, credential):
        text = credential.text()
        ends = self.random.choice(("", " ttl=1h", f" expires={stamp(time.time())}"))
        if self.ask(host, f'ban token="{text}"{ends}') == "OK":
            host.deny(credential)

    def ban_digest(self, host, credential):
        if credential.opaque and self.ask(host, f"ban digest={digest_of(credential.texts[0]).hex()}") == "OK":
            host.deny(credential)

    def ban_name(self, host, credential):
        fresh = not any(credential in h.imported.values() for h in self.hosts)
        if fresh and not credential.opaque and self.ask(host, f"ban issuer={ISSUER} id={credential.name}") == "OK":
            host.named.add(credential)

    def merge(self, host, _):
        other = self.hosts[1 - self.hosts.index(host)]
        known, disabled = dict(host.denied), set(host.disabled)
        lines = [line.decode() for line in host.daemon.done("export").data]
        with other.daemon.client() as client:
            for line, reply in zip(lines, client.pipeline(lines)):
                assert reply.verdict in TAKEN, (line, reply)
        self.log.append(f"host {self.hosts.index(host)} is exported to the other")
        for credential, at in known.items():
            other.deny(credential, at)
        other.disabled |= disabled
        other.named |= host.named
        other.imported |= host.imported

    def restart(self, host, _):
        self.log.append(f"host {self.hosts.index(host)} is restarted")
        host.daemon.restart()

    def kill(self, host, _):
        self.log.append(f"host {self.hosts.index(host)} is killed")
        host.daemon.kill()
        host.daemon.start()

    def back_up(self, host, _=None):
        """Copy the store while the daemon runs."""
        self.log.append(f"host {self.hosts.index(host)} is backed up")
        host.backup = f"{host.daemon.directory}/older.tdb"
        host.daemon.done("checkpoint")
        subprocess.run(["tdbbackup", "-s", ".new", host.daemon.store], check=True, timeout=60 * PATIENCE)
        shutil.move(host.daemon.store + ".new", host.backup)

    def restore(self, host, _):
        """Put the last backup back, or one that is made now, with what was denied since."""
        if host.backup is None or self.random.random() < 0.3:
            self.back_up(host)
        self.log.append(f"host {self.hosts.index(host)} is restored")
        if self.random.random() < 0.5:
            host.daemon.stop()
        else:
            host.daemon.kill()
        done = subprocess.run([JETOND, *host.daemon.arguments(), "--restore", host.backup],
                              capture_output=True, text=True, timeout=60 * PATIENCE)
        assert done.returncode == 0, done.stderr
        host.daemon.start()

    def wait(self, _host, _credential):
        time.sleep(self.random.uniform(0, 0.5))     # lets graces and retentions end, in any order

    OPERATIONS = {"add": 14, "add_revoked": 3, "revoke": 5, "delete": 3, "rotate": 4, "shorten": 3, "disable": 4,
                  "enable": 3, "ban": 3, "ban_digest": 2, "ban_name": 2, "merge": 5, "restart": 1, "kill": 1, "back_up": 2,
                  "restore": 1, "wait": 8}

    def step(self):
        host, credential = self.random.choice(self.hosts), self.random.choice(self.credentials)
        operation = self.random.choices(list(self.OPERATIONS), list(self.OPERATIONS.values()))[0]
        getattr(self, operation)(host, credential)
        for h in self.hosts:
            h.denied.pop(None, None)
            for c in self.random.sample(self.credentials, 4):
                h.check(c, self.random.choice(self.services))

    def check_all(self):
        for host in self.hosts:
            for credential in self.credentials:
                for service in self.services:
                    host.check(credential, service)
            host.check_names()


def one_round(seed, directory):
    world = World(seed, directory)
    first, second = (host.daemon for host in world.hosts)
    with first, second:
        try:
            steps = 0
            while steps < STEPS or count_denied(world) <= 5:  # a round must deny something
                world.step()
                steps += 1
            world.merge(world.hosts[0], None)
            world.merge(world.hosts[1], None)
            world.check_all()
            for host in world.hosts:
                world.kill(host, None)
            world.check_all()
        except AssertionError as error:
            story = "\n".join(world.log[-200:])
            raise AssertionError(f"seed {seed}: {error}\n{story}") from error
    return count_denied(world)


def count_denied(world):
    return sum(len(host.denied) for host in world.hosts)


@pytest.mark.campaign
@pytest.mark.slow
def test_what_was_denied_never_passes_again(tmp_path):
    denied = 0
    for number in rounds():
        seed = int(os.environ.get("JETON_SEED", random.SystemRandom().getrandbits(32)))
        print(f"seed {seed}")
        directory = tmp_path / str(number)
        directory.mkdir()
        denied += one_round(seed, directory)
    assert denied > 5, "a round denies something"
