# SPDX-License-Identifier: Apache-2.0
"""The clients of plugin/examples, which others copy: short, and sound when the daemon goes away."""
import glob
import os
import re
import subprocess
import time

import pytest

from askers import ASKERS, EXAMPLES, TIMEOUT, need_programs
from jeton_command import Impostor
from settings import PATIENCE
from value import id_of, value_new
from verification_cases import OK

LINES = 60
EXAMPLE_NAMES = ["go", "node", "php", "shell"]
PROXY_NAMES = ["caddy", "envoy", "haproxy", "nginx", "traefik"]     # configurations: gateway/test_proxies.py
OTHER_NAMES = ["fleet"]                                            # of the database and of alerts: fleet/test_running_a_fleet.py
each_example = pytest.mark.parametrize("asker", [asker for asker in ASKERS if asker.name in EXAMPLE_NAMES],
                                       ids=lambda asker: asker.name)
each_that_stays_connected = pytest.mark.parametrize(
    "asker", [asker for asker in ASKERS if asker.name in ("asyncio", "go", "node", "php")], ids=lambda asker: asker.name)


def code_lines(path):
    """Return the lines that are neither empty nor a comment."""
    with open(path) as file:
        return [line for line in file if not re.fullmatch(r"\s*(//.*|#.*|/\*\*.*\*/|<\?php)?\s*", line)]


def test_examples_are_short():
    found = [path for name in EXAMPLE_NAMES for path in glob.glob(f"{EXAMPLES}/{name}/*") if os.path.isfile(path)]
    assert len(found) >= len(EXAMPLE_NAMES)
    assert sorted(os.listdir(EXAMPLES)) == sorted([*EXAMPLE_NAMES, *PROXY_NAMES, *OTHER_NAMES])
    assert {path: len(code_lines(path)) for path in found if len(code_lines(path)) > LINES} == {}


@pytest.mark.timeout(120)
@each_that_stays_connected
def test_a_connection_that_ended_is_made_anew(tmp_path, asker):
    asker.prepare(tmp_path)
    values = [value_new() for _ in range(4)]
    ids = {value: id_of(value).encode() for value in values}
    impostor = Impostor(lambda line: OK.replace(b"<ID>", ids[line.split(b'"')[-2].decode()]), once=True)
    answers = asker.ask(impostor.path, [(value, {}) for value in values], one_by_one=True)
    assert [(answer.verdict, answer.id) for answer in answers] == [("ok", id_of(value)) for value in values]


@pytest.mark.timeout(120)
@each_that_stays_connected
def test_connections_are_kept(tmp_path, asker):
    asker.prepare(tmp_path)
    values = [value_new() for _ in range(20)]
    ids = {value: id_of(value).encode() for value in values}
    impostor = Impostor(lambda line: OK.replace(b"<ID>", ids[line.split(b'"')[-2].decode()]))
    accepted = []
    serve = impostor.serve
    impostor.serve = lambda sock: (accepted.append(sock), serve(sock))
    asker.ask(impostor.path, [(value, {}) for value in values], one_by_one=True)
    assert len(impostor.lines) == len(values) and len(accepted) == 1


@pytest.mark.timeout(120)
@each_example
def test_a_server_that_says_a_little_at_a_time_does_not_extend_the_deadline(tmp_path, asker):
    asker.prepare(tmp_path)
    server = Dripping()
    begin = time.monotonic()
    [answer] = asker.ask(server.path, [(value_new(), {})], timeout=0.5)
    assert answer.verdict == "unavailable"
    assert time.monotonic() - begin < 8 * PATIENCE < TIMEOUT * 10


class Dripping(Impostor):
    """Sends one byte now and then, and no end of the line."""

    def __init__(self):
        super().__init__(None)

    def serve(self, sock):
        with sock:
            try:
                while True:
                    sock.sendall(b"x")
                    time.sleep(0.05)
            except OSError:
                pass


@pytest.mark.timeout(120)
@each_example
def test_nobody_is_asked_where_others_could_listen(tmp_path, asker):
    asker.prepare(tmp_path)
    value = value_new()
    impostor = Impostor(lambda line: OK.replace(b"<ID>", id_of(value).encode()))
    os.chmod(os.path.dirname(impostor.path), 0o777)
    [answer] = asker.ask(impostor.path, [(value, {})])
    assert answer.verdict == "unavailable" and impostor.lines == []


MISSING = {
    "node": ["node", "-e", f"const {{ Jeton }} = require('{EXAMPLES}/node/jeton.js'); const [path, value] = process.argv.slice(1);"
             "const tokens = new Jeton({ path }); (async () => { for (const want of [{ scope: undefined }, { subject: null }, {}]) "
             "console.log((await tokens.verify(value, want)).word); tokens.close(); })();"],
    "php": ["php", "-r", f"require '{EXAMPLES}/php/jeton.php'; $tokens = new Jeton($argv[1]); foreach ([['scope' => null], "
            "['subject' => null], []] as $want) echo $tokens->verify($argv[2], $want)['word'], \"\\n\";"],
}


@pytest.mark.parametrize("language", MISSING)
def test_a_setting_that_is_missing_does_not_ask_for_nothing(daemon, language):
    d = daemon()
    need_programs(language)
    done = subprocess.run([*MISSING[language], d.path("verify"), d.create(subject="ann")["token"]], capture_output=True,
                          text=True, timeout=30 * PATIENCE)
    assert done.stdout.split() == ["invalid", "invalid", "ok"], done


def test_the_shell_does_not_show_the_value_to_others():
    """Everybody can read the arguments of processes."""
    value = value_new()
    done = subprocess.run(["sh", "-x", f"{EXAMPLES}/shell/jeton-verify"], input=value, capture_output=True, text=True,
                          env=os.environ | {"JETON_SOCKET": "/nonexistent/socket"}, timeout=30 * PATIENCE)
    programs = "tr", "od", "sed", "timeout", "socat", "grep", "ls"
    calls = [line for line in done.stderr.splitlines() if re.match(rf"\++ ({'|'.join(programs)})\b", line)]
    assert done.returncode == 2 and len(calls) >= 2
    assert not any(value in call for call in calls), calls
