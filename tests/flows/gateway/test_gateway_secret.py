# SPDX-License-Identifier: Apache-2.0
"""Values are neither in the gateway's memory, once a request is answered, nor in its log."""
import base64
import os

import proc
from gateway import ASKED, ASKS, bearer, request
from requirements import need_plain_build, need_root
from value import id_of
from waiting import eventually

SITES = "[site api]\naccept = bearer,basic,header:X-API-Key\n[site poor]\nscope = x\n"


def secret(value):
    """Return what follows the prefix, and most of it: a piece of a secret is one too."""
    return value[4:36].encode()


def test_values_are_not_left_in_memory_or_in_the_log(daemon, gateway):
    need_root()
    need_plain_build()
    d = daemon()
    g = gateway(d, config=SITES)
    values = [d.create()["token"] for _ in range(4)]
    d.done(f"revoke {id_of(values[1])}")
    basics = [base64.b64encode(f"user:{value}".encode()).decode() for value in values]
    with g.connect() as connection:
        for value, basic in zip(values, basics):
            for fields in ([bearer(value)], [f"Authorization: Basic {basic}"], [f"X-API-Key: {value}"], [bearer(value)] * 2,
                           [bearer(value + ",")], [bearer(value).encode() + b" x"]):
                for target in "/verify/api", "/verify/poor", "/verify/none":
                    connection.ask(request(target, *fields))
            # A request that comes in pieces behind others.
            data = request("/verify/api", bearer(value)) * 20 + request("/verify/api", bearer(value))[:-9]
            connection.send(data)
            for _ in range(20):
                assert connection.response().status in (200, 401)
            connection.send(request("/verify/api", bearer(value))[-9:])
            assert connection.response().status in (200, 401)
        secrets = [secret(value) for value in values] + [basic[12:40].encode() for basic in basics]
        eventually(lambda: not any(proc.memory_holds(g.process.pid, s) for s in secrets), "no value is in its memory", every=0.2)
    assert proc.memory_holds(g.process.pid, b"X-Jeton-Subject"), "the search itself works"
    for value in values:
        assert value[4:36] not in g.log()


def test_values_of_clients_that_are_gone_are_not_left_in_memory(daemon, gateway):
    need_root()
    need_plain_build()
    d = daemon()
    g = gateway(d, config=SITES)
    value = d.create()["token"]
    data = request("/verify/api", bearer(value))
    for sent in data[:-2], data * 500, b"nonsense\r\n" + data, data[:-2] + b"\n" + data, request("/verify/api", "Content-Length: 9") + data:
        with g.connect() as connection:
            connection.sock.settimeout(1)
            connection.send(sent)
            eventually(lambda: g.metric("connections") >= 2, "it is accepted")
    eventually(lambda: g.metric("connections") == 1, "all are gone")
    eventually(lambda: not proc.memory_holds(g.process.pid, secret(value)), "no value is in its memory", every=0.2)


def test_values_that_the_daemon_was_asked_for_are_not_left_in_memory(daemon, gateway):
    need_root()
    need_plain_build()
    d = daemon(config=ASKED)
    g = gateway(d, config=ASKS)
    value = d.create(subject="ann")["token"]
    with d.stopped():
        assert g.verify(value).status == 503
    for _ in range(3):
        eventually(lambda: g.verify(value).status == 200, "it is back")
    eventually(lambda: not proc.memory_holds(g.process.pid, secret(value)), "no value is in its memory", every=0.2)


def test_others_cannot_read_its_memory(daemon, gateway):
    need_root()
    need_plain_build()
    d = daemon("verify.mode=0666")
    os.chmod(d.directory, 0o755)
    os.chmod(os.path.dirname(d.directory), 0o755)
    g = gateway(d, uid=65534)
    # /proc gives what belongs to an undumpable process to root.
    assert os.stat(f"/proc/{g.process.pid}/mem").st_uid == 0
