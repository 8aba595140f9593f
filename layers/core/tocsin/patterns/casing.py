"""Comparing text without regard to case, as event-ruler does it.

A character of a pattern stands for itself, its lower case and its upper case, each taken alone. That is
neither `lower()` on both sides (the pattern "straße" matches "STRASSE") nor `casefold()` (it does not match
"strasse"). Source: aws/event-ruler, EqualsIgnoreCaseParser.
"""

from __future__ import annotations

import re
from functools import lru_cache


def fold(text: str) -> str:
    """A key that is equal for all texts that one pattern can match, and sometimes for others.

    It maps each character by itself, so the key of a beginning of a text is a beginning of the text's key.
    For ASCII texts equal keys mean equal texts; others must be compared again.
    """
    return text.lower() if text.isascii() else text.upper().casefold()


def equal(text: str, pattern: str) -> bool:
    """Whether the text is the pattern but for case."""
    if text.isascii() and pattern.isascii():
        return text.lower() == pattern.lower()
    return _expression(pattern).fullmatch(text) is not None


def starts_with(text: str, pattern: str) -> bool:
    """Whether the text begins with the pattern but for case."""
    if text.isascii() and pattern.isascii():
        return text[: len(pattern)].lower() == pattern.lower()
    return _expression(pattern).match(text) is not None


def ends_with(text: str, pattern: str) -> bool:
    """Whether the text ends with the pattern but for case."""
    if text.isascii() and pattern.isascii():
        return len(pattern) <= len(text) and text[len(text) - len(pattern) :].lower() == pattern.lower()
    # No character has a form of more than three, so the end that can match is at most that long.
    start = max(0, len(text) - 3 * len(pattern))
    return any(_expression(pattern).fullmatch(text, at) for at in range(start, len(text) + 1))


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_forms(character) for character in pattern))


def _forms(character: str) -> str:
    forms = {character, character.lower(), character.upper()}
    # Of two forms the longer first: one may be the beginning of the other.
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    return f"(?:{'|'.join(re.escape(form) for form in ordered)})"
