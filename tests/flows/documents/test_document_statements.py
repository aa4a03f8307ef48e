# SPDX-License-Identifier: Apache-2.0
"""Defaults, limits, codes, names and exit statuses that documents state are those of the programs."""
import glob
import os
import re
import subprocess
import tempfile

import pytest

from daemon import run_jetond
from documents import MANUALS, plain, read
from jeton_command import JETON, jeton
from settings import BUILD, PATIENCE

CONF = "daemon/jetond.conf.5"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}


def printed():
    """Return the value of each key of each section in a configuration in which nothing is set."""
    output, section, found = run_jetond("--print-config", "--config", "/dev/null").stdout, None, {}
    for line in output.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line:
            key, _, value = line.partition("=")
            found[section, key.strip()] = value.strip()
    return found


def words(line):
    """Return what a line of macros prints."""
    line = re.sub(r"\b(Ns|No|Cm|Ar|Pa|Pq|Fl|Em|Dv|Ql|Li|Ic)\b ?", "", line)
    return " ".join(plain(line).split()).replace(" ,", ",").replace(" ;", ";")


def items(page, section=None):
    """Return (head, text) of each item of a page's lists."""
    text = read(page)
    if section:
        text = re.search(rf"^\.S[sh] {re.escape(section)}\n(.*?)(?=^\.S[sh] |\Z)", text, re.M | re.S)[1]
    parts = re.split(r"^\.It ", text, flags=re.M)[1:]
    return [(head, body) for head, _, body in (part.partition("\n") for part in parts)]


# -- jetond.conf(5) and the installed file -------------------------------------------------------

def rows():
    """Return {(section, key): (least, most, restart)} of the table in the source."""
    source = read("daemon/config/config.c")
    pattern = r'\{\s*"(\w+)",\s*"(\w+)",\s*read_(\w+),\s*AT\(.*?\),\s*(\w+),\s*([\w\s-]+?),\s*("[^"]*"|\w+),\s*(true|false)\s*\}'
    found = {(m[1], m[2]): (m[3], m[4], m[5], m[7] == "true") for m in re.finditer(pattern, source)}
    for m in re.finditer(r'\{ name, "(\w+)".*?\b(true|false)\s*\}', source, re.S):
        for role in "admin", "observe", "verify", "self", "fleet":
            found[role, m[1]] = ("", "0", "0", m[2] == "true")
    keys = re.findall(r'_KEY_\w+\] = \{ "(\w+)"', read("daemon/config/policy_keys.c"))
    return found | {(section, name): ("", "0", "0", False) for section in ("policy", "self") for name in keys
                    if name not in (("subject",) if section == "policy" else ("subject", "warn", "exempt_import"))}


def documented_keys():
    """Return {(section, key): what the page says in parentheses}."""
    found = {}
    for section, names in (("[daemon]", ["daemon"]), ("[admin], [observe], [verify]", ["admin", "observe", "verify"]),
                           ("[self]", ["self"]), ("[fleet]", ["fleet"]), ("[policy], [policy NAME]", ["policy"])):
        for head, _ in items(CONF, section):
            match = re.match(r"Cm (\w+) Pq (.*)", head)
            assert match, head
            for name in ["verify"] if "verify only" in match[2] else [] if "named sections only" in match[2] else names:
                found[name, match[1]] = words(match[2])
    return found


def test_every_key_is_documented_with_its_default():
    defaults, shown = printed(), documented_keys()
    assert set(defaults) == set(shown)
    for (section, key), text in shown.items():
        value = defaults[section, key]
        if key == "path" and section not in ("self", "fleet"):
            continue
        if stated := re.search(r"defaults (.*)", text):
            stated = re.split(r", ", stated[1])[["admin", "observe", "verify"].index(section)]
        else:
            stated = re.search(r"default:? (\S+)", text)[1]
        if key == "verifiers":
            assert stated == "@VERIFIERSDIR@"
        else:
            assert (stated if stated != "none" else "") == value, (section, key, text)
    paths = re.search(r"Defaults:\n(.*?)\n\.It|Defaults:\n(.*?)\nThe dir", read(CONF), re.S)[0]
    for role in "admin", "verify":
        assert defaults[role, "path"] in paths
    assert defaults["observe", "path"] == "" and "nothing for" in words(paths.replace("\n.", " ").replace("\n", " "))


def test_every_key_is_documented_as_reloaded_or_not():
    table = rows()
    assert set(table) == set(printed())
    for key, text in documented_keys().items():
        assert ("restart" if table[key][3] else "reload") in text.split(";")[-2 if "default" in text else -1], (key, text)


