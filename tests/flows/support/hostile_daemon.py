# SPDX-License-Identifier: Apache-2.0
"""A daemon that is none, for the page, and whether the page came to harm by what a stranger wrote."""
from jeton_command import Impostor

SCRIPT = "<img src=x onerror='window.attacked=1'><script>window.attacked=1</script>"
# Runs of characters of the page's own text that must not come from others.
UNSEEN = "\u202e\u202c\u2066\u2069\u200f\u061c\x01\x1b\x07\x7f\x85\u2028\u200b\ufeff\u00ad\u3164"


def unharmed(browser):
    assert browser.run("return window.attacked") is None
    assert browser.run("return document.querySelectorAll('img, script:not([src]), iframe, object, embed, [onmouseover], [onerror], "
                       "a[href^=javascript]').length") == 0
    text = browser.run("return document.documentElement.innerText + [...document.querySelectorAll('[title], [aria-label]')]"
                       ".map(e => e.title + e.ariaLabel).join()")
    assert not set(UNSEEN) & set(text)


class Fake(Impostor):
    """A server that answers hello and help as jetond does, and the rest as the test wants: text by verb."""

    HELLO = "OK protocol=1 version=0.1.0 role=admin prefix=jtn_ epoch=abcdef0123456789 line_max=8192 subject_max=256\n"
    VERBS = "hello", "help", "list", "show", "create", "revoke", "journal", "watch", "stats", "policy", "quit", "ping"

    def __init__(self):
        self.answers = {
            "hello": self.HELLO, "help": "".join(f'* verb={verb} usage="{verb}"\n' for verb in self.VERBS) + "OK count=12\n",
            "stats": "* name=journal_newest value=0\n* name=tokens value=0\nOK count=2\n", "quit": None, "ping": "OK\n"}
        super().__init__(self.answer_line)

    def answer_line(self, line):
        answer = self.answers.get(line.split(b" ")[0].decode(), "OK count=0\n")
        return answer if answer is None or isinstance(answer, bytes) else answer.encode()
