# SPDX-License-Identifier: Apache-2.0
"""Each call that libjeton and pam_jeton make fails in turn, in the programs that use them: nobody
gets in who must be refused, nothing is left behind, and once nothing fails all is as before."""
import os
import subprocess
import time

import pytest

from pam_stack import MODULE, asks, service_files
from preload import compiled
from requirements import need_plain_build
from settings import BUILD, PATIENCE, PRELOAD, ROOT, TORTURE
from timestamp import stamp
from value import value_new

SHORT = 2               # seconds of each short round
PERMIT = {phase: f"{phase} required pam_permit.so\n" for phase in ("auth", "account")}


def linked(name, *flags):
    """A program of ours that what fails is linked into; a sanitizer has such calls of its own."""
    need_plain_build()
    sources = [f"{PRELOAD}/{source}.c" for source in (name, "failing_turns", "failing")]
    return compiled(name, "-Wall", "-Wextra", "-Werror", "-O2", "-g", "-rdynamic", *sources, f"-I{ROOT}", *flags)


def take_turns(program, where, values, **environment):
    seconds = TORTURE or SHORT
    done = subprocess.run([program, where, str(seconds)], input="\n".join(values) + "\n", text=True,
                          capture_output=True, env=os.environ | environment,
                          timeout=seconds + 100 * PATIENCE)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, "\n".join(lines[-3:]) + done.stderr
    print(next(line for line in lines if " turns" in line))


def revoked(d, **claims):
    token = d.create(**claims)
    d.done(f"revoke {token['id']}")
    return token["token"]


@pytest.mark.timeout(150)
@pytest.mark.campaign
def test_failed_call_in_a_client_neither_crashes_it_nor_lets_anybody_in(daemon):
    program = linked("failing_client", f"-L{BUILD}", "-ljeton", f"-Wl,-rpath,{BUILD}")
    d = daemon()
    expired = value_new()
    d.done(f"import token={expired} scopes=a expires={stamp(time.time() - 60)}")
    take_turns(program, d.path("verify"), [
        d.create(scopes="a,b", ttl="1d")["token"], revoked(d, scopes="a"), value_new(), expired,
        d.create(scopes="a", delay="1d")["token"]])


@pytest.mark.timeout(150)
@pytest.mark.campaign
def test_failed_call_in_a_pam_application_neither_crashes_it_nor_lets_anybody_in(daemon):
    program = linked("failing_login", "-lpam")
    d = daemon()
    login, narrow = (lines.replace("account", PERMIT["auth"] + "account") + PERMIT["account"]
                    for lines in (asks(d, "timeout=10"), asks(d, "timeout=10", "scope=admin")))
    take_turns(program, service_files({"login": login, "narrow": narrow}), [
        d.create(subject="ann", ttl="1d")["token"], revoked(d, subject="ann"),
        d.create(subject="bob")["token"], value_new()],
        LD_PRELOAD=MODULE)          # so that it is not loaded anew for each of many sessions
