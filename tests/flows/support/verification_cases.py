# SPDX-License-Identifier: Apache-2.0
"""One table of cases for everything that verifies: the socket, libjeton, and whatever uses them.

    TOKENS     what is made in a daemon with CONFIG, by name
    CASES      a presented value, what it must be good for, and the verdict
    SERVERS    what a server that is not jetond answers, and what a client must make of it
    REQUESTS   the Authorization headers of an HTTP request, and its answer

A new asker (see askers.py) passes all that it can be asked."""
import collections
import time

from client import quote
from timestamp import stamp
from value import altered, value_new

# A pass needs the scope `base`, except from the service `public`, which must never be chosen by a value.
CONFIG = ("[service other]\nrequired = local\nrequired = require scope=base\n"
          "[service public]\nsufficient = local\n")

FOREIGN = "legacy-3f9c7a52d1e84b60b8f2a7d4c1905e6f"
QUOTED = 'a"b\\c\\"d\\\\e""f\\x41\\n$(id)`id`\'%s{}&;|<>'
COMMA = "one,two,three,four,five,six,seven,eight"
SPACES = "a value that has spaces in it, and is long"
LONG = "~" * 8000
SUBJECT = 'Zo\u00eb "O\\Brien" \U0001f511 $(id)'


def made(**claims):
    return "create" + "".join(f" {key}={quote(text)}" for key, text in ({"scopes": "base"} | claims).items())


def imported(value, **claims):
    return f"import token={quote(value)}" + "".join(
        f" {key}={quote(text)}" for key, text in ({"scopes": "base", "created": "2020-01-01T00:00:00Z"} | claims).items())


# Name: the request that makes it, and the verb that is then done to it.
TOKENS = {
    "active": (made(subject="ann", scopes="base,deploy,repo:read", ttl="1h"), None),
    "immortal": (made(), None),
    "limited": (made(subject="ann", scopes="deploy"), None),
    "pending": (made(subject="ann", delay="1h"), None),
    "expired": (imported(value_new(), subject="ann", expires=stamp(time.time() - 60)), None),
    "disabled": (made(subject="ann"), "disable"),
    "revoked": (made(subject="ann"), "revoke"),
    "deleted": (made(subject="ann"), "delete"),
    "foreign": (imported(FOREIGN, subject="ann"), None),
    "quoted": (imported(QUOTED), None),
    "comma": (imported(COMMA), None),
    "spaces": (imported(SPACES), None),
    "long": (imported(LONG), None),
    "strange": (made(subject=SUBJECT), None),
}
VALUES = {"foreign": FOREIGN, "quoted": QUOTED, "comma": COMMA, "spaces": SPACES, "long": LONG}

# verdict: the daemon's word; `invalid` if the question is wrong.  Who is asked may choose one of two: libjeton calls a
# question wrong that cannot be answered yes.
Case = collections.namedtuple("Case", "name value want verdict")


def case(name, value, verdict, **want):
    return Case(name, value, want, verdict)


