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
    packages += re.search(r"^PROGRAMS = (.*)", read("Makefile"), re.M)[1].split()
    for argument in arguments[1:]:
        assert re.sub(r"^\./build/deb/|_.*$", "", argument) in packages, argument


def check_make(arguments):
    targets = re.findall(r"^([a-z-]+):", read("Makefile"), re.M)
    return all(argument in targets for argument in arguments if "=" not in argument)


def check_bpftrace(arguments):
    for name in re.findall(r"usdt:[^:]*:jeton:(\w+)", " ".join(arguments)):
        assert re.search(rf"\b{name}\b", read("daemon/base/probe.h") + "".join(map(read, glob.glob("daemon/*/*.c")))), name


def check_runuser(arguments):
    assert arguments[:3] == ["-u", "postgres", "--"], arguments
    check_call(arguments[3:])


def check_as_administrator(arguments):
    """Of what postgres is let run, `jeton fleet` alone is ours."""
    word, *rest = arguments
    assert word == "fleet" and rest[:2] == ["--database", "dbname=jeton"], arguments
    check_fleet(rest[2:])


def check_fleet(arguments):
    words = {"init": 0, "migrate": 0, "status": 0, "hosts": 0, "check": 0, "join": 1, "leave": 1}
    given = [word for word in arguments if not word.startswith("--")]
    assert len(given) == 1 + words[given[0]], arguments
    assert all(re.match(r"--(groups=|issuer$)", word) for word in arguments if word.startswith("--")), arguments


def check_rm(arguments):
    return arguments == ["-r", "/var/lib/postgresql/15/main"] or arguments[0].endswith("/conf.d/restore.conf")


def check_ln(arguments):
    return arguments[0] == "-s" and arguments[1].startswith("/run/jeton-fleet/")


def check_install(arguments):
    return "-m" in arguments


CALLS = {
    "systemctl": check_systemctl, "journalctl": check_journalctl, "apt": check_apt, "make": check_make,
    "bpftrace": check_bpftrace, "install": check_install, "runuser": check_runuser,
    "jeton": check_as_administrator, "rm": check_rm, "ln": check_ln,
    "adduser": lambda a: f"g {a[1]} " in read("systemd/jeton.sysusers"),
    "pam-auth-update": lambda a: a[0] == "--enable" and os.path.exists(f"plugin/pam/{a[1]}.pam-config"),
}
for harmless in ("systemd-sysusers", "systemd-tmpfiles", "ldconfig", "deploy", "psql", "ssh", "createdb", "createuser",
                 "pg_basebackup", "pg_ctlcluster", "mv", "cp", "touch"):
    CALLS[harmless] = lambda arguments: True
