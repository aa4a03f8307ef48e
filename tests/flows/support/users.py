# SPDX-License-Identifier: Apache-2.0
"""Users of a host of our own, and what they ask of jetond over its self socket."""
import os
import tempfile

from client import Client
from daemon import ROLES
from preload import built
from requirements import need_root

ANN, BOB, EVE, UNNAMED = 62001, 62002, 62003, 62099
USERS = {"ann": ANN, "bob": BOB, "eve": EVE}


class Users:
    """The users of a host, by name; what is changed holds from the next look-up on."""

    def __init__(self, directory, names=USERS):
        self.path = f"{directory}/passwd"
        self.set(names)

    def set(self, names):
        self.set_lines(f"{name}:x:{uid}:{uid}::/nonexistent:/bin/false\n" for name, uid in dict(names).items())

    def set_lines(self, lines):
        with open(f"{self.path}.new", "w") as file:
            file.writelines(lines)
        os.rename(file.name, self.path)

    def mark(self, suffix):
        with open(self.path + suffix, "w"):
            pass

    def unmark(self, suffix):
        os.unlink(self.path + suffix)

    def environment(self):
        return {"LD_PRELOAD": built("users"), "JETON_USERS": self.path}


class UserDaemon:
    """A jetond with a self socket, and users; None: those of this host."""

    def __init__(self, daemon, *settings, users=USERS, roles=(), **more):
        need_root()
        directory = tempfile.mkdtemp(prefix="")
        for path in directory, os.path.dirname(directory):
            os.chmod(path, 0o755)
        self.users = Users(directory, users) if users else None
        self.daemon = daemon("self.scopes=imap,smtp", *settings, roles=(*ROLES, "self", *roles), directory=directory,
                             extra=self.users.environment() if users else None, **more)

    @property
    def path(self):
        return self.daemon.path("self")

    def client(self, uid, role="self"):
        return as_user(uid, lambda: Client(self.daemon.path(role)))

    def ask(self, uid, line, role="self"):
        """Send one request over a connection of its own."""
        with self.client(uid, role) as client:
            return client.request(line)

    def done(self, uid, line):
        reply = self.ask(uid, line)
        assert reply.verdict == "OK", f"{line}: {reply}"
        return reply

    def create_many(self, lines):
        """Send requests of an administrator, and return the replies, all OK."""
        with self.daemon.client() as admin:
            replies = admin.pipeline(lines)
        assert {reply.verdict for reply in replies} == {"OK"}
        return replies

    def list(self, uid, filters=""):
        """Return the identifiers that a user's list has."""
        return [line["id"] for line in self.done(uid, f"list {filters}".strip()).lines]


def as_user(uid, act):
    """Do something with the rights of another uid in this thread's whole process, as connect(2) reads them."""
    os.setegid(uid)
    os.seteuid(uid)
    try:
        return act()
    finally:
        os.seteuid(0)
        os.setegid(0)
