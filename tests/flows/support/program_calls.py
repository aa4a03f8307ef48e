# SPDX-License-Identifier: Apache-2.0
"""Whether calls of programs that are not run make sense: what they name is there."""
import fnmatch
import glob
import os
import re

from documents import read

UNITS = {os.path.basename(path).removesuffix(".in") for pattern in ("*.socket", "*.timer", "*.service.in")
         for path in glob.glob(f"systemd/{pattern}")}


def check_call(call):
    program, *arguments = call
    assert program in CALLS, f"no way to check a call of {program} is known: {call}"
    assert CALLS[program](arguments) is not False, call


def check_systemctl(arguments):
    verb, *rest = [a for a in arguments if not a.startswith("--")]
    assert verb in ("start", "stop", "restart", "reload", "enable", "disable", "status", "edit", "daemon-reload"), verb
    for unit in rest:
        name = unit if re.search(r"\.(socket|service|timer)$", unit) else f"{unit}.service"
        assert fnmatch.filter(UNITS, name), f"there is no unit {unit}"


def check_journalctl(arguments):
    source = read("daemon/base/journald.c")
    for argument in arguments:
        if "=" in argument:
            assert argument.partition("=")[0] in source, argument
    if "-u" in arguments:
        assert f"{arguments[arguments.index('-u') + 1]}.service" in UNITS


def check_apt(arguments):
    packages = re.findall(r"^Package: (\S+)", read("systemd/debian/control"), re.M)
    for argument in arguments[1:]:
        assert re.sub(r"^\./build/deb/|_.*$", "", argument) in packages, argument


def check_make(arguments):
    targets = re.findall(r"^([a-z-]+):", read("Makefile"), re.M)
    return all(argument in targets for argument in arguments if "=" not in argument)


def check_bpftrace(arguments):
    for name in re.findall(r"usdt:[^:]*:jeton:(\w+)", " ".join(arguments)):
        assert re.search(rf"\b{name}\b", read("daemon/base/probe.h") + "".join(map(read, glob.glob("daemon/*/*.c")))), name


def check_install(arguments):
    return "-m" in arguments


CALLS = {
    "systemctl": check_systemctl, "journalctl": check_journalctl, "apt": check_apt, "make": check_make,
    "bpftrace": check_bpftrace, "install": check_install,
    "adduser": lambda a: f"g {a[1]} " in read("systemd/jeton.sysusers"),
    "pam-auth-update": lambda a: a[0] == "--enable" and os.path.exists(f"plugin/pam/{a[1]}.pam-config"),
}
for harmless in ("systemd-sysusers", "systemd-tmpfiles", "ldconfig", "deploy", "psql", "ssh"):
    CALLS[harmless] = lambda arguments: True
