# SPDX-License-Identifier: Apache-2.0
"""Lines of the protocol as documents show them, compared with what the daemon says.

Identifiers, values and digests differ each time: `names` maps those of a document to ours, once they are known.  An
ellipsis at the end of a value or a line stands for the rest."""
import datetime
import re

from client import Fields

VARIES = {"by", "by_name", "pid", "retry_after", "used"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NAME = re.compile(r"jtn_\w+|[0-9a-f]{8,}")
CUT = re.compile(r"(…|\.\.\.)$")
MINUTE = 60


def translate(text, names):
    """Write our names for those of the document, whole or cut off."""
    def ours(match):
        word = match[0].removesuffix("...").removesuffix("…")
        if word in names:
            return names[word]
        found = {value for name, value in names.items() if name.startswith(word) or
                 name.startswith("jtn_") and word.startswith(name)}
        if len(found) != 1:
            return match[0]
        whole = found.pop()
        return whole[:len(word)] if re.fullmatch("[0-9a-f]+", word) else whole
    return re.sub(r"(?:jtn_\w+|\b[0-9a-f]{6,20}\b)(?:…|\.\.\.)?", ours, text)


def joined(lines):
    """Join lines that a backslash at their end continues."""
    text = re.sub(r" *\\\n\s*", " ", "\n".join(lines))
    return text.splitlines()


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def check_value(key, shown, got, names, clock):
    if key in VARIES or re.fullmatch("…|\\.\\.\\.", shown):
        return
    if TIME.fullmatch(shown):
        assert TIME.fullmatch(got), (key, shown, got)
        assert clock is None or abs((moment(shown) - moment(got)).total_seconds()) <= MINUTE, (key, shown, got)
    elif NAME.match(shown) and key != "version":
        cut = CUT.search(shown)
        name = CUT.sub("", shown)
        known = names.get(name) or (names.get(name[:20]) if cut else None)
        if known is None:
            assert len(got) == len(name) or cut, (key, shown, got)
            names[name] = got
        else:
            assert got == known or cut and got.startswith(known), (key, shown, got)
    else:
        assert got == shown, (key, shown, got)


def check_line(shown, got, names, clock):
    """Check one line that a document shows against one of a reply; times only by a clock that was set to theirs."""
    rest = re.search(r" (…|\.\.\.)$", shown)
    shown, got = Fields(shown[:rest.start()] if rest else shown), Fields(got)
    assert shown.words == got.words, (shown, got)
    keys = [key for key in got if key in shown] if rest else list(got)
    assert list(shown) == keys, f"the document shows {shown}\nthe daemon says    {got}"
    for key, value in shown.items():
        check_value(key, value, got[key], names, clock)


def lines_of(reply):
    return [*(line.decode() if isinstance(line, bytes) else line for line in reply.data), reply.final.raw]


def check_dialogue(client, lines, names, is_reply, clock=None):
    """Send the requests among the lines, and check the replies among them."""
    expected = []
    for line in lines:
        if shown := is_reply(line):
            assert expected, f"the document shows {shown}, and the daemon says nothing more"
            check_line(shown, expected.pop(0), names, clock)
        else:
            assert not expected, f"the document does not show {expected}"
            expected = lines_of(client.request(translate(line, names)))
    assert not expected, f"the document does not show {expected}"
