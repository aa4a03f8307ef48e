# SPDX-License-Identifier: Apache-2.0
"""The examples of jetond.conf(5), with the users, groups and files that the page says they need."""
import json
import os
import re

import pytest
from daemon import run_jetond
from settings import BUILD

PAGE = "daemon/jetond.conf.5"


def examples():
    with open(PAGE) as file:
        part = file.read().split(".Sh EXAMPLES")[1]
    return [text.replace("\\-", "-") for text in re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", part, re.M | re.S)]


@pytest.mark.parametrize("number", range(len(examples())))
def test_example_of_the_page_is_accepted(daemon, number):
    d = daemon(config="")
    jwks, secret = f"{d.directory}/idp.jwks", f"{d.directory}/introspect.secret"
    with open(jwks, "w") as file:
        json.dump({"keys": [{"kty": "OKP", "crv": "Ed25519",
                             "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}, file)
    with open(secret, "w") as file:
        file.write("secret\n")
    os.chmod(secret, 0o600)
    text = examples()[number]
    named = {"/etc/jeton/idp.jwks": jwks, "/etc/jeton/introspect.secret": secret,
             "/run/jeton/observe.sock": f"{d.directory}/observe.sock",
             "/run/jeton/self.sock": f"{d.directory}/self.sock",
             "user = jeton": "user = root", "group = monitoring": "group = root", "=www-data": "=root"}
    for there, here in named.items():
        text = text.replace(there, here)
    d.configure(text)
    done = run_jetond(*d.arguments(), "--check", f"--set=daemon.verifiers={BUILD}/verifiers")
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr
