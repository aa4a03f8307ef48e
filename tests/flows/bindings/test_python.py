# SPDX-License-Identifier: Apache-2.0
"""The Python module jeton: it agrees with jeton.h, and keeps what it promises."""
import glob
import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from askers import HERE, PYTHON, environment, need_library
from settings import BUILD, PATIENCE, ROOT
from value import value_new
from waiting import eventually

sys.path.insert(0, f"{ROOT}/plugin/python")
import jeton                # noqa: E402
from jeton import _library  # noqa: E402


def run_python(*arguments, input="", within=40):
    done = subprocess.run([PYTHON, *arguments], input=input, capture_output=True, text=True, env=environment(),
                          timeout=within * PATIENCE)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def part(name, *arguments, within=40):
    """Run a part of python_parts.py."""
    need_library()
    return run_python(f"{HERE}/python_parts.py", name, *arguments, within=within)


def printed_by_c(tmp_path, expressions):
    """Return the values of integer expressions, as a C program with jeton.h has them."""
    with open(f"{tmp_path}/show.c", "w") as file:
        file.write("#include <stdio.h>\n#include <stddef.h>\n#include \"plugin/lib/jeton.h\"\nint main(void) {\n" +
                   "".join(f'printf("%lld\\n", (long long)({e}));\n' for e in expressions) + "}\n")
    subprocess.run(["cc", "-Wall", "-Werror", f"-I{ROOT}", f"{tmp_path}/show.c", "-o", f"{tmp_path}/show"], check=True)
    lines = subprocess.run([f"{tmp_path}/show"], capture_output=True, text=True, check=True).stdout
    return dict(zip(expressions, map(int, lines.split())))


def header():
    with open(f"{ROOT}/plugin/lib/jeton.h") as file:
        return re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)


def test_a_library_that_is_missing_is_named_with_what_to_do():
    program = "import jeton\ntry:\n    jeton.Jeton()\nexcept OSError as error:\n    print(error)"
    clean = {name: value for name, value in os.environ.items() if name not in ("LD_LIBRARY_PATH", "LD_PRELOAD")}
    done = subprocess.run(["/usr/bin/python3", "-c", program], env=clean | {"PYTHONPATH": f"{ROOT}/plugin/python"},
                          capture_output=True, text=True, timeout=20 * PATIENCE)
    assert done.returncode == 0, done
    if done.stdout == "":
        pytest.skip("libjeton is installed on this machine")
    assert done.stdout.startswith("libjeton.so.0: ") and "install libjeton0" in done.stdout, done


def test_the_structure_is_that_of_the_header(tmp_path):
    members = re.findall(r"(\w+)(?:\[\d+\])?;", re.search(r"struct jeton_claims \{(.*?)\};", header(), re.S)[1])
    ours = _library.ClaimsStruct
    assert members == [name for name, _ in ours._fields_]
    expected = {"sizeof(struct jeton_claims)": _library.ctypes.sizeof(ours)}
    for name in members:
        expected[f"offsetof(struct jeton_claims, {name})"] = getattr(ours, name).offset
        expected[f"sizeof(((struct jeton_claims *)0)->{name})"] = getattr(ours, name).size
    assert printed_by_c(tmp_path, expected) == expected


def test_the_constants_are_those_of_the_header(tmp_path):
    names = re.findall(r"\bJETON_(\w+) = (?:\d+)", header())
    statuses = names[:names.index("NOBODY")]
    expected = {f"JETON_{name}": number for name, number in jeton.Status.__members__.items()}
    assert {f"JETON_{name}" for name in statuses} - set(expected) == {"JETON_WAITING"}, "only for who does not block"
    expected |= {f"JETON_{name.upper()}": number for number, name in enumerate(_library.SOURCES)}
    expected |= {"JETON_NO_TABLE": _library.NO_TABLE, "JETON_NO_REPORTS": _library.NO_REPORTS,
                 "JETON_NEVER": _library.NEVER}
    assert printed_by_c(tmp_path, expected) == expected
    assert f'#define JETON_SOCKET "{jeton.SOCKET}"' in header()


def test_the_words_of_statuses_are_those_of_libjeton():
    part("words")


def test_only_what_c_takes_reaches_it(daemon):
    d = daemon()
    token = d.create(subject="ann", scopes="a,b")["token"]
    part("arguments", d.path("verify"), token)


def test_threads_get_the_claims_of_their_own_tokens(daemon):
    d = daemon()
    values = [d.create(subject=f"s{n}" * (n + 1), scopes=",".join(f"a{i}" for i in range(n + 1)))["token"]
              for n in range(20)]
    part("threads", d.path("verify"), *values)


def test_a_verification_within_a_verification_keeps_both_answers(daemon):
    d = daemon()
    part("within", d.path("verify"), d.create(subject="ann")["token"], d.create(subject="bob")["token"])


def test_a_handle_may_be_closed_while_threads_use_it(daemon):
    d = daemon()
    part("closing", d.path("verify"), d.create()["token"])


def test_a_child_goes_on_with_the_handle(daemon):
    d = daemon()
    part("fork", d.path("verify"), d.create()["token"])


def test_other_threads_go_on_while_the_daemon_is_asked(daemon):
    d = daemon()
    value = d.create()["token"]
    with d.stopped():
        part("blocked", d.path("verify"), value)


