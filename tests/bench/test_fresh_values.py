"""How much longer an event takes whose values the index has not seen, beside one whose values it has.

The index has seen the 455 audit records. Three streams take turns, by the processor's time, and the quickest turn of
each counts: the records again; the records with each digit of their texts another (ids, times, addresses are new, names
the same, as in a real log); and with digits appended to every text, so that no text was seen before.
"""

import random
import time

import orjson
import pytest

from tests.bench.test_match_throughput import RECORDS, exact_and_prefix, realistic, rules_from
from tocsin.patterns import PatternIndex

TURNS = 12
HEADING = ("rules", "seen, µs", "new digits, µs", "times", "all texts new, µs", "times")


def changed(value, change):
    """`value` with `change` applied to its texts."""
    if isinstance(value, dict):
        return {name: changed(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [changed(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def microseconds(match, events):
    began = time.process_time()
    for event in events:
        match(event)
    return (time.process_time() - began) / len(events) * 1e6


@pytest.mark.parametrize("size", [10, 100, 1_000])
@pytest.mark.parametrize(
    ("title", "make"),
    [("one exact value and one prefix", exact_and_prefix), ("realistic rules", realistic)],
    ids=["exact-and-prefix", "realistic"],
)
def test_values_never_seen_beside_those_seen_before(tables, title, make, size):
    records = [orjson.loads(line)["log"] for line in RECORDS.read_bytes().splitlines()]
    index = PatternIndex(rules_from(records, size, make))
    chance = random.Random(1)
    streams = {
        "seen": lambda text: text,
        "digits": lambda text: "".join(chance.choice("0123456789") if each.isdigit() else each for each in text),
        "all": lambda text: f"{text}{chance.randrange(10**6)}",
    }
    microseconds(index.match, records)
    best = dict.fromkeys(streams, float("inf"))

    for _ in range(TURNS):
        for stream, change in streams.items():
            events = [orjson.loads(orjson.dumps(changed(record, change))) for record in records]
            best[stream] = min(best[stream], microseconds(index.match, events))

    row = [f"{size:,}", f"{best['seen']:.1f}"]
    for stream in ("digits", "all"):
        row += [f"{best[stream]:.1f}", f"{best[stream] / best['seen']:.2f}"]
    tables.setdefault(f"values never seen: {title}", [HEADING]).append(tuple(row))
    assert best["seen"] < best["all"]
