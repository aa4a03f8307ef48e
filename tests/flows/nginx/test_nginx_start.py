# SPDX-License-Identifier: Apache-2.0
"""The nginx module where a worker begins: an upgrade of the binary, a socket that is not to be trusted."""
import os
import re
import shutil
import signal
import subprocess

from nginx import Nginx
from settings import PATIENCE
from waiting import eventually

PLAIN = "location / { jeton other; empty_gif; }"


def test_socket_that_others_could_have_put_there_is_named_in_the_log_and_passes_nobody(daemon):
    d = daemon()
    value = d.create()["token"]
    os.chmod(d.directory, 0o777)
    nginx = Nginx(d.path("verify"), PLAIN)
    nginx.__enter__()
    try:
        assert nginx.get("/", value).status == 503
        assert re.search(r"\[alert\].*verify.sock.*: it is not to be trusted: others than root .* answered with 503", nginx.log())
    finally:
        nginx.process.terminate()
        nginx.process.wait(20 * PATIENCE)
        os.chmod(d.directory, 0o700)
    shutil.rmtree(nginx.directory)


def test_no_request_fails_while_nginx_is_upgraded_to_a_new_binary(daemon):
    """The new one inherits the sockets, and opens the table anew."""
    d = daemon()
    value, revoked = d.create()["token"], d.create()["token"]
    nginx = Nginx(d.path("verify"), PLAIN)
    old, new = f"{nginx.directory}/nginx.pid.oldbin", f"{nginx.directory}/nginx.pid"

    def pid_in(path):
        with open(path) as file:
            return int(file.read() or 0)
    with open(f"{nginx.directory}/nginx.conf") as file:
        # In the foreground it ignores the signal; the new binary must find libjeton, too.
        config = file.read().replace("daemon off;", "daemon on; env LD_LIBRARY_PATH; env LD_PRELOAD; env ASAN_OPTIONS;")
    with open(f"{nginx.directory}/nginx.conf", "w") as file:
        file.write(config)
    subprocess.run(nginx.command, env=nginx.environment(), check=True, stdin=subprocess.DEVNULL)
    eventually(lambda: nginx.get("/", value).status == 200, "a worker has started")
    first = pid_in(new)
    try:
        os.kill(first, signal.SIGUSR2)
        eventually(lambda: os.path.exists(old) and os.path.exists(new) and pid_in(new) not in (0, first), "there is a new binary")
        os.kill(pid_in(old), signal.SIGQUIT)
        while os.path.exists(old):
            assert nginx.get("/", value).status == 200 and nginx.get("/").status == 401
        d.ask(f"revoke token={revoked}")
        assert [nginx.get("/", one).status for one in (value, revoked)] == [200, 401]
    finally:
        os.kill(pid_in(new), signal.SIGQUIT)
    eventually(lambda: not os.path.exists(new), "it has ended")
    assert "[alert]" not in nginx.log() and "[emerg]" not in nginx.log(), nginx.log()
    shutil.rmtree(nginx.directory)