def test_claims_that_are_kept_are_no_verdict(daemon):
    d = daemon()
    token = d.create(subject="ann", scopes="a")
    process = subprocess.Popen([PYTHON, f"{HERE}/python_parts.py", "changes", d.path("verify"), token["token"]],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())

    def next_answer():
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().strip()
    need_library()
    assert next_answer() == "ann a"
    assert next_answer() == "ann a"
    d.done(f"update {token['id']} subject=bob scopes=b,c")
    assert next_answer() == "bob b,c"
    d.done(f"update {token['id']} subject=bo scopes=b")
    assert next_answer() == "bo b"
    d.done(f"revoke {token['id']}")
    assert next_answer() == "revoked"
    process.stdin.close()
    assert process.wait(20 * PATIENCE) == 0


def test_types_are_right():
    if shutil.which("mypy") is None:
        pytest.skip("mypy is not installed: make deps-programs")
    done = subprocess.run(["mypy", "--strict", f"--cache-dir={BUILD}/mypy", "jeton"], cwd=f"{ROOT}/plugin/python",
                          capture_output=True, text=True, timeout=60 * PATIENCE)
    assert done.returncode == 0, done.stdout


def test_the_reference_names_everything_that_is_public():
    text = run_python("-m", "pydoc", "jeton")
    for name in jeton.__all__:
        assert re.search(rf"\b{name}\b", text), name
    for module in "aio", "wsgi", "asgi":
        assert f"jeton.{module}" in text
        assert "Middleware" in run_python("-m", "pydoc", f"jeton.{module}") or module == "aio"
    files = glob.glob(f"{ROOT}/plugin/python/jeton/*.py")
    assert os.path.exists(f"{ROOT}/plugin/python/jeton/py.typed") and len(files) > 5


def test_the_example_in_the_reference_works(daemon):
    need_library()
    d = daemon()
    token = d.create(subject="ann", scopes="deploy")
    example = re.search(r"^    import jeton\n.*?(?=^\S)", jeton.__doc__, re.M | re.S)[0]
    program = ("import functools, sys, jeton\njeton.Jeton = functools.partial(jeton.Jeton, sys.argv[1])\n"
               "value = sys.argv[2]\n" + textwrap.dedent(example))
    assert run_python("-c", program, d.path("verify"), token["token"]) == "ann ('deploy',)\n"
    d.done(f"revoke {token['id']}")
    assert run_python("-c", program, d.path("verify"), token["token"]) == "401 revoked\n"


# -- asyncio ---------------------------------------------------------------------------------------

def test_asyncio_pipelines_over_one_connection(daemon):
    d = daemon()
    values = [d.create(subject=f"s{n}")["token"] for n in range(20)] + [value_new()]
    part("pipelined", d.path("verify"), *values)
    eventually(lambda: d.stats()["connections"] == "1", "none but ours is left")


def test_asyncio_asks_a_restarted_daemon(daemon):
    d = daemon()
    value = d.create()["token"]
    process = subprocess.Popen([PYTHON, f"{HERE}/python_parts.py", "restarted", d.path("verify"), value],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())

    def next_answer():
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().strip()
    assert next_answer() == "ok"
    d.restart()
    assert next_answer() == "ok", "on a new connection, in the same call"
    d.stop()
    assert next_answer() == "unavailable"
    d.start()
    assert next_answer() == "ok"
    process.stdin.close()
    assert process.wait(20 * PATIENCE) == 0


def test_asyncio_gives_up_in_time_and_recovers_from_a_daemon_that_hangs(daemon):
    d = daemon()
    value = d.create()["token"]
    with d.stopped():
        process = subprocess.Popen([PYTHON, f"{HERE}/python_parts.py", "hung", d.path("verify"), value],
                                   stdout=subprocess.PIPE, text=True, env=environment())
        assert process.stdout.readline().strip() == "unavailable"
    assert process.stdout.readline().strip() == "ok"
    assert process.wait(20 * PATIENCE) == 0


def test_a_question_that_is_given_up_shifts_no_answers(daemon):
    d = daemon()
    values = [d.create(subject=f"s{n}")["token"] for n in range(10)]
    part("cancelled", d.path("verify"), *values)


def test_asyncio_asks_nobody_who_may_be_an_impostor(daemon, tmp_path):
    d = daemon()
    value = d.create()["token"]
    os.mkdir(f"{tmp_path}/open", 0o700)
    os.symlink(d.directory, f"{tmp_path}/link")
    os.link(d.path("verify"), f"{tmp_path}/open/verify.sock")
    os.chmod(f"{tmp_path}/open", 0o777)
    assert part("trusted", d.path("verify"), value).split() == ["ok"]
    for path in f"{tmp_path}/open/verify.sock", f"{tmp_path}/link/verify.sock":
        assert part("trusted", path, value).split() == ["unavailable"], path
    os.chmod(f"{tmp_path}/open", 0o700)
    assert part("trusted", f"{tmp_path}/open/verify.sock", value).split() == ["ok"]


# -- web sockets and other scopes of ASGI ----------------------------------------------------------

def test_asgi_lets_only_what_it_has_judged_pass(daemon):
    d = daemon()
    part("asgi", d.path("verify"), d.create(scopes="chat")["token"])


def test_middleware_refuses_an_empty_setting():
    part("settings")
