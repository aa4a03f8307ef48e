# SPDX-License-Identifier: Apache-2.0
"""What a user does by the command, and with her token as a password, without an administrator."""
import json
import os
import subprocess

import pytest

from jeton_command import JETON, Terminal, jeton, setting
from pam_stack import asks, pamtester, service_files
from settings import PATIENCE
from users import ANN, BOB, USERS, UserDaemon

PLACES = """mount -t tmpfs none /run && mkdir /run/jeton && cd /run/jeton &&
for s in admin self observe verify; do
    [ -e $D/$s.sock ] || continue; touch $s.sock; mount --bind $D/$s.sock $s.sock
done && exec setpriv --reuid $WHO --regid $WHO --clear-groups "$@"
"""


class Host:
    """The sockets of a daemon where the command looks for them, and users who call it."""

    def __init__(self, daemon, *settings):
        self.users = UserDaemon(daemon, "admin.mode=0600", "observe.mode=0600", *settings)
        self.daemon = self.users.daemon
        self.environment = {key: value for key, value in setting("").items() if key != "JETON_SOCKET"}

    def call(self, uid, *arguments, text=""):
        done = subprocess.run(["unshare", "-m", "sh", "-c", PLACES, "sh", JETON, *arguments], input=text,
                              env=self.environment | {"D": self.daemon.directory, "WHO": str(uid)},
                              capture_output=True, text=True, timeout=30 * PATIENCE)
        if "mount" in done.stderr:
            pytest.skip(done.stderr.strip())
        return done


def test_a_user_makes_herself_a_token_for_imap_and_revokes_it(daemon):
    host = Host(daemon)
    made = host.call(ANN, "create", "description=mail on the phone", "scopes=imap", "ttl=30d")
    assert made.returncode == 0, made
    value = made.stdout.strip()
    listed = host.call(ANN, "list")
    assert listed.returncode == 0 and "mail on the phone" in listed.stdout, listed
    identifier = listed.stdout.split("\t")[0]
    directory = service_files({"imap": asks(host.daemon, "scope=imap", "scope=imap")})
    steps = ["authenticate", "acct_mgmt"]
    assert pamtester(directory, "imap", "ann", value, *steps)[0] == 0, "it is her password"
    assert pamtester(directory, "imap", "bob", value, *steps)[0] == 1, "and nobody else's"
    refused = host.call(BOB, "revoke", identifier)
    assert (refused.returncode, refused.stderr.startswith("jeton: unknown")) == (1, True), refused
    assert pamtester(directory, "imap", "ann", value, *steps)[0] == 0
    assert json.loads(host.call(ANN, "--json", "show", identifier).stdout)["owner"] == f"uid:{ANN}"
    assert host.call(ANN, "revoke", identifier[:8]).returncode == 0
    assert pamtester(directory, "imap", "ann", value, *steps)[0] == 1


def test_the_command_uses_the_first_socket_that_may_be_opened_and_names_it(daemon):
    host = Host(daemon)

    def used(uid, *arguments, text=""):
        done = host.call(uid, "--verbose", *arguments, text=text)
        return [line.rpartition("/")[2] for line in done.stderr.splitlines() if line.startswith("jeton: using ")]
    assert used(0, "list") == ["admin.sock"]
    assert used(ANN, "list") == used(ANN, "create") == used(ANN, "hello") == ["self.sock"]
    assert used(ANN, "verify", text="x" * 40) == ["verify.sock"], "self does not grant it"
    os.chmod(host.daemon.path("observe"), 0o666)
    assert used(ANN, "list") == ["self.sock"]
    assert used(ANN, "journal") == ["observe.sock"]
    assert used(ANN, "list", "policy=violated") == used(ANN, "list", "by=uid:0") == ["observe.sock"], "nor does self grant this"
    assert used(ANN, "list", "order=desc", "expires_within=30d") == ["self.sock"]
    os.chmod(host.daemon.path("self"), 0o600)
    assert used(ANN, "list") == ["observe.sock"]
    assert "using" not in host.call(ANN, "list").stderr


def test_without_the_self_socket_a_user_is_sent_to_an_administrator(daemon):
    host = Host(daemon)
    os.unlink(host.daemon.path("self"))
    done = host.call(ANN, "create")
    assert (done.returncode, "admin.sock" in done.stderr) == (3, True), done


def test_the_command_shows_why_a_request_is_refused(daemon):
    host = Host(daemon)
    done = host.call(ANN, "create", "scopes=root")
    assert done.returncode == 2 and "scope=root" in done.stderr and "rule=scopes" in done.stderr, done
    done = host.call(ANN, "create", "subject=bob")
    assert done.returncode != 0 and "your own name" in done.stderr, done
    done = host.call(62098, "list")
    assert "has no name" in done.stderr, done


def test_the_command_shows_a_user_what_she_may(daemon):
    host = Host(daemon, "self.max_ttl=30d", "self.max_tokens_per_subject=5", "policy.require=description")
    assert host.call(ANN, "create", "description=x").returncode == 0
    shown = json.loads(host.call(ANN, "--json", "policy").stdout)
    assert shown == [{"policy": "self", "default_ttl": "30d", "max_ttl": "30d", "scopes": ["imap", "smtp"],
                      "max_tokens": 5, "subject": "ann", "tokens": 1}, {"policy": "", "require": ["description"]}]
    rows = [line.split("\t") for line in host.call(ANN, "policy").stdout.splitlines()]
    assert rows == [["self", "ann", "30d", "30d", "5", "", "imap,smtp", "", "", "1"],
                    ["", "", "", "", "", "description", "", "", "", ""]]
    rows = [line.split("\t") for line in host.call(0, "policy").stdout.splitlines()]
    assert [(row[0], row[9]) for row in rows] == [("self", ""), ("", "")], "an administrator is nobody's user here"


def test_on_a_terminal_it_is_shown_that_users_can_grant_no_scope(daemon):
    d = UserDaemon(daemon, "self.scopes=", users=USERS | {"root": 0}).daemon
    for role in "self", "admin":
        own, rest = Terminal(d.path(role), "policy", NO_COLOR="1").finish().splitlines()[1:]
        assert own.startswith("self") and "(none)" in own and "(none)" not in rest, own


def test_import_of_nothing_over_the_self_socket_is_forbidden(daemon):
    d = UserDaemon(daemon).daemon
    done = jeton(d.path("self"), "import")
    assert done.status == 2 and done.err.startswith("jeton: forbidden: "), done


def test_the_unit_of_the_self_socket_is_open_to_all_and_no_other_service_starts_it():
    with open("systemd/jetond-self.socket") as file:
        unit = file.read()
    for line in ("ListenStream=/run/jeton/self.sock", "FileDescriptorName=self", "SocketMode=0666",
                 "Service=jetond.service", "WantedBy=sockets.target"):
        assert f"\n{line}\n" in unit, line
    with open("systemd/jetond.service.in") as file:
        service = file.read()
    assert "jetond-self.socket" in service.split("PartOf=")[1].splitlines()[0], "it restarts with it"
    for key in "Sockets=", "Also=":
        assert "self" not in service.split(f"\n{key}")[1].splitlines()[0], "off by default"
