"""How much work a regular expression is, judged by its text.

RE2, which the runtime uses, takes time linear in the text it searches, but with a factor as large as the
pattern's compiled program, and it compiles the program anew at each call. Counted repetitions and Unicode
classes make that program large: `\\pL{100}` is nine characters and 100 ms. So the size is estimated here
first, from above. Measured on RE2 as of cel-expr-python 0.1.3.
"""

import re
from typing import Final

UNICODE_CLASS: Final = 5000
"""Units of a class such as `\\pL`, which compiles to hundreds of byte ranges."""

WIDE: Final = 12
"""Units of `.`, `\\S`, `[^a]`: what matches most of Unicode needs its whole UTF-8 automaton."""

_LITERALS = re.compile(r"(\(\?i\))?[^\[\](){}.*+?\\]*")
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_BRACED = re.compile(r"\\[pPx]\{[^}]*\}")
_REPEAT = re.compile(r"\{(\d+)(,?)(\d*)\}")


def is_literal(pattern: str) -> bool:
    """Tell whether `pattern` only has literal alternatives (`curl|wget`, `(?i)admin$`).

    Their automaton is a small one whatever the text, so that a search is linear with a small factor.
    """
    return _LITERALS.fullmatch(pattern) is not None


def units(pattern: str) -> int:
    """Return an upper estimate of the size of the program that RE2 makes of `pattern`.

    One unit is one instruction for one plain ASCII character, 0.25 µs to compile.
    """
    return _Meter(pattern).total()


class _Meter:
    """Reads a pattern from left to right, with one running total for each open group."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        # Under (?i) a character becomes a class of its cases.
        self._character = 4 if re.search(r"\(\?\w*i", pattern) else 1
        self._groups = [1]
        self._last = 0  # units of the last atom, which a repetition multiplies

    def total(self) -> int:
        at = 0
        while at < len(self._pattern):
            at = self._step(at)
        while len(self._groups) > 1:  # unbalanced: RE2 refuses it, but the estimate must not be low
            self._close()
        return self._groups[0]

    def _add(self, size: int) -> None:
        self._groups[-1] += size
        self._last = size

    def _close(self) -> None:
        if len(self._groups) > 1:
            self._add(self._groups.pop() + 2)

    def _step(self, at: int) -> int:
        pattern, character = self._pattern, self._pattern[at]
        if character == "\\":
            return self._escape(at)
        if character == "[" and (found := _CLASS.match(pattern, at)):
            body = found[0]
            unicode_classes = body.count("\\p") + body.count("\\P")
            self._add(WIDE + 2 * len(body) * self._character + UNICODE_CLASS * unicode_classes)
            return found.end()
        if character == "{" and (found := _REPEAT.match(pattern, at)):
            least = int(found[1])
            most = int(found[3]) if found[3] else least + bool(found[2])
            # Optional repetitions nest, and take eight times as long to compile.
            self._repeat(max(least, 1) + 8 * max(most - least, 0))
            return found.end()
        if character in "*+?":
            self._groups[-1] += 2
        elif character == "(":
            self._groups.append(0)
        elif character == ")":
            self._close()
        elif character == ".":
            self._add(WIDE)
        else:
            self._add(self._character * len(character.encode("utf-8", "replace")))
        return at + 1

    def _escape(self, at: int) -> int:
        pattern = self._pattern
        kind = pattern[at + 1 : at + 2]
        if kind == "Q":  # literal text up to \E
            end = pattern.find("\\E", at)
            end = len(pattern) if end < 0 else end
            self._add(4 * self._character * (end - at))
            return end + 2
        self._add(UNICODE_CLASS if kind in "pP" and kind else WIDE * self._character)
        braced = _BRACED.match(pattern, at)
        return braced.end() if braced else at + 2

    def _repeat(self, times: int) -> None:
        self._groups[-1] += self._last * (times - 1)
        self._last *= times
