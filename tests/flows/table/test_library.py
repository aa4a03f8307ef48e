# SPDX-License-Identifier: Apache-2.0
"""libjeton in other programs: what the kernel sees of them, and what its manual promises."""
import os
import re
import shutil
import subprocess

import pytest

from requirements import need_root
from settings import BUILD, ROOT, SANITIZER

ROUNDS = 300_000


def compiled(directory, source, *flags):
    program = f"{directory}/program"
    subprocess.run([os.environ.get("CC", "cc"), "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra",
                    "-Werror", "-O2", source, *flags, f"-I{ROOT}", f"-L{BUILD}", "-ljeton",
                    f"-Wl,-rpath,{BUILD}", "-o", program], check=True)
    return program


def need_plain_library():
    if SANITIZER:
        pytest.skip("a sanitizer's runtime makes system calls of its own")


def test_verification_makes_no_system_call_once_warm(daemon):
    need_plain_library()
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    d = daemon()
    value = d.create(scopes="a,b", subject="ann")["token"]
    program = compiled(d.directory, f"{ROOT}/tests/quiet_host.c")
    trace = f"{d.directory}/trace"
    done = subprocess.run(["strace", "-f", "-o", trace, program, d.path("verify"), str(ROUNDS)],
                          input=value + "\n", text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "warm\ndone\n"), done.stderr
    with open(trace) as file:
        calls = file.read()
    between = re.search(r'write\(1, "warm.*?\n(.*?)[^\n]*write\(1, "done', calls, re.S)[1]
    # The uses of a minute are sent to the daemon in one message.
    assert ([line for line in between.splitlines() if " sendto(" not in line and
             " sendmsg(" not in line and " send(" not in line] == [])
    assert len(between.splitlines()) <= 1, between


def test_each_call_needs_no_more_stack_than_the_manual_says(daemon):
    need_plain_library()
    d = daemon()
    value = d.create(scopes="a,b", subject="ann")["token"]
    program = compiled(d.directory, f"{ROOT}/tests/small_stack.c", "-Wl,-z,now")
    done = subprocess.run([program, d.path("verify"), str(16 << 10)], input=value + "\n", text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    used = dict(re.findall(r"^(.*) (\d+)$", done.stdout, re.M))
    small = {name: int(size) for name, size in used.items() if name.startswith(("verify", "start", "dispatch"))}
    assert {"verify", "verify, without the table", "dispatch, without the table"} <= set(small)
    assert max(small.values()) < 8 << 10


def manual_example():
    """Return the program in libjeton(3)."""
    with open(f"{ROOT}/plugin/lib/libjeton.3") as file:
        text = file.read()
    page = text[text.index(".Sh EXAMPLES"):]
    code = max(re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", page, re.S | re.M), key=len)
    return re.sub(r"\\e", r"\\", code).replace("\\&", "").replace("\\-", "-")


def example(directory):
    source = f"{directory}/example.c"
    os.mkdir(f"{directory}/include")
    shutil.copy(f"{ROOT}/plugin/lib/jeton.h", f"{directory}/include")
    with open(source, "w") as file:
        file.write(manual_example())
    return compiled(directory, source, f"-I{directory}/include")


def output_of(program, daemon, value, **who):
    return subprocess.run([program, daemon.path("verify"), "deploy"], input=value + "\n", text=True,
                          capture_output=True, timeout=20, **who).stdout


def test_example_in_the_manual_compiles_and_works(daemon):
    need_plain_library()
    d = daemon()
    token = d.create(scopes="deploy", subject="ann")
    program = example(d.directory)
    assert (output_of(program, d, token["token"]) ==
            f"ok: {token['id']} speaks for ann (by the table)\n")
    d.done(f"revoke {token['id']}")
    assert output_of(program, d, token["token"]).startswith("HTTP 401: ")


def test_who_may_not_have_the_table_is_answered_by_the_daemon(daemon):
    need_plain_library()
    need_root()
    d = daemon("verify.table_group=65533")
    token = d.create(scopes="deploy", subject="ann")
    program = example(d.directory)
    for path in d.directory, os.path.dirname(d.directory):
        os.chmod(path, 0o755)
    for groups, source in ([], "daemon"), ([65533], "table"):
        assert (output_of(program, d, token["token"], user=65534, group=65534, extra_groups=groups) ==
                f"ok: {token['id']} speaks for ann (by the {source})\n")


def test_header_is_good_for_cplusplus():
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    done = subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-xc++",
                           f"{ROOT}/plugin/lib/jeton.h"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_library_exports_its_interface_and_nothing_else():
    listed = subprocess.run(["nm", "-D", "--defined-only", f"{BUILD}/libjeton.so.0"],
                            capture_output=True, text=True, check=True).stdout
    names = {line.split()[2].split("@")[0] for line in listed.splitlines() if " T " in line}
    with open(f"{ROOT}/plugin/lib/jeton.h") as file:
        declared = set(re.findall(r"\b(jeton_[a-z_]+)\(", file.read()))
    assert names == declared & names, "exported without being declared"
    assert all(name.startswith("jeton_") for name in names) and len(names) > 5, names
    needed = subprocess.run(["objdump", "-p", f"{BUILD}/libjeton.so.0"], capture_output=True,
                            text=True, check=True).stdout
    if not SANITIZER:
        assert set(re.findall(r"NEEDED +(\S+)", needed)) - {"libc.so.6", "libsodium.so.23"} == set()