def test_bounds_of_keys_are_those_that_are_checked():
    checked = 0
    for (section, key), text in documented_keys().items():
        bounds = re.search(r"number, (\d+) to (\d+)", text)
        if not bounds:
            continue
        checked += 1
        for value, good in ((bounds[1], True), (bounds[2], True), (str(int(bounds[2]) + 1), False),
                            (str(int(bounds[1]) - 1), False)):
            done = run_jetond("--config", "/dev/null", "--set", f"{section}.{key}={value}", "--print-config")
            assert (done.returncode == 0) == good, (key, value)
    assert checked >= 4


def test_installed_file_shows_the_defaults():
    section, defaults = None, printed()
    for line in read("systemd/jetond.conf").splitlines():
        if match := re.fullmatch(r"#?\[([a-z ]+)\]", line):
            section = match[1]
        elif (match := re.fullmatch(r"#([a-z_]+) = ?(.*)", line)) and (section, match[1]) in defaults:
            assert match[2] == defaults[section, match[1]].replace(
                defaults["daemon", "verifiers"], "@VERIFIERSDIR@"), line


def count(source, name):
    return int(re.search(rf"\b{name} = (\d+)", read(source))[1])


def test_counts_in_jetond_conf_5_are_those_of_the_program():
    page = " ".join(read(CONF).split())
    for pattern, number in (
            (r"There can be (\d+) services", count("daemon/config/service_config.h", "SERVICE_CONFIGS_MAX")),
            (r"a name has at most (\d+) bytes", count("proto/limits.h", "SERVICE_MAX")),
            (r"the stack, which can have (\d+)", count("daemon/config/service_config.h", "SERVICE_ENTRIES_MAX")),
            (r"May be given up to (\d+) times; empty", count("daemon/config/config.h", "CONFIG_PATHS_MAX")),
            (r"(\d+) more places are kept", count("daemon/session/client_limit.h", "CLIENT_LIMIT_ADMIN_EXTRA"))):
        assert int(re.search(pattern, page)[1]) == number, pattern
    assert str(count("daemon/session/client_limit.h", "CLIENT_LIMIT_ADMIN_EXTRA")) + " more places" in \
        " ".join(read("daemon/jetond.8").split())
    assert int(re.search(r"May be given up to (\d+) times", read("daemon/jetond.8"))[1]) == \
        count("daemon/config/config_load.h", "CONFIG_ASSIGNMENTS_MAX")
    line = int(re.search(r"A line has at most (\d+) bytes", page)[1])
    for length, good in ((line, True), (line + 1, False)):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("[daemon]\n" + "retention = 1d ;".ljust(length, "x") + "\n")
            file.flush()
            assert (run_jetond("--config", file.name, "--print-config").returncode == 0) == good, length


# -- arguments of verifiers ----------------------------------------------------------------------

SOURCES = {"throttle": "daemon/verifiers/throttle.c", "jwt": "daemon/verifiers/jwt/*.c",
           "introspect": "daemon/verifiers/introspect/*.c", "require": "daemon/verifiers/require.c",
           "pool": "daemon/verify/*.[ch]"}
# A stack that lacks only the argument.
STACKS = {"throttle": "requisite = throttle {}", "jwt": "sufficient = jwt jwks={keys} issuer=* audience=* {}",
          "introspect": "sufficient = introspect url=http+unix:///s:/p {}",
          "pool": "sufficient = introspect url=http+unix:///s:/p {}", "require": ""}
KEYS = ('{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",'
        '"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}')


def arguments():
    """Return (verifier, name, what follows its equals sign, text) of each argument in the page."""
    verifier, found = None, []
    for head, body in items(CONF, "[service NAME]"):
        if match := re.fullmatch(r"Cm (\w+)", head):
            verifier = match[1]
        for name, value in re.findall(r"Cm (\w+) Ns = Ns Ar (\S+)", head):
            found.append(("pool" if name in ("deadline", "threads", "queue") else verifier, name, value, body))
    return found


def machine_value(text):
    """Return how the source writes a documented default."""
    if match := re.fullmatch(r"(\d+)([smhd])", text):
        return str(int(match[1]) * SECONDS[match[2]])
    return {"yes": "true", "no": "false"}.get(text, text)


