# SPDX-License-Identifier: Apache-2.0
"""A shell for the commands of documents.  It finds no programs but those that are given to it: ours, a few others that
do no harm, and stand-ins for those that would change the machine, whose calls are kept and checked."""
import fcntl
import os
import re
import shlex
import shutil
import stat
import struct
import subprocess
import sys
import termios

from settings import BUILD, PATIENCE

OURS = {"jeton": f"{BUILD}/jeton", "jetond": f"{BUILD}/jetond"}
HARMLESS = ["cut", "cat", "printf", "tdbbackup", "tdbdump", "timeout", "sleep", "mkdir", "grep", "head",
            "tdbtool", "date", "perl", "openssl"]
STAND_INS = ["systemctl", "journalctl", "apt", "adduser", "systemd-sysusers", "systemd-tmpfiles", "ldconfig",
             "pam-auth-update", "psql", "bpftrace", "make", "deploy", "runuser", "pg_ctlcluster", "rm", "ln"]
KEEP = 'for word; do printf "%s\\037" "$word"; done >>"$CALLS"; printf "\\036" >>"$CALLS"\n'
COMMAND = re.compile(r"[$#] (.*)")


class Shell:
    def __init__(self, directory, socket, other):
        """`other` is the socket of the host that ssh leads to."""
        self.directory, self.calls_path = directory, f"{directory}/calls"
        programs = f"{directory}/programs"
        os.mkdir(programs)
        for name in HARMLESS:
            if shutil.which(name):
                os.symlink(shutil.which(name), f"{programs}/{name}")
        for name, path in OURS.items():
            os.symlink(path, f"{programs}/{name}")
        for name in STAND_INS:
            self.write(f"{programs}/{name}", f'set -- {name} "$@"\n{KEEP}')
        self.write(f"{programs}/ssh", f'set -- ssh "$@"\n{KEEP}shift 2\nJETON_SOCKET={other} exec "$@"\n')
        # What is not a file of the test stays where it is.
        self.write(f"{programs}/mv", 'for path; do case "$path" in /var/*|/etc/*) exit 1; esac; done\n'
                   f'exec {shutil.which("mv")} "$@"\n')
        self.write(f"{programs}/cc", f'PATH=/usr/bin:/bin exec cc -I{directory}/include "$@"\n')
        # Without the owner, who is not known here; and makes no directories of the system.
        self.write(f"{programs}/install", f'set -- install "$@"\n{KEEP}[ "$2" != -d ] || exit 0\nexec {sys.executable} -c '
                   "'import shutil, sys; shutil.copy(*[a for a in sys.argv[1:] if a[0] != \"-\" and "
                   "not a.isdigit() and a not in (\"root\", \"jeton\", \"jeton-fleet\")])' \"${@:2}\"\n")
        ours, theirs = os.openpty()         # commands print otherwise on a terminal
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.output = open(ours, errors="replace")
        self.process = subprocess.Popen(
            [shutil.which("bash"), "--noprofile", "--norc"], cwd=directory, stdin=subprocess.PIPE,
            stdout=theirs, stderr=theirs, text=True,
            env={"PATH": programs, "JETON_SOCKET": socket, "LC_ALL": "C.UTF-8", "CALLS": self.calls_path,
                 "HOME": directory, "TERM": "dumb", "NO_COLOR": "1"} | {name: value for name, value in os.environ.items() if "SAN_OPTIONS" in name})
        os.close(theirs)

    @staticmethod
    def write(path, text):
        with open(path, "w") as file:
            file.write(f"#!{shutil.which('bash')}\n{text}")
            os.fchmod(file.fileno(), stat.S_IRWXU)

    def run(self, command, typed=""):
        """Run one command, with what would be typed as its input; return its status and output."""
        with open(f"{self.directory}/typed", "w") as file:
            file.write(typed)
        self.process.stdin.write(f"{{ {command}\n}} <{self.directory}/typed\necho \"@@@ $?\"\n")
        self.process.stdin.flush()
        output = []
        for line in self.output:
            if found := re.search(r"@@@ (\d+)$", line):
                output.append(line[:found.start()])
                return int(found[1]), "".join(output)
            output.append(line)
        raise AssertionError(f"the shell ended at {command}: {output}")

    def calls(self):
        """Return the calls of stand-ins since the last time."""
        if not os.path.exists(self.calls_path):
            return []
        with open(self.calls_path) as file:
            found = [call.split("\037")[:-1] for call in file.read().split("\036")[:-1]]
        os.unlink(self.calls_path)
        return found

    def close(self):
        self.process.stdin.close()
        self.process.wait(20 * PATIENCE)
        self.output.close()


def commands(text):
    """Return (command, the lines shown below it) for each: after a prompt, or all if there is no prompt."""
    found = []
    continues = False
    prompts = any(COMMAND.match(line) for line in text.splitlines())
    for line in text.splitlines():
        match = COMMAND.match(line)
        if match or (not prompts and not continues):
            found.append([match[1] if match else line, []])
        elif continues:
            found[-1][0] += "\n" + line
        else:
            found[-1][1].append(line)
        continues = needs_more(found[-1][0]) and not found[-1][1]
    return found


def needs_more(command):
    """True if a command goes on in the next line."""
    if re.search(r"(\\|\||&&)\s*$", command) or re.match(r"\s*if\b", command) and not re.search(r"\bfi\s*$", command):
        return True
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return True
    return False
