"""Reading wildcard patterns, and refusing those that would be too costly.

`*` is any run of characters, none included; `\\*` is an asterisk and `\\\\` a backslash. EventBridge refuses
two asterisks in a row, any other escape, and patterns that are too complex. Sources: the EventBridge user
guide, "Comparison operators", Wildcard matching; aws/event-ruler, WildcardParser and
MachineComplexityEvaluator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

# The complexity that EventBridge still takes. AWS does not publish it; it is what its answers to patterns
# on either side of the limit come to.
MAX_COMPLEXITY = 10
# A guard on the work of finding the complexity, far above what accepted patterns need.
_MAX_STATES = 5_000

_STAR = None


def parse(text: str) -> tuple[str, ...]:
    """The literal parts between the asterisks of a wildcard pattern; ValueError where AWS refuses it."""
    parts, part = [], ""
    characters = iter(enumerate(text))
    for at, character in characters:
        if character == "*":
            if text[at + 1 : at + 2] == "*":
                raise ValueError(f"two asterisks in a row at character {at + 1} of {text!r}")
            parts.append(part)
            part = ""
        elif character == "\\":
            _, escaped = next(characters, (at, ""))
            if escaped not in ("*", "\\"):
                raise ValueError(
                    f"the backslash at character {at + 1} of {text!r} is not followed by an asterisk or a backslash"
                )
            part += escaped
        else:
            part += character
    return (*parts, part)


def too_complex(patterns: Iterable[tuple[str, ...]]) -> bool:
    """Whether the wildcards of one field's list are together beyond MAX_COMPLEXITY.

    The complexity is the greatest number of beginnings of the patterns that one text can match at once:
    "aa" matches the beginnings "aa" and "aa*" of "aa*b". It is what a matcher must keep in mind at a time.
    """
    distinct = sorted(set(patterns))
    if sum(map(_upper_bound, distinct)) <= MAX_COMPLEXITY:
        return False
    return _complexity_exceeds([list(_tokens(parts)) for parts in distinct], MAX_COMPLEXITY)


def _tokens(parts: tuple[str, ...]) -> Iterator[str | None]:
    """The pattern as characters and asterisks, in the quotation marks in which event-ruler sees strings."""
    for number, part in enumerate(parts):
        yield from '"' if number == 0 else (_STAR,)
        yield from part
    yield '"'


def _upper_bound(parts: tuple[str, ...]) -> int:
    """A number that the complexity of one pattern can't exceed, cheap to find.

    Within a literal part only beginnings that end in the character just read can be matched, so there are
    no more of them at a time than the part has occurrences of one character.
    """
    later = [*parts[1:-1], parts[-1] + '"'] if len(parts) > 1 else []
    return 1 + sum(1 + max(Counter(part).values()) for part in later)


def _complexity_exceeds(patterns: list[list[str | None]], limit: int) -> bool:
    """Scan every set of beginnings that a text can match at once, until one is larger than the limit.

    Bit i of a set stands for the beginning that ends before token i; the patterns lie one after another.
    """
    starts = stars = at = 0
    after: dict[str, int] = {}
    for tokens in patterns:
        starts |= 1 << at
        for number, token in enumerate(tokens):
            if token is _STAR:
                stars |= 1 << (at + number)
            else:
                after[token] = after.get(token, 0) | 1 << (at + number)
        at += len(tokens) + 1
    counted = ~starts

    def closed(states: int) -> int:
        # An asterisk may stand for nothing, so what ends before it also ends after it. Two never adjoin.
        return states | (states & stars) << 1

    # What is before an asterisk stays alive by its after-state, which takes any character.
    loops = stars << 1
    seen = {starts}
    waiting = [starts]
    while waiting:
        states = waiting.pop()
        staying = states & loops
        for character in [character for character, before in after.items() if before & states] + [""]:
            reached = closed(staying | (states & after.get(character, 0)) << 1)
            if (reached & counted).bit_count() > limit or len(seen) > _MAX_STATES:
                return True
            if reached and reached not in seen:
                seen.add(reached)
                waiting.append(reached)
    return False