# In a value or a claim, <NAME> is that token's value, and <id NAME> its identifier.
CASES = [
    # the token's state
    case("good", "<active>", "ok"),
    case("without_claims", "<immortal>", "ok"),
    case("pending", "<pending>", "pending"),
    case("expired", "<expired>", "expired"),
    case("disabled", "<disabled>", "disabled"),
    case("revoked", "<revoked>", "revoked"),
    case("deleted", "<deleted>", "unknown"),
    case("never_issued", value_new(), "unknown"),
    case("other_prefix", value_new("other"), "unknown"),
    case("imported", "<foreign>", "ok"),
    case("imported_with_quotes", "<quoted>", "ok"),
    case("imported_with_commas", "<comma>", "ok"),
    case("imported_with_spaces", "<spaces>", "ok"),
    case("imported_long", "<long>", "ok"),
    # what it must be good for, and what comes first
    case("scope", "<active>", "ok", scope="deploy"),
    case("two_scopes", "<active>", "ok", scope="repo:read,deploy"),
    case("scope_missing", "<active>", "scope", scope="admin"),
    case("one_scope_missing", "<active>", "scope", scope="deploy,admin"),
    case("scope_is_no_prefix", "<active>", "scope", scope="deplo"),
    case("scope_of_another_case", "<active>", "scope", scope="Deploy"),
    case("scope_of_the_stack_missing", "<limited>", "scope", scope="deploy"),
    case("scope_empty", "<active>", "invalid", scope=""),
    case("scope_of_commas", "<active>", "invalid", scope=",deploy"),
    case("scope_with_space", "<active>", "invalid", scope="deploy read"),
    case("scopes_too_many", "<active>", "invalid", scope=",".join(["deploy"] * 33)),
    case("subject", "<active>", "ok", subject="ann"),
    case("subject_other", "<active>", "subject", subject="bob"),
    case("subject_empty", "<active>", "subject", subject=""),
    case("subject_empty_of_none", "<immortal>", "subject", subject=""),
    case("subject_prefix", "<active>", "subject", subject="an"),
    case("subject_longest", "<active>", "subject", subject="a" * 256),
    case("subject_too_long", "<active>", "subject|invalid", subject="a" * 257),
    case("subject_strange", "<strange>", "ok", subject=SUBJECT),
    case("subject_strange_other", "<strange>", "subject", subject=SUBJECT + " "),
    case("state_before_subject", "<revoked>", "revoked", subject="bob", scope="admin"),
    case("pending_before_subject", "<pending>", "pending", subject="bob"),
    case("subject_before_scope", "<active>", "subject", subject="bob", scope="admin"),
    # what is no token
    case("empty", "", "malformed"),
    case("short", "x" * 31, "malformed"),
    case("shortest", "x" * 32, "unknown"),
    case("longest", "x" * 8170, "unknown"),
    case("too_long", "x" * 9000, "malformed"),
    case("identifier", "<id active>", "identifier"),
    case("identifier_in_capitals", "<ID active>", "identifier"),
    case("mistyped", "<mistyped active>", "malformed"),
    case("cut_off", "<cut active>", "malformed"),
    # strangers' text that is meant for another reader: PROTOCOL.md, section 7
    case("injected_service", "<limited> service=public", "malformed"),
    case("injected_service_first", "service=public <limited>", "unknown"),
    case("injected_quote", '<limited>" service=public token="', "malformed"),
    case("injected_quoted_key", 'service=public" token="<limited>', "unknown"),
    case("injected_escape", "<limited>\\", "malformed"),
    case("injected_escapes", "<limited>\\x20service=public", "malformed"),
    case("injected_line", "<limited>\nping", "malformed"),
    case("injected_verdict", "x\nverify <active>", "unknown"),
    case("injected_crlf", "<limited>\r\nverify service=public <limited>\r\n", "malformed"),
    case("key_in_front", "token=<active>", "unknown"),
    case("in_quotes", '"<active>"', "unknown"),
    case("two_values", "<active>,<active>", "malformed"),
    case("space_behind", "<active> ", "malformed"),
    case("space_before", " <active>", "unknown"),
    case("tab_behind", "<active>\t", "malformed"),
    case("line_end_behind", "<active>\n", "malformed"),
    case("return_behind", "<active>\r", "malformed"),
    case("nul_behind", "<active>\0", "malformed"),
    case("nul_and_more", "<active>\0x", "malformed"),
    case("nul_before", "\0<active>", "unknown"),
    case("nul_inside", "<split active>", "malformed"),
    case("delete_behind", "<active>\x7f", "malformed"),
    case("not_ascii", "<active>\u00e9", "malformed"),
    case("full_width", "\uff4a\uff54\uff4e\uff3f" * 12, "unknown"),
    case("comment", "#<active>", "unknown"),
    case("injected_subject", "<limited>", "subject", subject='ann" service=public token="'),
    case("injected_subject_line", "<limited>", "subject", subject="ann\nping"),
    case("injected_scope", "<limited>", "invalid", scope="deploy service=public"),
]


def printable(value):
    """True if every byte is one of 0x21 to 0x7E: a client of the socket asks about nothing else."""
    return all(0x21 <= ord(c) <= 0x7e for c in value)


# -- a server that is not jetond, or is one that fails ---------------------------------------------

OK = b"OK id=<ID> subject=ann verifier=local\n"
Server = collections.namedtuple("Server", "name answer verdict")

# None: it closes the connection; b"": it says nothing.  <ID> is the identifier of the value asked about.
SERVERS = [
    Server("good", OK, "ok"),
    Server("data_lines_first", b"* a=b\n*\n" + OK, "ok"),
    Server("unknown_fields", b"OK id=<ID> new=1 verifier=local other=\"a b\"\n", "ok"),
    Server("silent", b"", "unavailable"),
    Server("closes", None, "unavailable"),
    Server("cut_off", OK[:-1], "unavailable"),
    Server("cut_off_early", b"OK", "unavailable"),
    Server("answer_to_ping", b"OK\n", "unavailable"),
    Server("lower_case", OK.lower(), "unavailable"),
    Server("okay", b"OKAY id=<ID> verifier=local\n", "unavailable"),
    Server("not_the_grammar", b'OK id=<ID> verifier=local subject="\n', "unavailable"),
    Server("empty_line", b"\n", "unavailable"),
    Server("http", b"HTTP/1.1 200 OK\r\n\r\n", "unavailable"),
    Server("refusal", b'NO revoked id=<ID> message="x OK y"\n', "revoked"),
    Server("only_a_refusal", b"NO revoked\n", "revoked"),
    Server("unknown_reason", b'NO later message="x"\n', "denied"),
    Server("busy", b'ERR busy message="x"\n', "unavailable"),
    Server("unknown_code", b'ERR later message="x"\n', "unavailable"),
]


