"""Parsing and matching beside AWS's event-ruler (https://github.com/aws/event-ruler), where Java and its classes are.

    RULER_CLASSPATH=event-ruler.jar:jackson-core.jar:… make bench

Java runs in one process for each set of rules, and is warmed by sixty passes over the 455 audit records, or as many as
it makes in a minute. The two take turns with the same files of events, texts before they are parsed: the records again,
and the records with each digit of their texts another. The processor's time of the thread that matches counts (for Java
without its compiler and collector), and of each the quickest turn.
"""

import ipaddress
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import orjson
import pytest

from tests.bench.test_fresh_values import changed
from tests.bench.test_match_throughput import RECORDS, exact_and_prefix, is_ipv4, nested, realistic, rules_from
from tocsin.patterns import PatternIndex

CLASSES = os.environ.get("RULER_CLASSPATH", "")
TURNS = 6
WARMING = ("60", "60")
"""Passes, and the seconds after which no other begins."""
ABSENT = ("errorCode", "errorMessage", "deleted")
"""Few fields, which many events do not have: of a hundred rules with two hundred of them Java came to no end."""
HEADING = ("rules", "seen, events/s", "over Java", "new digits, events/s", "over Java", "matches of Java's")

pytestmark = pytest.mark.skipif(
    not CLASSES or shutil.which("java") is None, reason="RULER_CLASSPATH names no classes, or there is no Java"
)


def written(path, lines):
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def others(records, seed):
    """The records with each digit of their texts another."""
    chance = random.Random(seed)

    def other(text):
        return "".join(chance.choice("0123456789") if each.isdigit() else each for each in text)

    return [orjson.dumps(changed(record, other)) for record in records]


def either(choice, found):
    """One of two rules, by `$or`."""
    both = [exact_and_prefix(choice, found) for _ in range(2)]
    return {"$or": both} if all(both) else None


def block(choice, found):
    """One address's block, of 8 to 28 bits, and nothing else: what no exact value leads to."""
    found = [(path, value) for path, value in found if is_ipv4(value)]
    if not found:
        return None
    path, value = choice.choice(found)
    return nested((path, [{"cidr": str(ipaddress.ip_network(f"{value}/{choice.randint(8, 28)}", strict=False))}]))


def absence(choice, found):
    """One exact value, and a field that is not there beside it."""
    exact = [(path, value) for path, value in found if isinstance(value, str) and value]
    if not exact:
        return None
    path, value = choice.choice(exact)
    return nested((path, [value]), ((*path[:-1], choice.choice(ABSENT)), [{"exists": False}]))


def turn(index, path):
    """The processor's seconds, and how many rules matched."""
    texts = path.read_bytes().splitlines()
    loads, match, matches = orjson.loads, index.match, 0
    began = time.thread_time()
    for text in texts:
        matches += len(match(loads(text)))
    return time.thread_time() - began, matches


@pytest.mark.parametrize("size", [10, 100, 1_000, 10_000])
@pytest.mark.parametrize(
    ("title", "make"),
    [
        ("one exact value and one prefix", exact_and_prefix),
        ("either of two such", either),
        ("realistic rules", realistic),
        ("a block of addresses", block),
        ("one exact value, and one field absent", absence),
    ],
    ids=["exact-and-prefix", "either", "realistic", "block", "absence"],
)
def test_matching_beside_javas(tables, tmp_path, title, make, size):
    records = [orjson.loads(line)["log"] for line in RECORDS.read_bytes().splitlines()]
    rules = rules_from(records, size, make)
    known = written(tmp_path / "seen", [orjson.dumps(record) for record in records])
    lines = [f"{name}\t".encode() + orjson.dumps(rule) for name, rule in rules.items()]
    source = Path(__file__).with_name("ruler") / "Turns.java"
    command = ["java", "-cp", CLASSES, str(source), str(written(tmp_path / "rules", lines)), str(known), *WARMING]
    index = PatternIndex(rules)
    for _ in range(3):
        turn(index, known)

    best = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as java:
        assert int(java.stdout.readline()) > 0
        for number in range(TURNS):
            streams = {"seen": known, "new": written(tmp_path / "new", others(records, number))}
            for name, path in streams.items():
                ours, our_matches = turn(index, path)
                java.stdin.write(f"{path}\n")
                java.stdin.flush()
                nanoseconds, matches = map(int, java.stdout.readline().split())
                was = best.get(name, (float("inf"), float("inf"), 0, 0))
                best[name] = min(was[0], ours), min(was[1], nanoseconds / 1e9), our_matches, matches
        java.stdin.close()

    told = [(f"{len(records) / ours:,.0f}", f"{theirs / ours:.2f}") for ours, theirs, *_ in best.values()]
    share = best["seen"][2] / best["seen"][3]
    tables.setdefault(f"over event-ruler: {title}", [HEADING]).append((f"{size:,}", *told[0], *told[1], f"{share:.3f}"))
    assert best["seen"][2] > 0
