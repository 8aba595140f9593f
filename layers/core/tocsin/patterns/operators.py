"""From one field's list in a pattern to matchers, refusing what EventBridge refuses.

Sources: the EventBridge user guide, "Comparison operators for use in event patterns"; and aws/event-ruler,
the engine of EventBridge, for what the guide leaves open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

from tocsin.patterns import addresses, wildcards
from tocsin.patterns.errors import PatternError
from tocsin.patterns.matchers import (
    Absent,
    AddressBlock,
    AnythingBut,
    Condition,
    Constant,
    Equals,
    EqualsIgnoringCase,
    Exists,
    Matcher,
    NumberRange,
    Prefix,
    Suffix,
    Wildcard,
    is_number,
)

# The user guide, Numeric matching: "limited to values between -5.0e9 and +5.0e9 inclusive".
NUMERIC_LIMIT = 5_000_000_000

# A guard of our own: about where a double ends.
MAX_NUMBER_BITS = 1_024

type Members = Sequence[tuple[str, object]]
type MembersOf = Callable[[object], Members | None]


def parse_condition(path: str, values: list[object], members_of: MembersOf) -> Condition:
    """The condition that a field's list of alternatives makes.

    `members_of` gives the members of what stands for a JSON object, or None for what is none. Raises
    PatternError for an empty list, for what is neither scalar nor match expression, and for wildcards that
    are together too complex.
    """
    if not values:
        raise PatternError(path, "", "the list of values is empty")
    condition = tuple(_parse_value(path, value, members_of) for value in values)
    found = [wildcard.parts for matcher in condition for wildcard in _wildcards(matcher)]
    if found and wildcards.too_complex(found):
        raise PatternError(
            path,
            "wildcard",
            "too complex: use fewer asterisks, or fewer repeated characters after an asterisk",
        )
    return condition


def _wildcards(matcher: Matcher) -> Sequence[Wildcard]:
    if isinstance(matcher, Wildcard):
        return (matcher,)
    if isinstance(matcher, AnythingBut):
        return [excluded for excluded in matcher.excluded if isinstance(excluded, Wildcard)]
    return ()


def _parse_value(path: str, value: object, members_of: MembersOf) -> Matcher:
    if isinstance(value, str):
        # aws/event-ruler, JsonRuleCompiler: a plain string that spells an IP address is compared as an address.
        address = addresses.parse(value)
        return AddressBlock(address.version, address.number, address.bits) if address else Equals(value)
    if value is None or isinstance(value, bool):
        return Constant(value)
    if isinstance(value, int | float):
        return Equals(_number(path, "", value))
    members = members_of(value)
    if members is None:
        raise PatternError(path, "", f"a value must be a scalar or a match expression, not {_shown(value)}")
    operator, operand = _single(path, "", members, "match expression")
    parse = OPERATORS.get(operator)
    if parse is None:
        raise PatternError(path, operator, "there is no such operator")
    return parse(path, operator, operand, members_of)


def _single(path: str, operator: str, members: Members, what: str) -> tuple[str, object]:
    """The one member that a match expression has."""
    if not members:
        raise PatternError(path, operator, f"the {what} is empty")
    if len(members) > 1:
        names = ", ".join(name for name, _ in members)
        raise PatternError(path, operator or members[0][0], f"a {what} has one member, not {names}")
    return members[0]


def _text(path: str, operator: str, operand: object) -> str:
    if not isinstance(operand, str):
        raise PatternError(path, operator, f"must be a string, not {_shown(operand)}")
    return operand


def _number(path: str, operator: str, value: object) -> int | float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise PatternError(path, operator, f"must be a number, not {_shown(value)}")
    if isinstance(value, float) and not isfinite(value):
        raise PatternError(path, operator, f"{value} is not a JSON number")
    if isinstance(value, int) and value.bit_length() > MAX_NUMBER_BITS:
        raise PatternError(path, operator, f"a number has at most {MAX_NUMBER_BITS} bits")
    return value


def _shown(value: object) -> str:
    """A short form of a value that is of the wrong type, for a message."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str | int | float):
        text = repr(value)
        return text if len(text) <= 60 else f"{text[:60]}…"
    return "a list" if isinstance(value, list | tuple) else "an object"


def _exactly(path: str, operator: str, operand: object, _: MembersOf) -> Matcher:
    return Equals(_text(path, operator, operand))


def _affix(path: str, operator: str, operand: object, members_of: MembersOf) -> Matcher:
    kind = Prefix if operator == "prefix" else Suffix
    members = members_of(operand)
    if members is None:
        return kind(_text(path, operator, operand))
    inner, text = _single(path, operator, members, "match expression")
    nested = f"{operator}/{inner}"
    if inner != "equals-ignore-case":
        raise PatternError(path, nested, f"{operator} takes a string or equals-ignore-case")
    return kind(_text(path, nested, text), any_case=True)


