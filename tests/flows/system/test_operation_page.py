# SPDX-License-Identifier: Apache-2.0
"""What jetond(8) says of messages and statistics is what the daemon has."""
import glob
import re

from settings import ROOT


def section(name):
    with open(f"{ROOT}/daemon/jetond.8") as file:
        return re.search(rf"^\.Ss {name}\n(.*?)^\.Ss ", file.read(), re.M | re.S)[1]


def sources():
    """Return all strings of the daemon's sources, those that follow each other joined."""
    text = ""
    for path in glob.glob(f"{ROOT}/daemon/**/*.c", recursive=True):
        with open(path) as file:
            text += re.sub(r'"\s*"', "", file.read())
    return text


def test_every_message_that_is_explained_is_one_that_is_logged():
    text = sources()
    items = re.findall(r"^\.It (.*)$", section("Log messages"), re.M)
    assert len(items) > 15
    for item in items:
        for fragment in re.split(r"\.\.\.[,;:]?|, (?=\w+[: ])|; (?=\w+ )", item):
            for part in re.split(r"^\w+: ", fragment.strip()):
                assert part.strip(" ,:") in text, f"{item}: {part}"


def test_every_statistic_that_deserves_an_alert_is_there(daemon):
    stats = daemon().stats()
    names = re.findall(r"^\.It Cm (\S+)$", section("Monitoring"), re.M)
    assert len(names) > 7
    for name in names:
        assert any(re.fullmatch(name.replace("*", ".*"), stat) for stat in stats), name
