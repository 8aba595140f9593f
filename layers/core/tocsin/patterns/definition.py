"""From the text or the JSON of a pattern to what it asks of an event.

A pattern becomes a list of alternatives, one for each way through its `$or`s. An alternative is a set of
conditions by dotted path, all of which must hold. Paths are joined by dots, so nested fields and dotted
keys are the same path, and the last word on a path counts. Source: aws/event-ruler, JsonRuleCompiler.
"""

from __future__ import annotations

import json
from math import prod

from tocsin.patterns.errors import PatternError
from tocsin.patterns.matchers import Condition
from tocsin.patterns.operators import OPERATORS, Members, parse_condition
from tocsin.types import JsonObject

type Definition = JsonObject | str | bytes

# Conditions by path, in the order of their paths.
type Alternative = tuple[tuple[str, Condition], ...]

# The user guide, "$or": a rule may not come to more than 1,000 combinations.
MAX_COMBINATIONS = 1_000
# aws/event-ruler, GenericMachine: the most fields that a rule may name.
MAX_FIELDS = 256
# A guard of our own: EventBridge documents no limit on nesting.
MAX_DEPTH = 100

_OR = "$or"

# In a branch of `$or` these are not field names. Source: aws/event-ruler, Constants, where some are kept
# for operators to come.
_RESERVED_IN_OR = frozenset(
    [
        "exactly",
        "equals-ignore-case",
        "prefix",
        "suffix",
        "anything-but",
        "exists",
        "wildcard",
        "numeric",
        "cidr",
        "html",
        "regex",
        "=",
        "<",
        "<=",
        ">",
        ">=",
        "not-wildcard",
        "not-equals-ignore-case",
        "date-after",
        "date-on-or-after",
        "date-before",
        "date-on-or-before",
        "in-date-range",
        "ip-address-in-range",
        "ip-address-not-in-range",
    ]
)


class _TooManyCombinations(PatternError):
    """What no other reading of `$or` makes good."""


class _ParsedObject:
    """A JSON object as it stood in the text: with members of the same name, which a dict would lose."""

    __slots__ = ("members",)

    def __init__(self, members: list[tuple[str, object]]) -> None:
        self.members = members


def _members_of(value: object) -> Members | None:
    if isinstance(value, _ParsedObject):
        return value.members
    return list(value.items()) if isinstance(value, dict) else None


def compile_definition(definition: Definition) -> tuple[Alternative, ...]:
    """The alternatives that a pattern comes to.

    `definition` is the pattern as JSON text or as the object that text stands for. Raises PatternError for
    what EventBridge refuses.
    """
    members = _members_of(_parse(definition) if isinstance(definition, str | bytes) else definition)
    if members is None:
        raise PatternError("", "", "must be a JSON object")
    try:
        return _compile(members, or_is_operator=True)
    except _TooManyCombinations:
        raise
    except PatternError as error:
        # EventBridge reads `$or` as the name of a field where it can't be the operator, as it did before
        # there was one. That seldom is what was meant, so the first reading's fault is the one to tell.
        if not _names_or(members):
            raise
        try:
            return _compile(members, or_is_operator=False)
        except PatternError:
            raise error from None


def _parse(text: str | bytes) -> object:
    def refuse(constant: str) -> object:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, object_pairs_hook=_ParsedObject, parse_constant=refuse)
    except RecursionError:
        raise PatternError("", "", f"is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise PatternError("", "", f"is not valid JSON: {error}") from None


def _names_or(members: Members) -> bool:
    waiting = [members]
    while waiting:
        for name, value in waiting.pop():
            if name == _OR:
                return True
            inner = _members_of(value)
            if inner is not None:
                waiting.append(inner)
    return False


def _compile(members: Members, *, or_is_operator: bool) -> tuple[Alternative, ...]:
    compiler = _Compiler(or_is_operator)
    alternatives = compiler.read_object([{}], None, members, in_or=False, depth=1)
    for alternative in alternatives:
        if len(alternative) > MAX_FIELDS:
            raise PatternError("", "", f"names {len(alternative)} fields, more than {MAX_FIELDS}")
    return tuple(tuple(sorted(alternative.items())) for alternative in alternatives)


class _Compiler:
    """One reading of a pattern; whether `$or` is the operator or a field's name holds for all of it."""

    def __init__(self, or_is_operator: bool) -> None:
        self._or_is_operator = or_is_operator
        self._branches: list[int] = []

    def read_object(
        self,
        alternatives: list[dict[str, Condition]],
        path: str | None,
        members: Members,
        *,
        in_or: bool,
        depth: int,
    ) -> list[dict[str, Condition]]:
        """The alternatives so far, each with the conditions of this object added.

        In the order of the text, as a later condition on a path replaces an earlier one.
        """
        shown = path or ""
        if depth > MAX_DEPTH:
            raise PatternError(shown, "", f"is nested more than {MAX_DEPTH} levels deep")
        if not members:
            raise PatternError(shown, "", "the object is empty")
        for name, value in members:
            if not isinstance(name, str):
                raise PatternError(shown, "", f"a field's name must be a string, not {name!r}")
            if name == _OR and self._or_is_operator:
                alternatives = self._read_or(alternatives, path, value, depth)
                continue
            if in_or and name in _RESERVED_IN_OR:
                raise PatternError(shown, f"{_OR}/{name}", "an operator's name can't be a field in $or")
            inner_path = name if path is None else f"{path}.{name}"
            if isinstance(value, list | tuple):
                if inner_path.count(".") >= MAX_DEPTH:
                    raise PatternError(inner_path, "", f"has more than {MAX_DEPTH} steps")
                condition = parse_condition(inner_path, list(value), _members_of)
                for alternative in alternatives:
                    alternative[inner_path] = condition
                continue
            inner = _members_of(value)
            if inner is None and name in OPERATORS:
                raise PatternError(shown, name, "an operator's place is in an object in a field's list")
            if inner is None:
                raise PatternError(inner_path, "", "must be an object or a list of values")
            alternatives = self.read_object(alternatives, inner_path, inner, in_or=in_or, depth=depth + 1)
        return alternatives

    def _read_or(
        self, alternatives: list[dict[str, Condition]], path: str | None, branches: object, depth: int
    ) -> list[dict[str, Condition]]:
        shown = path or ""
        if not isinstance(branches, list | tuple):
            raise PatternError(shown, _OR, "must be a list of objects")
        if len(branches) < 2:
            raise PatternError(shown, _OR, "must have at least two objects")
        self._branches.append(len(branches))
        if prod(self._branches) > MAX_COMBINATIONS:
            raise _TooManyCombinations(shown, _OR, f"comes to more than {MAX_COMBINATIONS} combinations")
        forked: list[dict[str, Condition]] = []
        for branch in branches:
            members = _members_of(branch)
            if members is None:
                raise PatternError(shown, _OR, "must be a list of objects")
            copies = [dict(alternative) for alternative in alternatives]
            forked += self.read_object(copies, path, members, in_or=True, depth=depth + 1)
        return forked
