"""Which events end what a rule told of: the matchers of `resolve`, as one index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from tocsin.events.model import Event
from tocsin.expressions import Expression, ExpressionError, bind
from tocsin.records import dataclass
from tocsin.rules.model import NotificationRule
from tocsin.rules.parts import index_of, matcher_pattern
from tocsin.rules.ruleset import MAX_DEPTH, Audience
from tocsin.types import Json


@dataclass(frozen=True, slots=True)
class Ended:
    """What an event ends."""

    rules: tuple[NotificationRule, ...] = ()
    """In the order of their names."""
    failures: tuple[tuple[str, str], ...] = ()
    """(rule, error) of each end whose query could not be evaluated, so that the event does not end it."""


class Endings:
    """The enabled rules that say `resolve`. Immutable.

    Raises ExpressionError or PatternError where one does not compile. With `lenient` it ends nothing, and is `broken`.
    """

    def __init__(self, rules: Iterable[NotificationRule], *, lenient: bool = False) -> None:
        self.broken: dict[str, str] = {}
        """{rule: reason} of those whose end could not be compiled."""
        self._queries: dict[str, Expression] = {}
        self._rules = {rule.name: rule for rule in rules if rule.enabled and rule.resolve is not None}
        asked = {name: rule.resolve for name, rule in self._rules.items() if rule.resolve is not None}
        for name, resolve in asked.items():
            if resolve.query is not None:
                try:
                    self._queries[name] = Expression.compile(resolve.query, predicate=True)
                except ExpressionError as error:
                    if not lenient:
                        raise
                    self.broken[name] = str(error)
        patterns = {name: matcher_pattern(resolve) for name, resolve in asked.items() if name not in self.broken}
        asking = {name: pattern for name, pattern in patterns.items() if pattern}
        self._index = index_of(asking, self.broken, lenient=lenient)
        self._without_pattern = frozenset(name for name, pattern in patterns.items() if not pattern)

    def of(self, event: Event, audience: Audience, now: datetime) -> Ended:
        """Return what `explain` does; as of policies, without the failures on Tocsin's own events."""
        found = self.explain(event, audience, now)
        return found if event.cause is None else replace(found, failures=())

    def explain(self, event: Event, audience: Audience, now: datetime) -> Ended:
        """Return the rules whose end `event` is. A query that fails ends nothing, and is among the failures.

        What Tocsin itself made of what a rule told does not end that, as it does not fire it.
        """
        cause = event.cause
        if not self._rules or (cause is not None and cause.depth >= MAX_DEPTH):
            return Ended()
        shown = event.to_json()
        rules, failures = [], []
        for name in sorted(self._index.match(shown) | self._without_pattern):
            query = self._queries.get(name)
            if cause is not None and cause.rule == name:
                continue
            try:
                if query is None or _holds(query, event, audience, now):
                    rules.append(self._rules[name])
            except ExpressionError as error:
                failures.append((name, str(error)))
        return Ended(tuple(rules), tuple(failures))


def _holds(query: Expression, event: Event, audience: Audience, now: datetime) -> bool:
    values: dict[str, Json | datetime] = {"event": event.to_json() | {"summary": event.summary}}
    values |= {"user": audience.user()} if "user" in query.names else {}
    return query.test(bind(**values, now=now))
