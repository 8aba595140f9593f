"""One pattern, and whether an event matches it."""

from __future__ import annotations

from tocsin.patterns.definition import Alternative, Definition, compile_definition
from tocsin.patterns.leaves import Places, Step, consistent, flatten
from tocsin.patterns.matchers import Absent, Leaf
from tocsin.types import JsonObject


class Pattern:
    """An EventBridge event pattern, compiled.

    `definition` is the pattern as a JSON object, or as the JSON text of one. Raises PatternError, which
    names the path and the operator, for what EventBridge refuses. To match an event against many patterns
    use PatternIndex.
    """

    __slots__ = ("_alternatives",)

    def __init__(self, definition: Definition) -> None:
        self._alternatives = compile_definition(definition)

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """What the pattern asks: any of these, each a set of conditions in the order of their paths."""
        return self._alternatives

    def matches(self, event: JsonObject) -> bool:
        """Whether an event, a JSON object, matches."""
        leaves = flatten(event)
        return any(_holds(alternative, leaves) for alternative in self._alternatives)


def _holds(alternative: Alternative, leaves: dict[str, list[tuple[Leaf, Places]]]) -> bool:
    steps = []
    for path, condition in alternative:
        found = leaves.get(path, [])
        met = [places for leaf, places in found if any(matcher.matches(leaf) for matcher in condition)]
        absent = any(isinstance(matcher, Absent) for matcher in condition)
        if not met and not absent:
            return False
        steps.append(Step(met, [places for _, places in found] if absent else None))
    return consistent(steps)
