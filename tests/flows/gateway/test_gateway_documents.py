# SPDX-License-Identifier: Apache-2.0
"""Keys, defaults and limits that gateway.conf(5), the installed file and jeton-gateway(8) state."""
import re

from documents import read
from gateway import run_gateway

CONF, PAGE, SOURCE = "plugin/gateway/gateway.conf.5", "plugin/gateway/jeton-gateway.8", "plugin/gateway/config.c"
DURATIONS = {"s": 1, "m": 60, "d": 86400}


def keys(table):
    return re.findall(r'KEY\("(\w+)"', re.search(rf"{table}\[\] = {{(.*?)}};", read(SOURCE), re.S)[1])


def items(section):
    """Return {key: what the page says in parentheses} of a section."""
    text = re.search(rf"^\.Ss \[{section}\]\n(.*?)(?=^\.S[sh] |\Z)", read(CONF), re.M | re.S)[1]
    return dict(re.findall(r"^\.It Cm (\w+) Pq (.*)$", text, re.M))


def default(text):
    found = re.search(r"default:? (?:Cm |Pa )?(\S+)", text)[1]
    return "" if found == "none" else found


def test_every_key_is_described():
    assert list(items("gateway")) == keys("gateway_keys")
    assert list(items("site NAME")) == keys("site_keys")


def test_defaults_are_those_of_the_program():
    source = re.search(r"void config_init.*?^}", read(SOURCE), re.M | re.S)[0]
    for key, text in items("gateway").items():
        stated = default(text)
        if match := re.search(rf'strcpy\(c->{key}, (?:"([^"]*)"|(\w+))\)', source):
            value = match[1] or re.search(rf'#define {match[2]} "(.*)"', read("plugin/lib/jeton.h"))[1]
            assert stated == value, key
        elif match := re.search(rf"c->{key} = (\w+);", source):
            value = match[1]
            if re.fullmatch(r"\d+[smd]", stated):
                assert int(value) == int(stated[:-1]) * DURATIONS[stated[-1]], key
            elif value in ("true", "LOG_INFO"):
                assert stated == {"true": "auto", "LOG_INFO": "info"}[value], key
            else:
                assert int(stated, 8 if "mode" in key else 10) == int(value, 8 if "mode" in key else 10), key
        else:
            assert stated == "", key


def test_the_installed_file_shows_the_defaults_and_is_valid():
    shown = dict(re.findall(r"^#(\w+) = ?(.*)$", read("systemd/gateway.conf"), re.M))
    assert shown == {key: default(text) for key, text in items("gateway").items()}
    assert run_gateway("--config", "systemd/gateway.conf", "--check").returncode == 0


def test_keys_are_reloaded_or_not_as_the_page_says():
    compared = re.search(r"static bool same_listeners.*?^}", read("plugin/gateway/reload.c"), re.M | re.S)[0]
    for key, text in items("gateway").items():
        assert ("restart" in text) == bool(re.search(rf"a->{key}\b", compared)) != ("reload" in text), key


def test_limits_are_those_of_the_program():
    page, conf = " ".join(read(PAGE).split()), " ".join(read(CONF).split())

    def count(path, name):
        return eval(re.search(rf"\b{name} = ([\d *]+)", read(path))[1])
    assert f"longer than {count('plugin/http/head.h', 'HTTP_HEAD_MAX') // 1024} KiB or" in page
    assert f"or {count('plugin/http/head.h', 'HTTP_FIELDS_MAX')} fields" in page
    assert f"there can be {count('plugin/gateway/config.h', 'CONFIG_SITES_MAX')}." in conf
    assert f"1 to {count('plugin/gateway/config.h', 'CONFIG_SITE_NAME_MAX')} characters" in conf
    assert f"at most {count('plugin/http/answer.h', 'HTTP_REALM_MAX')} bytes" in conf
    assert f"up to {count('plugin/http/credentials.h', 'HTTP_ACCEPT_NAMES')} of them" in conf
    assert "up to 64 times" in page and "assignment[64]" in read("plugin/gateway/config_file.h")