def test_defaults_of_arguments_are_those_of_the_verifiers():
    found = {}
    for verifier, name, value, _ in arguments():
        source = "".join(map(read, sorted(glob.glob(SOURCES[verifier]))))
        for given in re.findall(rf'(?:->|\.){name} = "?(\w+)"?[,; }}]', source):
            if given.isdigit() or given in ("true", "false") or f'"{given}"' in source:
                found[verifier, name] = (machine_value(value), given)
    for key, (documented, given) in found.items():
        assert documented == given, key
    assert len(found) >= 8, found
    pool = read("daemon/verify/thread_pool.h") + read("daemon/verify/stack_entry.c")
    documented = {name: value for verifier, name, value, _ in arguments() if verifier == "pool"}
    assert documented == {"deadline": re.search(r"DEADLINE \(INT64_C\((\d+)\) \* 1000000\)", pool)[1] + "ms",
                          "threads": re.search(r"THREADS = (\d+)", pool)[1],
                          "queue": re.search(r"QUEUE = (\d+)", pool)[1]}


def accepts(verifier, argument):
    directory = tempfile.mkdtemp()
    keys, conf = f"{directory}/keys", f"{directory}/conf"
    for path, text in ((keys, KEYS), (conf, "[service a]\n" + STACKS[verifier].format(argument, keys=keys) +
                                      "\nsufficient = local\n")):
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
    settings = [f"daemon.store={directory}/t.tdb", f"daemon.verifiers={BUILD}/verifiers", "verify.table_group="]
    for role in "admin", "verify":
        settings += [f"{role}.path={directory}/{role}.sock", f"{role}.group="]
    done = run_jetond("--config", conf, "--check-config", *(w for one in settings for w in ("--set", one)))
    return done.returncode == 0, done.stderr


def larger(text):
    number, unit = re.fullmatch(r"(\d+)([a-z]*)", text).groups()
    return f"{int(number) + 1}{unit}" if unit != "d" else f"{int(number) * 86400 + 1}s"


def test_defaults_and_bounds_of_arguments_are_accepted_and_no_more():
    checked = 0
    for verifier, name, value, body in arguments():
        if verifier not in ("throttle", "pool", "jwt", "introspect"):
            continue
        if re.fullmatch(r"\d+(ms|[smhd])?|yes|no", value):
            good, error = accepts(verifier, f"{name}={value}")
            assert good, (name, value, error)
        bounds = re.search(r"\b(\d+(?:ms|[smhd])?) to (\d+(?:ms|[smhd])?)\b", words(body.replace("\n", " ")))
        if not bounds or not re.match(r"\d", value):
            continue
        checked += 1
        for given, wanted in ((bounds[1], True), (bounds[2], True), (larger(bounds[2]), False)):
            good, error = accepts(verifier, f"{name}={given}")
            assert good == wanted, (name, given, error)
    assert checked >= 4


# -- jetond(8) -----------------------------------------------------------------------------------

def test_journal_entries_have_the_documented_names_and_ids():
    header, source = read("daemon/base/journald.h"), read("daemon/base/journald.c")
    ids = dict(re.findall(r'JOURNALD_ID_(\w+)\s+"([0-9a-f]{32})"', header))
    events = {event: ids[kind] for event, kind in re.findall(r'"([a-z-]+)", JOURNALD_ID_(\w+)', source)}
    documented = {head.removeprefix("Cm "): re.match(r"([0-9a-f]{32}):", body)[1]
                  for head, body in items("daemon/jetond.8", "Journal entries")}
    assert documented.pop("(any change)") == ids["CHANGE"]
    assert documented == events
    for field in re.findall(r"Ql (JETON_\w+|MESSAGE_ID)\b", read("daemon/jetond.8")):
        assert f"{field}=" in source, field


def test_statistics_that_documents_name_are_there(daemon):
    names = set(daemon().stats())
    stated = [name for head, _ in items("daemon/jetond.8", "Monitoring") for name in re.findall(r"[a-z_]+_[a-z_*]+", head)]
    stated += re.findall(r"`((?:denials|store|connections|reports|protection)_[a-z_]+)`", read("README.md"))
    stated += re.findall(r"Cm (protection_[a-z_]+)", read("daemon/jetond.8"))
    assert len(stated) >= 5
    for name in stated:
        assert any(re.fullmatch(name.replace("*", ".*"), there) for there in names), name


def test_probes_that_are_documented_are_there():
    sources = "".join(map(read, glob.glob("daemon/**/*.[ch]", recursive=True)))
    probes = [head.removeprefix("Cm ") for head, _ in items("daemon/jetond.8", "Tracing")]
    assert probes
    assert set(probes) == set(re.findall(r"\bPROBE\((\w+), [a-z]", sources)) - {"name"}


