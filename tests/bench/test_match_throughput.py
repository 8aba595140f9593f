"""How fast events are matched, beside how fast they are parsed.

The events are the 455 audit records, in slices. What is timed is `orjson.loads` alone, and `orjson.loads` with
`PatternIndex.match`. Slice by slice the two take turns, for seconds, and the quickest time of each slice
counts: what else the machine does falls on both, and is left out as far as can be. A slice is parsed once
before its parsing is timed, so parsing is seen at its best; the matching of a slice always comes after that of
all others, as with a stream of events.

An index remembers what values it has seen, so passes over the same records are its best case. The tables also
show the first pass of a new index, and the passes of one that may remember nothing.
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
SLICE = 20
HEADING = (
    "rules",
    "matches/event",
    "events/s",
    "of parsing",
    "first pass",
    "remembering nothing",
    "build CPU s",
    "new MB",
    "used MB",
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
        long = [(path, value) for path, value in found if isinstance(value, str) and len(value) > 8]
        special = [(path, wildcard(choice, value)) for path, value in long]
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
    return [{"wildcard": choice.choice([f"{text[:start]}*{text[end:]}", f"*{text[start:end][:9]}*"])}]


def around(value):
    value = max(-4e9, min(4e9, value))
    return [{"numeric": [">=", value - abs(value) * 0.1 - 1, "<", value + abs(value) * 0.1 + 1]}]


def seconds(work, *arguments):
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def own_seconds(work, *arguments):
    """The processor's time, for what takes so long that others get their turn meanwhile."""
    started = time.process_time()
    work(*arguments)
    return time.process_time() - started


def by_turns(slices, first, second, duration):
    """The seconds that each work takes on all slices, as the sum of its quickest times on each."""
    best = [(float("inf"), float("inf"))] * len(slices)
    until = time.perf_counter() + duration
    while time.perf_counter() < until:
        for at, texts in enumerate(slices):
            first(texts)
            best[at] = (min(best[at][0], seconds(first, texts)), min(best[at][1], seconds(second, texts)))
    return tuple(map(sum, zip(*best, strict=True)))


def weighed(rules, records):
    """The bytes that an index of the rules takes when it is new, and when it has seen the records."""
    tracemalloc.start()
    index = PatternIndex(rules)
    gc.collect()
    new, _ = tracemalloc.get_traced_memory()
    for record in records:
        index.match(record)
    gc.collect()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return new, used


def parse(texts):
    loads = orjson.loads
    for text in texts:
        loads(text)


def parsing_and(match):
    def work(texts):
        loads = orjson.loads
        for text in texts:
            match(loads(text))

    return work


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("title", "make"),
    [("one exact value and one prefix", exact_and_prefix), ("realistic rules", realistic)],
    ids=["exact-and-prefix", "realistic"],
)
def test_matching_beside_parsing(benchmark, tables, texts, records, title, make, size):
    slices = [texts[at : at + SLICE] for at in range(0, len(texts), SLICE)]
    rules = rules_from(records, size, make)
    build = min(own_seconds(PatternIndex, rules) for _ in range(3))
    new, used = weighed(rules, records)
    indexes = [PatternIndex(rules) for _ in range(3)]
    first_pass = min(seconds(parsing_and(index.match), texts) for index in indexes)
    index = indexes[0]
    forgetful = PatternIndex(rules, memory=0)

    benchmark.pedantic(parsing_and(index.match), args=(texts,), rounds=10, warmup_rounds=1)
    parsing, matching = by_turns(slices, parse, parsing_and(index.match), duration=3.0)
    _, forgetting = by_turns(slices, parse, parsing_and(forgetful.match), duration=0.7)

    matches = sum(len(index.match(record)) for record in records) / len(records)
    tables.setdefault(f"parse and match: {title}", [HEADING]).append(
        (
            f"{size:,}",
            f"{matches:.1f}",
            f"{len(texts) / matching:,.0f}",
            f"{parsing / matching:.3f}",
            f"{parsing / first_pass:.3f}",
            f"{parsing / forgetting:.3f}",
            f"{build:.3f}",
            f"{new / 1e6:.1f}",
            f"{used / 1e6:.1f}",
        )
    )
    assert matching > parsing
