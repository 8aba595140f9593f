"""Limits of what a rule set costs as a whole: each policy has limits, but ten of the largest would stop the matcher.

The matcher holds all rules in memory and compiles them when the configuration has changed, in a function with 1 GB and
a timeout of 30 s that also handles events. Measured on one server core: compiling a condition takes 20 µs and 400
bytes; evaluating a policy's expression takes its estimated time, for each event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter

from tocsin.expressions import Expression
from tocsin.patterns.definition import MAX_DEPTH
from tocsin.rules.model import NotificationRule, Policy, Silence
from tocsin.rules.parts import pattern_of, silencing_pattern, silencing_source, source_of
from tocsin.types import Json, JsonObject

MAX_CONDITIONS = 250_000
"""Most conditions (alternatives of `$or` times fields) in all patterns of used policies and silences together. Loading
that many takes about 5 s."""
MAX_PATTERN_CONDITIONS = 20_000
"""Most conditions of one pattern."""
MAX_EXPRESSIONS_NS = 500_000_000
"""The longest that all expressions of rules and silences may take together on a small event, as estimated: 0.5 s."""

_CHEAPEST_TOO_MANY = 100
"""Up to this many expressions are never too slow together, since each may take at most 5 ms."""


class Overloaded(ValueError):
    """The rules together cost more than the matcher can hold. The message says what is too much, and who costs most.

    `largest` is the costliest entry: its kind (`policy`, `silence` or `rule`) and its name.
    """

    def __init__(self, message: str, largest: tuple[str, str]) -> None:
        super().__init__(message)
        self.largest = largest


def conditions(pattern: JsonObject) -> int:
    """Return an upper bound of the conditions in `pattern`: its alternatives times its fields."""
    alternatives, fields = _counted(pattern)
    return alternatives * fields


def too_large(patterns: Mapping[str, JsonObject]) -> dict[str, str]:
    """Return {name: reason} of the patterns that the matcher leaves out to stay in its limits, the largest first."""
    left_out: dict[str, str] = {}
    room = MAX_CONDITIONS
    for name, size in sorted(((name, conditions(pattern)) for name, pattern in patterns.items()), key=itemgetter(1)):
        if size > MAX_PATTERN_CONDITIONS:
            counted = f"{size:,} conditions (alternatives of $or times fields)"
            left_out[name] = f"the pattern comes to {counted}, more than {MAX_PATTERN_CONDITIONS:,}"
        elif size > room:
            left_out[name] = (
                f"the pattern comes to {size:,} conditions, and all together to more than {MAX_CONDITIONS:,}"
            )
        else:
            room -= size
    return left_out


def check_load(rules: Iterable[NotificationRule], policies: Iterable[Policy], silences: Iterable[Silence]) -> None:
    """Raise Overloaded where policies in use, silences and rules' ends together cost more than the matcher can hold."""
    rules = tuple(rules)
    asked = used(rules)
    loaded = [policy for policy in policies if policy.name in asked]
    silences = tuple(silences)
    patterns = {("policy", each.name): pattern_of(each) or {} for each in loaded}
    patterns |= {("silence", each.name): silencing_pattern(each) for each in silences}
    sizes = {name: conditions(pattern) for name, pattern in patterns.items() if pattern}
    if (total := sum(sizes.values())) > MAX_CONDITIONS:
        largest = max(sizes, key=lambda name: sizes[name])
        raise Overloaded(
            f"all patterns come to {total:,} conditions, more than {MAX_CONDITIONS:,};"
            f" {' '.join(largest)} alone has {sizes[largest]:,}",
            largest,
        )
    given = {("policy", each.name): source_of(each) for each in loaded}
    given |= {("silence", each.name): silencing_source(each) for each in silences}
    given |= {("rule", each.name): each.resolve.query for each in rules if each.enabled and each.resolve is not None}
    sources = {name: source for name, source in given.items() if source is not None}
    if len(sources) <= _CHEAPEST_TOO_MANY:
        return
    prices = {name: Expression.compile(source, predicate=True).nanoseconds for name, source in sources.items()}
    if (took := sum(prices.values())) > MAX_EXPRESSIONS_NS:
        dearest = max(prices, key=lambda name: prices[name])
        raise Overloaded(
            f"all expressions could take {took / 1e6:,.0f} ms an event, more than"
            f" {MAX_EXPRESSIONS_NS // 1_000_000:,}; {' '.join(dearest)} alone {prices[dearest] / 1e6:,.1f} ms",
            dearest,
        )


def used(rules: Iterable[NotificationRule]) -> frozenset[str]:
    """Return the names of the policies in enabled bindings of enabled rules."""
    return frozenset(b.policy for rule in rules if rule.enabled for b in rule.bindings if b.enabled and b.policy)


def _counted(part: JsonObject, depth: int = 0) -> tuple[int, int]:
    """Count the alternatives, and the fields of the largest one. Levels deeper than patterns may nest count as none."""
    alternatives, fields = 1, 0
    if depth > MAX_DEPTH:
        return alternatives, fields
    for name, value in part.items():
        branches = _branches(value) if name == "$or" else []
        if branches:
            counted = [_counted(branch, depth + 1) for branch in branches]
            alternatives *= sum(each for each, _ in counted)
            fields += max(each for _, each in counted)
        elif isinstance(value, dict):
            more, below = _counted(value, depth + 1)
            alternatives, fields = alternatives * more, fields + below
        else:
            fields += 1
    return alternatives, fields


def _branches(value: Json) -> list[JsonObject]:
    """Return the alternatives of a `$or`; none where `$or` is an ordinary field with that name."""
    if not isinstance(value, list):
        return []
    branches = [branch for branch in value if isinstance(branch, dict)]
    return branches if len(branches) == len(value) else []
