# SPDX-License-Identifier: Apache-2.0
"""Figures in Prometheus' text format, as its documentation of the exposition format has it."""
import json
import math
import re
import shutil
import subprocess


import pytest

from jeton_command import Impostor, jeton
from requirements import need_plain_build
from value import value_new

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
ESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def unescaped(text):
    return re.sub(r'\\[\\"n]', lambda m: ESCAPED[m[0]], text)


def parsed(text):
    """Return {metric: (type, [(name, {label: text}, number)])}; fail unless every rule is kept."""
    assert text.endswith("\n") and "\r" not in text
    metrics, seen, current = {}, set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            current, text = line.split(" ", 3)[2:]
            assert re.fullmatch(NAME, current) and text and current not in metrics, line
            metrics[current] = (None, [])
        elif line.startswith("# TYPE "):
            name, kind = line.split(" ")[2:]
            assert (name, metrics[name]) == (current, (None, [])), "right behind its HELP"
            assert kind in ("counter", "gauge", "histogram"), line
            metrics[name] = (kind, [])
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            labels = {k: unescaped(v) for k, v in
                      re.findall(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', match[2] or "")}
            key = (match[1], *sorted(labels.items()))
            assert key not in seen, f"twice: {line}"
            seen.add(key)
            kind, samples = metrics[current]
            assert kind, f"no TYPE above {line}"
            suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            assert match[1] in [current + suffix for suffix in suffixes], line
            assert kind != "counter" or (current.endswith("_total") and float(match[3]) >= 0), line
            samples.append((match[1], labels, float(match[3])))
    for name, (kind, samples) in metrics.items():
        assert samples, f"{name} has no sample"
        if kind == "histogram":
            check_histogram(name, samples)
    return metrics


def check_histogram(name, samples):
    buckets = [(float(labels["le"]), value) for n, labels, value in samples
               if n == f"{name}_bucket"]
    assert buckets == sorted(buckets), "buckets are cumulative, in order"
    assert buckets[-1][0] == math.inf, buckets
    assert [buckets[-1][1]] == [value for n, _, value in samples if n == f"{name}_count"]
    total, = [value for n, _, value in samples if n == f"{name}_sum"]
    least = sum((below[0] if below else 0) * (here[1] - (below[1] if below else 0))
                for below, here in zip([None, *buckets], buckets))
    assert least <= total or math.isclose(least, total), f"{name}: {least} {total}"


def value_of(metrics, name, **labels):
    for metric, (_, samples) in metrics.items():
        for sample, has, value in samples:
            if sample == name and has == labels:
                return value
    raise KeyError(name)


def test_prometheus_output_keeps_every_rule_of_the_format(daemon):
    d = daemon(config="[service git]\nrequisite = local\nrequisite = require scope=a\n")
    token = d.create(scopes="a")["token"]
    for _ in range(100):
        d.ask(f"verify {token}")
    d.ask(f"verify service=git {value_new()}")
    done = jeton(d.path(), "stats", "--prometheus")
    assert (done.status, done.err) == (0, "")
    metrics = parsed(done.out)
    assert value_of(metrics, "jeton_verify_ok_total") == 100
    assert value_of(metrics, "jeton_service_answers_total", service="other", answer="ok") == 100
    assert (value_of(metrics, "jeton_service_answers_total", service="git", answer="unknown") ==
            1)
    assert value_of(metrics, "jeton_tokens") == 1
    assert value_of(metrics, "jeton_version_info", version=d.stats()["version"]) == 1
    assert value_of(metrics, "jeton_commit_seconds_count") == 1
    timed = value_of(metrics, "jeton_verify_seconds_count")
    assert 100 / 16 - 1 <= timed <= 100 / 16 + 3, f"one batch in 16 is timed: {timed}"
    assert {kind for kind, _ in metrics.values()} == {"counter", "gauge", "histogram"}


def test_every_figure_of_stats_is_there_for_prometheus(daemon):
    d = daemon()
    metrics = parsed(jeton(d.path(), "stats", "--prometheus").out)
    for name in d.stats():
        base = re.sub(r"_(bucket|sum|count|p\d+)$", "", name).replace("_microseconds", "_seconds")
        known = [m for m in metrics if m in (f"jeton_{base}", f"jeton_{base}_total",
                                             f"jeton_{base}_info")]
        assert known, name


def test_labels_are_escaped_and_nonsense_is_left_out():
    def answer(_):
        return (b'* name=odd key="a\\"b\\\\c" value=1\n* name=odd key=plain other=x value=2\n'
                b'* name=tokens value=many\n* name="not a name" value=3\n* name=requests\n'
                b'* name=requests value=7\n* name=odd value=4\nOK count=7\n')
    done = jeton(Impostor(answer).path, "stats", "--prometheus")
    assert done.status == 0
    metrics = parsed(done.out.replace("# HELP jeton_tokens Tokens in the store.\n"
                                      "# TYPE jeton_tokens gauge\n", ""))
    assert value_of(metrics, "jeton_odd", key='a"b\\c') == 1
    assert value_of(metrics, "jeton_odd", key="plain", other="x") == 2
    assert value_of(metrics, "jeton_odd") == 4
    assert value_of(metrics, "jeton_requests_total") == 7
    assert "many" not in done.out and "not a name" not in done.out, done.out


def test_half_an_answer_is_no_metrics():
    for answer in b"* name=tokens value=1\n", b"* name=tokens value=1\nERR busy message=x\n":
        done = jeton(Impostor(lambda _: answer).path, "stats", "--prometheus", "--timeout=1s")
        assert (done.status, done.out) == (3, "")


def test_prometheus_is_for_stats_alone(daemon):
    d = daemon()
    assert jeton(d.path(), "list", "--prometheus").status == 2


def test_people_and_scripts_see_what_tells_figures_apart(daemon):
    d = daemon()
    rows = jeton(d.path(), "stats").rows
    assert ["service_answers", "0", "other", "", "ok", "", ""] in rows, rows
    names = [row[0] for row in rows]
    assert "verify_seconds_p99" in names and "verify_seconds_bucket" not in names, names
    lines = json.loads(jeton(d.path(), "stats", "--json").out)
    assert {"name": "service_answers", "service": "other", "answer": "ok", "value": 0} in lines


def test_promtool_finds_no_fault(daemon):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    d = daemon()
    d.create()
    done = subprocess.run(["promtool", "check", "metrics"], capture_output=True, text=True,
                          input=jeton(d.path(), "stats", "--prometheus").out)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_latencies_of_slow_commits_are_seen(daemon):
    need_plain_build()
    d = daemon()
    for _ in range(5):
        d.create()
    stats = d.stats()
    assert stats["commit_seconds_count"] == "5"
    assert 0 < float(stats["commit_seconds_p50"]) <= float(stats["commit_seconds_p999"]) < 10
    assert float(stats["commit_seconds_sum"]) <= 5 * float(stats["commit_seconds_p999"])
