# SPDX-License-Identifier: Apache-2.0
"""The documents, and the examples in them."""
import glob
import re

MANUALS = sorted(path for folder in ("daemon", "plugin", "proto")
                 for path in glob.glob(f"{folder}/**/*.[1-8]", recursive=True))
TEXTS = ["README.md", "proto/PROTOCOL.md"]
DOCUMENTS = [*TEXTS, *MANUALS]
ROFF = [(r"\\\\e", "\\\\"), (r"\\e", "\\\\"), (r"\\&", ""), (r"\\-", "-"), (r"\\\(dq", '"'), (r"\\\(aq", "'")]


class Example:
    """A block of a document that shows something to be typed, written or read."""

    def __init__(self, document, line, text, language=""):
        self.document, self.line, self.language = document, line, language
        self.text = text
        self.lines = text.splitlines()

    @property
    def name(self):
        return f"{self.document}:{self.line}"

    def __repr__(self):
        return f"{self.name}\n{self.text}"


def read(path):
    with open(path) as file:
        return file.read()


def examples(path):
    return list(_manual(path) if re.search(r"\.[1-8]$", path) else _markdown(path))


def plain(text):
    """Return what roff prints for text without macros."""
    for pattern, replacement in ROFF:
        text = re.sub(pattern, replacement, text)
    return text


def _manual(path):
    begin, found = None, []
    for number, line in enumerate(read(path).splitlines(), 1):
        if re.match(r"\.(Bd .*-literal|Bd .*-unfilled|EX)", line):
            begin, found = number + 1, []
        elif re.match(r"\.(Ed|EE)$", line) and begin is not None:
            yield Example(path, begin, plain("\n".join(found)) + "\n")
            begin = None
        elif begin is not None and not line.startswith(".\\\""):
            found.append(line)


def _markdown(path):
    begin, language, found = None, "", []
    lines = read(path).splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            if begin is not None and language is not None:
                yield Example(path, begin, "\n".join(found) + "\n", language)
                begin = None
            else:
                begin, language, found = number + 1, line[3:].strip(), []
        elif begin is not None and language is not None:
            found.append(line)
        elif line.startswith("    ") and (begin is not None or not lines[number - 2].strip()):
            if begin is None:
                begin, language, found = number, None, []
            found.append(line[4:])
        elif begin is not None:
            yield Example(path, begin, "\n".join(found) + "\n")
            begin = None


def sentence(path):
    """Return a manual page's text as one line, macros and all, to look for what it states."""
    return " ".join(plain(read(path)).split())