def test_options_are_documented_and_documented_ones_are_there():
    for program, page in ((f"{BUILD}/jetond", "daemon/jetond.8"), (JETON, "plugin/cli/jeton.1"), (f"{BUILD}/jeton-web", "plugin/web/jeton-web.1"),
                          (f"{BUILD}/jeton-gateway", "plugin/gateway/jeton-gateway.8"), (f"{BUILD}/jeton-fleet", "plugin/fleet/jeton-fleet.8")):
        output = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=20 * PATIENCE).stdout
        there = set(re.findall(r"--[a-z][a-z-]+", output))
        synopsis = re.search(r"^\.Sh SYNOPSIS\n(.*?)^\.Sh", read(page), re.M | re.S)[1]
        documented = {"-" + name for name in re.findall(r"Fl (-[a-z][a-z-]+)", read(page))}
        assert there == documented, (page, there ^ documented, synopsis)


def test_exit_statuses_of_the_daemon_are_the_documented_ones():
    """What each means is tried in test_check."""
    assert [head for head, _ in items("daemon/jetond.8", "EXIT STATUS")] == ["0", "1", "2"]
    assert count("daemon/process/exit_status.h", "EXIT_WRONG_CONFIG") == 2
    assert "RestartPreventExitStatus=2\n" in read("systemd/jetond.service.in")


def test_exit_statuses_of_the_command_are_the_documented_ones(daemon):
    d = daemon()
    value, revoked = d.create(scopes="a", subject="s")["token"], d.create()["id"]
    d.done(f"revoke {revoked}")
    tried = {
        0: [(["verify"], value), (["list"], "")],
        1: [(["verify"], "x" * 40), (["show", "0" * 20], ""), (["update", revoked, "description=x"], "")],
        2: [(["nonsense"], ""), (["create", "ttl=x"], ""), (["--nonsense"], "")],
        3: [],
        4: [(["verify", "scope=b"], value), (["verify", "subject=t"], value)],
    }
    for status, calls in tried.items():
        for call, typed in calls:
            assert jeton(d.path(), *call, input=typed + "\n").status == status, (call, status)
    assert jeton(f"{d.directory}/none.sock", "list").status == 3
    documented = {int(head) for head, _ in items("plugin/cli/jeton.1", "EXIT STATUS")}
    assert documented == set(tried)


# -- the protocol --------------------------------------------------------------------------------

def test_limits_of_the_protocol_are_those_of_the_daemon(daemon):
    text = read("proto/PROTOCOL.md")
    limits = dict(re.findall(r"^\| ([a-z][^|]*?) \| (.*?) \|$", re.search(r"^## 6\..*?^## 7", text, re.M | re.S)[0], re.M))
    hello = daemon().done("hello")

    numbers = lambda row: re.findall(r"\d+", limits[row])
    assert numbers("a line with its LF")[:1] == [hello["line_max"]]
    assert numbers("a value")[:2] == [hello["value_min"], hello["value_max"]]
    assert numbers("subject, description")[:2] == [hello["subject_max"], hello["description_max"]]
    assert numbers("scopes")[:2] == [hello["scopes_max"], hello["scope_max"]]
    assert numbers("service")[:1] == [str(count("proto/limits.h", "SERVICE_MAX"))]
    assert str(count("daemon/session/client_limit.h", "CLIENT_LIMIT_ADMIN_EXTRA")) in numbers("connections")


def test_roles_grant_the_verbs_that_documents_name(daemon):
    d = daemon(roles=(roles := ("verify", "observe", "admin", "self")))
    granted = {role: {line["verb"] for line in d.done("help", role).lines} for role in roles}
    table = dict(re.findall(r"^\| (verify|observe|admin|self) \| (`.*) \|$", read("proto/PROTOCOL.md"), re.M))
    stated = {role: set(re.findall(r"`(\w+)", row)) for role, row in table.items()}
    stated["admin"] |= stated["observe"] | stated["verify"]
    stated["observe"] |= stated["verify"]
    assert stated == granted
    usage = {line["verb"]: line["usage"] for line in d.done("help").lines}
    text = read("proto/PROTOCOL.md")
    filters = " ".join(re.findall(r"^\| (`.*?) \|", re.search(r"^\| filter \|.*?^$", text, re.M | re.S)[0], re.M))
    for verb in granted["admin"]:
        assert re.search(rf"`{verb}[ `]", text), f"{verb} is not documented"
    for verb, line in usage.items():
        shown = " ".join(re.findall(rf"`({verb} [^`]*)`", text)).replace("FILTER…", filters)
        missing = [key for key in re.findall(r"\b([a-z_]+=)", line) if key not in shown]
        assert not missing or "create's keys" in shown, f"{verb}: {missing} is not documented"


