# SPDX-License-Identifier: Apache-2.0
"""jetond(8) says how to repair a store: its commands are run as they stand there."""
import os
import re
import subprocess

import pytest

from settings import BUILD, ROOT
from value import id_of


def commands():
    """Return the examples of the section, each as a shell script."""
    with open(f"{ROOT}/daemon/jetond.8") as file:
        section = re.search(r"^\.Ss Repair\n(.*?)^\.Ss ", file.read(), re.M | re.S)[1]
    blocks = re.findall(r"^\.Bd [^\n]*\n(.*?)^\.Ed", section, re.M | re.S)
    assert len(blocks) == 3, "from a backup, a revoked token, a new store"
    return [re.sub(r"^# ", "", block, flags=re.M).replace(r"\e", "\\") for block in blocks]


def shell(d, script, ident):
    script = (script.replace("cd /var/lib/jeton", f"cd {d.directory}")
              .replace("id=7976c1770b139b2cf9d2", f"id={ident}"))
    done = subprocess.run(["bash", "-e", "-c", f"cd {d.directory}; id={ident}\n{script}"],
                          env=os.environ | {"PATH": f"{BUILD}:{os.environ['PATH']}",
                                            "JETON_SOCKET": d.path()},
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done
    return done.stdout


def check(d):
    return subprocess.run([f"{BUILD}/jetond", *d.arguments(), "--check"], capture_output=True,
                          text=True, timeout=30)


def damage(d, at_key, word):
    with open(d.store, "rb") as file:
        data = bytearray(file.read())
    at = data.index(word, data.index(at_key))
    data[at:at + 1] = b"\x01"
    with open(d.store, "wb") as file:
        file.write(data)


@pytest.fixture
def damaged(daemon):
    """A store of three tokens, a backup of it, and damage in the record of the second."""
    d = daemon()
    made = [d.create(description=f'"n" \\ ü {n}', scopes="a,b") for n in range(3)]
    d.done(f"revoke {made[2]['id']}")
    d.done("checkpoint")
    subprocess.run(["tdbbackup", d.store], check=True, timeout=30)
    d.stop()
    damage(d, f"token/{made[1]['id']}".encode(), b"created=")
    done = check(d)
    assert done.returncode == 1
    assert f"record token/{made[1]['id']}: " in done.stderr and "jetond(8)" in done.stderr
    return d, made


def test_record_that_a_backup_has_is_taken_from_there(damaged):
    d, made = damaged
    shell(d, commands()[0], made[1]["id"])
    assert check(d).returncode == 0
    d.start()
    assert [d.verify(t["token"]) for t in made] == ["OK", "OK", "NO revoked"]
    assert d.list()[1]["description"] == '"n" \\ ü 1'


def test_record_that_nobody_has_is_replaced_by_a_revoked_token(damaged):
    d, made = damaged
    shell(d, commands()[1], made[1]["id"])
    assert check(d).returncode == 0
    d.start()
    assert [d.verify(t["token"]) for t in made] == ["OK", "NO unknown", "NO revoked"]
    assert sorted(t["state"] for t in d.list()) == ["active", "revoked", "revoked"]
    d.done(f"delete {made[1]['id']}")
    assert len(d.list()) == 2
    d.restart()
    assert len(d.list()) == 2


def test_record_must_not_be_removed(damaged):
    d, made = damaged
    shell(d, "tdbtool tokens.tdb delete token/$id", made[1]["id"])
    assert "its journal says 3" in check(d).stderr


def test_tokens_of_a_store_that_is_beyond_repair_are_gathered_into_a_new_one(damaged):
    d, made = damaged
    damage(d, b"journal/0", b"serial=1")
    script = commands()[2]
    first, last = re.fullmatch(r"(.*)\nsystemctl [^\n]*\n(.*)", script, re.S).groups()
    shell(d, first, made[1]["id"])
    d.start()
    shell(d, f"{last.rstrip()} || true", made[1]["id"])
    assert [d.verify(t["token"]) for t in made] == ["OK", "NO unknown", "NO revoked"]
    kept = {line["id"]: line for line in d.list()}
    assert set(kept) == {id_of(made[0]["token"]), id_of(made[2]["token"])}
    line = kept[made[0]["id"]]
    assert (line["description"], line["scopes"], line["created"]) == (
        '"n" \\ ü 0', "a,b", made[0]["created"])
