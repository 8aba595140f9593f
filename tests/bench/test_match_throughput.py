"""How fast events are matched, beside how fast they are parsed.

The events are the 455 audit records. What is timed is a pass over all of them: `orjson.loads` alone, and
`orjson.loads` with `PatternIndex.match`. The two are timed by turns, so that what else the machine does
falls on both, and the quickest pass of each counts.

The index remembers what values it has seen, so a pass over the same records is its best case. The tables
therefore also show the first pass of a new index, and passes of an index that may remember nothing.
"""

from __future__ import annotations

import gc
import ipaddress
import random
import time
import tracemalloc
from itertools import count
from pathlib import Path

import orjson
import pytest

from tocsin.patterns import Pattern, PatternError, PatternIndex

RECORDS = Path(__file__).parent.parent / "data" / "audit_logs.jsonl"
SIZES = [10, 100, 1_000, 10_000]
HEADING = (
    "rules",
    "matches/event",
    "events/s",
    "of parsing",
    "first pass",
    "nothing kept",
    "build s",
    "index MB",
    "after MB",
)


@pytest.fixture(scope="module")
def texts():
    return [orjson.dumps(orjson.loads(line)["log"]) for line in RECORDS.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def records(texts):
    return [orjson.loads(text) for text in texts]


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def nested(*conditions):
    """A definition with a condition at each path, or None where one path leads through another."""
    definition = {}
    for path, condition in conditions:
        at = definition
        for step in path[:-1]:
            at = at.setdefault(step, {})
            if not isinstance(at, dict):
                return None
        if path[-1] in at:
            return None
        at[path[-1]] = condition
    return definition


def rules_from(records, size, make):
    """Definitions by name, each made from the leaves of a record; the same ones in every run."""
    choice = random.Random(2026)
    numbers = count()
    rules = {}
    while len(rules) < size:
        definition = make(choice, list(leaves(choice.choice(records))))
        if definition is not None and is_accepted(definition):
            rules[f"rule-{next(numbers)}"] = definition
    return rules


def is_accepted(definition):
    """Wildcards on texts that repeat themselves are sometimes too complex."""
    try:
        return bool(Pattern(definition))
    except PatternError:
        return False


def exact_and_prefix(choice, found):
    """Two fields of one record: one with its value, one with a beginning of its value."""
    found = [(path, value) for path, value in found if isinstance(value, str) and value]
    if len(found) < 2:
        return None
    (path, value), (other, text) = choice.sample(found, 2)
    beginning = text[: choice.randint(1, len(text))]
    return nested((path, [value]), (other, [{"prefix": beginning}])) if path != other else None


ACTION = {"eventName", "eventType", "action", "event_type", "type", "name", "event", "operation"}
APP = {"eventSource", "applicationName", "app", "service", "product", "p_log_type", "log_type"}
USER = {"userName", "user", "actor", "email", "alternateId", "principalId", "user_name", "displayName"}


def realistic(choice, found):
    """An event matcher on action, app, user and address, or a wildcard, a range or an exception."""
    kind = choice.choice(["matcher", "matcher", "wildcard", "range", "anything-but"])
    exact = [(path, [value]) for path, value in found if isinstance(value, str) and value]
    if kind == "matcher":
        named = [[item for item in exact if item[0][-1] in names] for names in (ACTION, APP, USER)]
        conditions = [choice.choice(items) for items in named if items and choice.random() < 0.7]
        blocks = [(path, [{"cidr": f"{value}/24"}]) for path, value in found if is_ipv4(value)]
        if blocks and choice.random() < 0.5:
            conditions.append(choice.choice(blocks))
        return nested(*conditions) if conditions else None
    if kind == "wildcard":
        special = [(path, wildcard(choice, value)) for path, value in found if isinstance(value, str) and len(value) > 8]
    elif kind == "range":
        special = [(path, around(value)) for path, value in found if type(value) in (int, float)]
    else:
        special = [(path, [{"anything-but": [value[0], "someone"]}]) for path, value in exact]
    return nested(choice.choice(exact), choice.choice(special)) if exact and special else None


def is_ipv4(value):
    try:
        return isinstance(value, str) and bool(ipaddress.IPv4Address(value))
    except ValueError:
        return False


def wildcard(choice, text):
    text = text.replace("\\", "").replace("*", "")
    start = choice.randint(0, len(text) // 3)
    end = choice.randint(len(text) // 2, len(text))
    return [{"wildcard": choice.choice([f"{text[:start]}*{text[end:]}" or "*", f"*{text[start:end][:9]}*"])}]


def around(value):
    value = max(-4e9, min(4e9, value))
    return [{"numeric": [">=", value - abs(value) * 0.1 - 1, "<", value + abs(value) * 0.1 + 1]}]


def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def by_turns(first, second, duration):
    """The quickest pass of each."""
    best = (float("inf"), float("inf"))
    until = time.perf_counter() + duration
    while time.perf_counter() < until:
        best = (min(best[0], seconds(first)), min(best[1], seconds(second)))
    return best


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("title", "make"),
    [("one exact value and one prefix", exact_and_prefix), ("realistic rules", realistic)],
    ids=["exact-and-prefix", "realistic"],
)
def test_matching_beside_parsing(benchmark, tables, texts, records, title, make, size):
    loads = orjson.loads
    rules = rules_from(records, size, make)
    build = min(seconds(lambda: PatternIndex(rules)) for _ in range(3))
    tracemalloc.start()
    weighed = PatternIndex(rules)
    gc.collect()
    empty_bytes, _ = tracemalloc.get_traced_memory()
    for record in records:
        weighed.match(record)
    gc.collect()
    full_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    def parse():
        for text in texts:
            loads(text)

    def parse_and_match_with(match):
        def work():
            for text in texts:
                match(loads(text))

        return work

    index = PatternIndex(rules)
    work = parse_and_match_with(index.match)
    first_pass = min(
        seconds(parse_and_match_with(PatternIndex(rules).match)) for _ in range(1 if size > 1_000 else 3)
    )
    forgetful = parse_and_match_with(PatternIndex(rules, memory=0).match)
    benchmark.pedantic(work, rounds=10, warmup_rounds=2)
    parsing, matching = by_turns(parse, work, duration=3.0)
    _, forgetting = by_turns(parse, forgetful, duration=1.0)

    rows = tables.setdefault(f"parse and match: {title}", [HEADING])
    matches = sum(len(index.match(record)) for record in records) / len(records)
    rows.append(
        (
            f"{size:,}",
            f"{matches:.1f}",
            f"{len(texts) / matching:,.0f}",
            f"{parsing / matching:.3f}",
            f"{parsing / first_pass:.3f}",
            f"{parsing / forgetting:.3f}",
            f"{build:.3f}",
            f"{empty_bytes / 1e6:.1f}",
            f"{full_bytes / 1e6:.1f}",
        )
    )
    assert matching > parsing
