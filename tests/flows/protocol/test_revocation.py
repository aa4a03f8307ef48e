# SPDX-License-Identifier: Apache-2.0
"""Deny first: once a denial is acknowledged, nobody anywhere accepts the token."""
import threading

from settings import PATIENCE, scaled


def test_revoked_token_is_refused_on_every_connection_at_once(daemon):
    d = daemon()
    verifiers = [d.client("verify") for _ in range(scaled(50, 8))]
    for _ in range(scaled(40, 4)):
        token = d.create()
        for client in verifiers:
            assert client.request(f"verify {token['token']}").verdict == "OK"
        d.done(f"revoke {token['id']}")
        for client in verifiers:
            client.send(f"verify {token['token']}")
        assert {client.reply().verdict for client in verifiers} == {"NO revoked"}


def test_no_verify_asked_after_the_acknowledgement_succeeds_under_load(daemon):
    """Verify without pause while tokens are revoked; each client records what it asked after the acknowledgement."""
    d = daemon()
    tokens = [d.create() for _ in range(scaled(30, 5))]
    revoked, stop, wrong = set(), threading.Event(), []

    def hammer():
        with d.client("verify") as client:
            while not stop.is_set():
                known = set(revoked)
                replies = client.pipeline([f"verify {t['token']}" for t in tokens])
                wrong.extend(t["id"] for t, r in zip(tokens, replies)
                             if t["id"] in known and r.verdict != "NO revoked")
    threads = [threading.Thread(target=hammer, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for token in tokens:
        d.done(f"revoke {token['id']}")
        revoked.add(token["id"])
    stop.set()
    for thread in threads:
        thread.join(40 * PATIENCE)
        assert not thread.is_alive(), "a client is stuck"
    assert wrong == []
    assert {d.verify(t["token"]) for t in tokens} == {"NO revoked"}