# -- HTTP ------------------------------------------------------------------------------------------

REALM = "jeton"
PLAIN = f'Bearer realm="{REALM}"'
WRONG = f'{PLAIN}, error="invalid_token"'
EITHER = f"{PLAIN}|{WRONG}"      # if the scheme that is refused anyway comes first
LACKS = f'{PLAIN}, error="insufficient_scope"'
Request = collections.namedtuple("Request", "name headers want status challenge")


def request(name, status, challenge, *headers, **want):
    return Request(name, headers, want, status, challenge)


# headers: the values of all Authorization headers, in order.
REQUESTS = [
    request("good", 200, None, "Bearer <active>"),
    request("any_case", 200, None, "bEARER <active>"),
    request("spaces_before_the_token", 200, None, "Bearer   <active>"),
    request("scope", 200, None, "Bearer <active>", scope="deploy"),
    request("subject", 200, None, "Bearer <active>", subject="ann"),
    request("strange_subject", 200, None, "Bearer <strange>"),
    request("quotes_in_the_token", 200, None, "Bearer <quoted>"),
    request("no_header", 401, PLAIN),
    request("another_scheme", 401, PLAIN, "Basic YW5uOmFubg=="),
    request("unknown", 401, WRONG, f"Bearer {value_new()}"),
    request("revoked", 401, WRONG, "Bearer <revoked>"),
    request("expired", 401, WRONG, "Bearer <expired>"),
    request("pending", 401, WRONG, "Bearer <pending>"),
    request("identifier", 401, WRONG, "Bearer <id active>"),
    request("scope_missing", 403, f'{LACKS}, scope="deploy admin"', "Bearer <active>", scope="deploy,admin"),
    request("subject_other", 403, LACKS, "Bearer <active>", subject="bob"),
    request("two_headers", 401, WRONG, "Bearer <active>", "Bearer <active>"),
    request("two_headers_first_good", 401, WRONG, "Bearer <active>", "Bearer x"),
    request("two_headers_second_good", 401, EITHER, "Basic x", "Bearer <active>"),
    request("two_joined", 401, WRONG, "Bearer <active>, Bearer <active>"),
    request("two_joined_second_good", 401, EITHER, "Basic x, Bearer <active>"),
    request("comma_behind", 401, WRONG, "Bearer <active>,"),
    request("comma_inside", 401, WRONG, "Bearer <comma>"),
    request("white_space_inside", 401, WRONG, "Bearer <active> x"),
    request("tab_for_the_space", 401, WRONG, "Bearer\t<active>"),
    request("spaces_in_the_token", 401, WRONG, "Bearer <spaces>"),
    request("no_token", 401, WRONG, "Bearer"),
    request("no_space", 401, PLAIN, "Bearer<active>"),
    request("no_scheme", 401, PLAIN, "<active>"),
    request("nul_behind", 401, WRONG, "Bearer <active>\0"),
    request("nul_and_more", 401, WRONG, "Bearer <active>\0x"),
    request("nul_in_the_scheme", 401, WRONG, "Bea\0rer <active>"),
    request("not_ascii", 401, WRONG, "Bearer <active>\u00e9"),
    request("injected_service", 401, WRONG, "Bearer <limited> service=public"),
]


# -- filling in ------------------------------------------------------------------------------------

class Tokens:
    """All of TOKENS, made in a daemon."""

    def __init__(self, daemon):
        self.value, self.id = dict(VALUES), {}
        for name, (request_line, verb) in TOKENS.items():
            reply = daemon.done(request_line)
            self.id[name] = reply["id"]
            self.value.setdefault(name, reply["token"] if "token" in reply else
                                  request_line.split('"')[1])
            if verb is not None:
                daemon.done(f"{verb} {reply['id']}")

    def fill(self, text):
        """Put values and identifiers where a case names them."""
        for name, value in self.value.items():
            for shown, filled in ((f"<{name}>", value), (f"<id {name}>", self.id[name]),
                                  (f"<ID {name}>", self.id[name].upper()), (f"<cut {name}>", value[:-1]),
                                  (f"<split {name}>", value[:20] + "\0" + value[20:])):
                text = text.replace(shown, filled)
            if f"<mistyped {name}>" in text:
                text = text.replace(f"<mistyped {name}>", altered(value, 20))
        return text
