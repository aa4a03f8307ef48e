# SPDX-License-Identifier: Apache-2.0
"""A host's tokens over half a year, as the page would find them: for pictures and checks of its looks."""
from clock import Clock

DAY = 86400
# (days ago, description, subject, scopes, further claims, what became of it).
TOKENS = [
    (190, "nightly backup", "backup", "storage:read,storage:write", "", "used"),
    (160, "old deploy key", "ci", "deploy", "", "revoked"),
    (120, "Grafana data source", "grafana", "metrics:read", "ttl=365d", "used"),
    (88, "container registry mirror", "registry", "registry:pull,registry:push", "ttl=90d", "used"),
    (60, "Terraform state", "infra", "state:read,state:write,state:lock", "ttl=180d", "used"),
    (41, "contractor access, until the audit", "eve", "repo:read", "ttl=52d", "disabled"),
    (30, "webhook of the issue tracker", "tracker", "hooks:write", "ttl=30d", "expired"),
    (12, "Prometheus on metrics-2", "prometheus", "metrics:read", "ttl=365d", "used"),
    (5, "", "svc-mail", "imap,smtp", "ttl=90d", ""),
    (2, "release pipeline of the web shop", "ci", "deploy,registry:push,repo:read,repo:write,status:write", "ttl=30d", "used"),
    (0, "ci deploy", "ci", "deploy,read", "ttl=90d delay=2d", ""),
]
# Stricter than the oldest of them.
POLICY = "[policy]\nmax_ttl = 366d\n"


def sample(daemon, *settings):
    """Start a daemon with these tokens; return it and {description: identifier}."""
    clock = Clock()
    clock.step(-TOKENS[0][0] * DAY)
    d = daemon("daemon.retention=400d", *settings, extra=clock.environment, config="")
    made, values = {}, {}
    for ago, description, subject, scopes, more, state in TOKENS:
        clock.step(-ago * DAY - 7)
        reply = d.done(f'create description="{description}" subject={subject} scopes={scopes} {more}'.strip())
        made[description], values[description] = reply["id"], reply["token"]
        if state in ("revoked", "disabled"):
            d.done(f"{state.removesuffix('d')} id={reply['id']}")
    clock.step(-3 * 3600)
    for _, description, *_, state in TOKENS:
        if state == "used":
            d.verify(values[description])
    d.verify(values["old deploy key"])
    clock.step(0)
    d.configure(POLICY)
    d.reload()
    return d, made
