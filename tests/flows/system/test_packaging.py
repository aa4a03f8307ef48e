# SPDX-License-Identifier: Apache-2.0
"""What is installed: files, units, manual pages, the configuration file."""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from daemon import run_jetond
from requirements import need_plain_build
from settings import BUILD, PATIENCE

EXPOSURE = {"jetond": 0.4, "jeton-gateway": 0.6, "jeton-fleet": 1.5}
KEY_ROW = re.compile(r'\{ "([a-z]+)", "([a-z_]+)", read_')
ROLE_KEY_ROW = re.compile(r'\{ name, "([a-z_]+)", read_')
UNITS = "usr/local/lib/systemd/system"
INSTALLED = os.path.join(BUILD, "tests", "installed")


def need(program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def run(*arguments, within=60, **how):
    done = subprocess.run(arguments, capture_output=True, text=True, errors="replace",
                          timeout=within * PATIENCE, **how)
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def text_of(path):
    with open(path) as file:
        return file.read()


def make(target, root, prefix="/usr/local"):
    """Run the tree's own make with the files already built."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return run("make", "-s", target, f"BUILD={BUILD}", f"DESTDIR={root}", f"PREFIX={prefix}",
               f"FILL={tempfile.gettempdir()}/fill", f"UNITDIR={prefix}/lib/systemd/system",
               env=plain)


def installed():
    """Return a root with what make installs, which takes it a second: the first test that wants it runs it, and the
    others of the same run of pytest get a copy."""
    need_plain_build()
    root = tempfile.mkdtemp(prefix="root")
    this_run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if this_run is None:
        make("install-only", root)
        return root
    made = f"{INSTALLED}/{this_run}"
    os.makedirs(INSTALLED, exist_ok=True)
    with open(f"{INSTALLED}/lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(made):
            for before in glob.glob(f"{INSTALLED}/*/"):
                shutil.rmtree(before)
            make("install-only", f"{made}.new")
            os.rename(f"{made}.new", made)
        run("cp", "-a", f"{made}/.", root)
    return root


def files_below(root):
    return sorted(os.path.join(path, name).removeprefix(root)
                  for path, _, names in os.walk(root) for name in names)


# -- files ---------------------------------------------------------------------------------------

def test_removing_leaves_nothing_of_what_was_installed():
    need_plain_build()
    for prefix in ("/usr/local", "/usr", "/opt/jeton"):
        root = tempfile.mkdtemp(prefix="root")
        make("install-only", root, prefix)
        there = files_below(root)
        for wanted in (f"{prefix}/sbin/jetond", f"{prefix}/bin/jeton", "/etc/jeton/jetond.conf",
                       f"{prefix}/include/jeton.h", f"{prefix}/include/jeton/verifier.h",
                       f"{prefix}/share/man/man5/jetond.conf.5"):
            assert wanted in there, f"{wanted} is not among {there}"
        for page in pages():
            name, section = os.path.basename(page), page[-1]
            assert f"{prefix}/share/man/man{section}/{name}" in there, f"{page} is not installed"
        make("uninstall", root, prefix)
        assert files_below(root) == [], f"left after uninstall with PREFIX={prefix}"
        own = [path for path, _, _ in os.walk(root) if os.path.basename(path) == "jeton" and
               path != f"{root}{prefix}"]
        assert own == [], "directories left"


def test_the_boot_test_removes_each_package():
    listed = re.search(r"^PACKAGES = (.*?[^\\])$", text_of("tests/boot/packages.py"), re.M | re.S)[1]
    made = re.findall(r"^Package: (\S+)$", text_of("systemd/debian/control"), re.M)
    assert sorted(re.findall(r'"(.+?)"', listed)) == sorted(made)


def test_a_changed_configuration_is_neither_overwritten_nor_removed():
    root = installed()
    path = f"{root}/etc/jeton/jetond.conf"
    with open(path, "w") as file:
        file.write("[daemon]\nlog_level = debug\n")
    make("install-only", root)
    make("uninstall", root)
    assert files_below(root) == ["/etc/jeton/jetond.conf"]
    assert text_of(path) == "[daemon]\nlog_level = debug\n"


def test_programs_are_built_with_what_is_installed():
    root = installed()
    source = f"{root}/program.c"
    with open(source, "w") as file:
        file.write("#include <jeton.h>\n#include <jeton/jeton.h>\n#include <jeton/verifier.h>\n"
                   "const struct jeton_verifier jeton_verifier = { JETON_VERIFIER_ABI };\n"
                   "int main(void) { return jeton_status_http(JETON_OK) != 200; }\n")
    flags = run("pkg-config", "--cflags", "--libs", "libjeton", env=os.environ | {
        "PKG_CONFIG_PATH": f"{root}/usr/local/lib/pkgconfig", "PKG_CONFIG_SYSROOT_DIR": root})
    run("cc", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", source,
        *flags.split(), "-o", f"{root}/program")
    run(f"{root}/program", env=os.environ | {"LD_LIBRARY_PATH": f"{root}/usr/local/lib"})


def test_programs_are_built_with_nothing_else_installed():
    root = installed()
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PKG_CONFIG")}
    flags = run("pkg-config", "--cflags", "--libs", "libjeton", env=alone | {
        "PKG_CONFIG_LIBDIR": f"{root}/usr/local/lib/pkgconfig"})
    assert "-ljeton" in flags, flags


def test_links_of_installed_documents_lead_somewhere():
    root = installed()
    for name in "README.md", "PROTOCOL.md":
        path = f"{root}/usr/local/share/doc/jeton/{name}"
        links = re.findall(r"\]\(([^)]+)\)", text_of(path))
        assert links, path
        for link in links:
            assert link.startswith("#") or os.path.exists(os.path.join(os.path.dirname(path), link)), (name, link)


# -- units ---------------------------------------------------------------------------------------

def units_to_judge():
    """Install the units and let them name the installed programs; return the root and their paths."""
    root = installed()
    for path in glob.glob(f"{root}/{UNITS}/*"):
        text = text_of(path)
        assert not re.search("@[A-Z]+@", text), path
        with open(path, "w") as file:
            file.write(text.replace("/usr/local/", f"{root}/usr/local/"))
    return root, sorted(glob.glob(f"{root}/{UNITS}/*"))


def analyze(root, *arguments):
    return run("systemd-analyze", *arguments, env=os.environ | {
        "SYSTEMD_UNIT_PATH": f"{root}/{UNITS}:", "MANPATH": f"{root}/usr/local/share/man:",
        "SYSTEMD_LOG_LEVEL": "notice"})


def test_units_are_clean_and_their_manual_pages_are_there():
    need("systemd-analyze")
    root, units = units_to_judge()
    assert (({os.path.basename(unit) for unit in units} >= {
           "jetond.service", "jetond-admin.socket", "jetond-observe.socket", "jetond-verify.socket",
           "jetond-self.socket",
           "jeton-stats.service", "jeton-stats.timer", "jeton-gateway.service", "jeton-gateway.socket",
           "jeton-gateway-admin.socket", "jeton-fleet.service", "jetond-fleet.socket"})), units
    manual = "yes" if shutil.which("man") else "no"
    assert analyze(root, "verify", f"--man={manual}", *units) == ""


def test_the_service_starts_after_the_clock_is_set():
    """Tokens expire by it, and a first connection may start the service early in a boot."""
    _, units = units_to_judge()
    [service] = [unit for unit in units if unit.endswith("/jetond.service")]
    with open(service) as file:
        after = [name for line in file if line.startswith("After=") for name in line[6:].split()]
    assert "time-sync.target" in after


def test_the_services_are_exposed_no_more_than_promised():
    need("systemd-analyze")
    root, _ = units_to_judge()
    for name, exposure in EXPOSURE.items():
        output = analyze(root, "security", "--offline=yes", "--no-pager",
                         f"--threshold={round(exposure * 10)}", f"{root}/{UNITS}/{name}.service")
        print(output.splitlines()[-1].removeprefix("→ "))


def test_the_examples_of_drop_ins_are_clean():
    need("systemd-analyze")
    root, units = units_to_judge()
    os.mkdir(f"{root}/{UNITS}/jetond.service.d")
    examples = glob.glob(f"{root}/usr/local/share/doc/jeton/examples/*.conf")
    assert sorted(map(os.path.basename, examples)) == ["network.conf", "priority.conf"]
    for example in examples:
        shutil.copy(example, f"{root}/{UNITS}/jetond.service.d")
    assert analyze(root, "verify", "--man=no", *units) == ""


# -- the configuration file ----------------------------------------------------------------------

def keys():
    source = text_of("daemon/config/config.c")
    own, roles = KEY_ROW.findall(source), ROLE_KEY_ROW.findall(source)
    assert len(own) >= 12 and len(roles) == 4, (own, roles)
    own += [("policy", key) for key in re.findall(r'_KEY_\w+\] = \{ "(\w+)"', text_of("daemon/config/policy_keys.c"))
            if key != "subject"]        # of named sections
    own += [("self", key) for section, key in own if section == "policy" and key not in ("warn", "exempt_import")]
    return own + [(role, key) for role in ("admin", "observe", "verify", "self", "fleet") for key in roles]


def shown():
    """Return (section, key, value) of every key in the installed file; all are comments."""
    section, found = None, []
    for line in text_of("systemd/jetond.conf").splitlines():
        if match := re.fullmatch(r"#?\[([a-z ]+)\]", line):
            section = match[1]
        elif match := re.fullmatch(r"#([a-z_]+) = ?(.*)", line):
            found.append((section, match[1], match[2]))
        else:
            assert line == "" or line.startswith("# "), line
    return found


def test_the_configuration_file_shows_every_key():
    there = {(section, key) for section, key, _ in shown() if section != "service other"}
    assert sorted(there) == sorted(set(keys()))


def test_what_the_configuration_file_shows_is_valid():
    directory = tempfile.mkdtemp()
    sections = {}
    for section, key, value in shown():
        line = f"{key} = {value.replace('@VERIFIERSDIR@', directory)}\n"
        sections[section] = sections.get(section, f"[{section}]\n") + line
    text = "".join(sections.values())
    with open(f"{directory}/jetond.conf", "w") as file:
        file.write(text)
    others = [f"daemon.store={directory}/tokens.tdb", "verify.table_group="]
    for role in ("admin", "observe", "verify"):
        others += [f"{role}.path={directory}/{role}.sock", f"{role}.group="]
    done = run_jetond("--config", f"{directory}/jetond.conf", "--check",
                   *(word for setting in others for word in ("--set", setting)))
    assert done.returncode == 0, done.stderr


# -- manual pages --------------------------------------------------------------------------------

def pages():
    found = sorted(path for folder in ("daemon", "plugin", "proto")
                   for path in glob.glob(f"{folder}/**/*.[1-8]", recursive=True))
    assert len(found) >= 7, found
    return found


def test_every_key_is_described():
    page = text_of("daemon/jetond.conf.5")
    section, described = None, set()
    for line in page.splitlines():
        if line.startswith(".Ss ["):
            section = re.findall(r"\[([a-z]+)", line)
        elif section and line.startswith(".It Cm "):
            described |= {(name, line.split()[2]) for name in section}
    assert sorted(set(keys()) - described) == [], (
        "keys of config.c that jetond.conf(5) does not describe")


def test_the_manual_pages_are_clean():
    need("mandoc")
    run("mandoc", "-T", "lint", "-W", "warning", *pages())


def test_the_manual_pages_are_clean_for_groff():
    need("groff")
    for page in pages():
        assert run("groff", "-mandoc", "-Tutf8", "-wmac", "-Wbreak", "-z", page) == "", page


def test_manual_pages_refer_to_what_there_is():
    own = {tuple(os.path.basename(page).rsplit(".", 1)) for page in pages()}
    for page in pages():
        for name, section in re.findall(r"^\.Xr (\S+) (\d)", text_of(page), re.M):
            assert (name, section) in own or "jeton" not in name, f"{page}: {name}({section})"
