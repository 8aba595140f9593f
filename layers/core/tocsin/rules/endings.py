"""Which events end what a rule told of: the matchers of `resolve`, as one index."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tocsin.events.model import Event
from tocsin.expressions import Expression, ExpressionError, bind
from tocsin.patterns import PatternIndex
from tocsin.rules.model import NotificationRule
from tocsin.rules.parts import matcher_pattern
from tocsin.rules.ruleset import MAX_DEPTH, Audience
from tocsin.types import Json


class Endings:
    """The enabled rules that say `resolve`. Immutable.

    Raises ExpressionError where a query does not compile. With `lenient` such a rule ends nothing, and is `broken`.
    """

    def __init__(self, rules: Iterable[NotificationRule], *, lenient: bool = False) -> None:
        self.broken: dict[str, str] = {}
        self._queries: dict[str, Expression] = {}
        self._rules = {rule.name: rule for rule in rules if rule.enabled and rule.resolve is not None}
        for name, rule in self._rules.items():
            query = None if rule.resolve is None else rule.resolve.query
            if query is not None:
                try:
                    self._queries[name] = Expression.compile(query, predicate=True)
                except ExpressionError as error:
                    if not lenient:
                        raise
                    self.broken[name] = str(error)
        asked = {name: rule.resolve for name, rule in self._rules.items() if name not in self.broken}
        patterns = {name: matcher_pattern(resolve) for name, resolve in asked.items() if resolve is not None}
        self._index = PatternIndex({name: pattern for name, pattern in patterns.items() if pattern})
        self._without_pattern = frozenset(name for name, pattern in patterns.items() if not pattern)

    def of(self, event: Event, audience: Audience, now: datetime) -> tuple[NotificationRule, ...]:
        """The rules whose end `event` is, in the order of their names. A query that fails ends nothing.

        What Tocsin itself made of what a rule told does not end that, as it does not fire it.
        """
        cause = event.cause
        if not self._rules or (cause is not None and cause.depth >= MAX_DEPTH):
            return ()
        shown = event.to_json()
        ended = []
        for name in sorted(self._index.match(shown) | self._without_pattern):
            query = self._queries.get(name)
            if (cause is None or cause.rule != name) and (query is None or _holds(query, event, audience, now)):
                ended.append(self._rules[name])
        return tuple(ended)


def _holds(query: Expression, event: Event, audience: Audience, now: datetime) -> bool:
    values: dict[str, Json | datetime] = {"event": event.to_json() | {"summary": event.summary}}
    values |= {"user": audience.user()} if "user" in query.names else {}
    try:
        return query.test(bind(**values, now=now))
    except ExpressionError:
        return False