# -- the library and PAM -------------------------------------------------------------------------

def statuses():
    """Return {NAME: (word, HTTP status, PAM code in account management)}."""
    pattern = r'\[STATUS_(\w+)\] = \{ \w+, "([a-z-]+)",.*?(?:true|false), (\d+), "(PAM_\w+)"'
    return {m[0]: m[1:] for m in re.findall(pattern, read("proto/status.c"), re.S)}


def test_statuses_in_libjeton_3_have_the_documented_http_codes():
    table = statuses()
    documented = dict(re.findall(r"^\.It Dv JETON_(\w+) Ta (\d+) Ta", read("plugin/lib/libjeton.3"), re.M))
    header = set(re.findall(r"^\s+JETON_([A-Z]+)\b[^_(]", re.search(r"enum jeton_status \{(.*?)\}", read("plugin/lib/jeton.h"), re.S)[1], re.M))
    assert set(documented) == header
    for name, code in documented.items():
        if name in table:
            assert table[name][1] == code, name


PAM_ROWS = {"valid": ["OK"], "malformed": ["MALFORMED"], "unknown, deleted": ["UNKNOWN"], "an identifier": ["IDENTIFIER"],
            "expired": ["EXPIRED"], "pending": ["PENDING"], "disabled, revoked": ["DISABLED", "REVOKED"],
            "of another subject": ["SUBJECT"], "without a required scope": ["SCOPE"], "denied by policy": ["DENIED"],
            "not verified in time": ["UNAVAILABLE"]}


def test_pam_codes_are_the_documented_ones():
    """That the module returns them is tried in test_pam."""
    table = statuses()
    documented = {words(m[0]): m[1:] for m in
                  re.findall(r"^\.It (.*?) Ta Dv (PAM_\w+) Ta Dv (PAM_\w+)$", read("plugin/pam/pam_jeton.8"), re.M)}
    assert set(documented) == set(PAM_ROWS)
    for row, names in PAM_ROWS.items():
        for name in names:
            account = table[name][2]
            auth = account if name in ("OK", "UNAVAILABLE") else "PAM_AUTH_ERR"
            assert (auth, account) == documented[row], row
    header = re.search(r"enum jeton_status \{(.*?)\}", read("plugin/lib/jeton.h"), re.S)[1]
    assert {name for names in PAM_ROWS.values() for name in names} == set(re.findall(r"JETON_(\w+) =", header)) - {"INVALID", "WAITING"}


def test_pam_options_are_the_documented_ones():
    source = read("plugin/pam/options.c")
    there = set(re.findall(r'^    \{ "(\w+)", \.', source, re.M))
    documented = {re.match(r"Cm (\w+)", head)[1] for head, _ in items("plugin/pam/pam_jeton.8", "OPTIONS")}
    assert there == documented
    page = " ".join(read("plugin/pam/pam_jeton.8").split())
    assert re.search(r"1 to (\d+); default (\d+)", page).groups() == (
        str(count("plugin/pam/options.c", "TIMEOUT_MAX")), str(count("plugin/pam/options.c", "TIMEOUT")))


# -- pages ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("page", MANUALS)
def test_pages_that_are_referred_to_are_there(page):
    ours = {os.path.basename(path) for path in MANUALS}
    for name, section in re.findall(r"^\.Xr (\S+) (\d)", read(page), re.M):
        if re.match(r"jeton|libjeton|pam_jeton", name):
            assert f"{name}.{section}" in ours, (name, section)
    lines = re.sub(r"\n\.?(in|Xr)\b", r" \1", re.sub(r" No in Xr ", "\nin\n.Xr ", read(page)))
    for title, other in re.findall(r"Sx ([A-Z][A-Za-z ]*?)(?: in Xr (\S+ \d).*| [.,;:)].*)?$", lines, re.M):
        where = next(path for path in MANUALS if path.endswith(other.replace(" ", ".") or page))
        assert re.search(rf"^\.S[hs] {title}$", read(where), re.M), f"there is no section {title} in {where}"