def _equals_ignore_case(path: str, operator: str, operand: object, _: MembersOf) -> Matcher:
    return EqualsIgnoringCase(_text(path, operator, operand))


def _wildcard(path: str, operator: str, operand: object, _: MembersOf) -> Matcher:
    try:
        return Wildcard(wildcards.parse(_text(path, operator, operand)))
    except PatternError:
        raise
    except ValueError as error:
        raise PatternError(path, operator, str(error)) from None


def _exists(path: str, operator: str, operand: object, _: MembersOf) -> Matcher:
    if not isinstance(operand, bool):
        raise PatternError(path, operator, f"must be true or false, not {_shown(operand)}")
    return Exists() if operand else Absent()


def _cidr(path: str, operator: str, operand: object, _: MembersOf) -> Matcher:
    try:
        address, length = addresses.parse_block(_text(path, operator, operand))
    except PatternError:
        raise
    except ValueError as error:
        raise PatternError(path, operator, str(error)) from None
    return AddressBlock(address.version, address.number >> (address.bits - length), length)


def _numeric(path: str, operator: str, operand: object, _: MembersOf) -> Matcher:
    """`["=", n]`, one of `< <= > >=` and a number, or a lower limit followed by an upper one."""
    if not isinstance(operand, list | tuple):
        raise PatternError(path, operator, f"must be a list, not {_shown(operand)}")
    if len(operand) not in (2, 4):
        raise PatternError(path, operator, "must be one comparison or two, each a sign and a number")
    sign, limit = _comparison(path, operator, operand[0], operand[1])
    if len(operand) == 2:
        if sign == "=":
            return Equals(limit)
        is_open = sign in ("<", ">")
        if sign.startswith(">"):
            return NumberRange(low=limit, low_open=is_open)
        return NumberRange(high=limit, high_open=is_open)
    second, upper = _comparison(path, operator, operand[2], operand[3])
    if sign not in (">", ">=") or second not in ("<", "<="):
        raise PatternError(path, operator, f"a range is > or >= and then < or <=, not {sign} and {second}")
    if limit >= upper:
        raise PatternError(path, operator, f"the lower limit {limit} is not below the upper limit {upper}")
    return NumberRange(limit, upper, low_open=sign == ">", high_open=second == "<")


def _comparison(path: str, operator: str, sign: object, limit: object) -> tuple[str, int | float]:
    if sign not in ("=", "<", "<=", ">", ">=") or not isinstance(sign, str):
        raise PatternError(path, operator, f"a comparison is one of = < <= > >=, not {_shown(sign)}")
    number = _number(path, operator, limit)
    if not -NUMERIC_LIMIT <= number <= NUMERIC_LIMIT:
        raise PatternError(path, operator, f"{_shown(number)} is not between -5.0e9 and 5.0e9")
    return sign, number


def _anything_but(path: str, operator: str, operand: object, members_of: MembersOf) -> Matcher:
    """A string, a number, a list of strings or one of numbers, or an operator on a string or strings."""
    members = members_of(operand)
    if members is not None:
        inner, excluded = _single(path, operator, members, "match expression")
        return _anything_but_operator(path, f"{operator}/{inner}", inner, excluded, members_of)
    values = list(operand) if isinstance(operand, list | tuple) else [operand]
    if not values:
        raise PatternError(path, operator, "the list of values is empty")
    if not all(isinstance(value, str) for value in values) and not all(map(is_number, values)):
        wrong = next((value for value in values if not isinstance(value, str) and not is_number(value)), values)
        raise PatternError(
            path,
            operator,
            "must be a string, a number, a list of strings or a list of numbers, not "
            + ("strings and numbers together" if wrong is values else _shown(wrong)),
        )
    return AnythingBut(tuple(Equals(v if isinstance(v, str) else _number(path, operator, v)) for v in values))


def _anything_but_operator(path: str, operator: str, inner: str, operand: object, members_of: MembersOf) -> Matcher:
    parse = OPERATORS[inner] if inner in ("prefix", "suffix", "equals-ignore-case", "wildcard") else None
    if parse is None:
        raise PatternError(path, operator, f"anything-but does not take {inner}")
    texts = list(operand) if isinstance(operand, list | tuple) else [operand]
    if not texts:
        raise PatternError(path, operator, "the list of values is empty")
    excluded = []
    for text in texts:
        if not _text(path, operator, text) and inner in ("prefix", "suffix"):
            raise PatternError(path, operator, "an empty string would exclude every string")
        try:
            excluded.append(parse(path, inner, text, members_of))
        except PatternError as error:
            raise PatternError(path, operator, error.reason) from None
    return AnythingBut(tuple(excluded))


# How the operand of each operator is read.
OPERATORS: dict[str, Callable[[str, str, object, MembersOf], Matcher]] = {
    "exactly": _exactly,
    "prefix": _affix,
    "suffix": _affix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
}
