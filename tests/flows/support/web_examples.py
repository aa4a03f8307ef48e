# SPDX-License-Identifier: Apache-2.0
"""Runs the examples of jeton-web(1): a link, and commands for the other end of ssh."""
import re
import shlex

from jeton_command import JETON
from waiting import eventually
from web import LINK, Web

SSH = {"SSH_CONNECTION": "192.0.2.7 51234 192.0.2.1 22"}


def run_web(place, text):
    """Start jeton web as the example does; it must print what the example shows."""
    *call, shown = text.splitlines()
    options = [word.replace("~", place.directory) for word in shlex.split(call[0])[2:]] if call else []
    with Web(place.d.path(), *options, program=(JETON, "-S", place.d.path(), "web", "--no-browser"), extra=SSH) as w:
        if LINK.fullmatch(shown + "\n"):
            assert LINK.fullmatch(w.out), w.out
            return
        ssh = eventually(lambda: re.search(r": (ssh -L .*) 192\.0\.2\.1\n", w.log()), "the command is printed")[1]
    wanted = re.fullmatch(r"(ssh -L .*) host\.example\.org", shown)[1]
    if options:
        assert ssh.replace(place.directory, "/home/ann") == wanted
    else:
        assert re.sub(r"\d{4,}", "PORT", ssh) == re.sub(r"\d{4,}", "PORT", wanted), ssh
