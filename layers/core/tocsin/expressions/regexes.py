"""How much work a regular expression is, judged by its text.

RE2, which the runtime uses, takes time linear in the text it searches, but with a factor as large as the
pattern's program, and it compiles the program anew at each call. Counted repetitions and Unicode classes
make it large: `\\pL{100}` is nine characters and 100 ms. So both are estimated here first, from above.
Measured on the RE2 of cel-expr-python 0.1.3.
"""

import re
from typing import Final

_LITERALS = re.compile(r"(\(\?i\))?[^\[\](){}.*+?\\]*")
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_BRACED = re.compile(r"\\[pPx]\{[^}]*\}")
_REPEAT = re.compile(r"\{(\d+)(,?)(\d*)\}")
_FOLDED = re.compile(r"\(\?\w*i")
_UNICODE = re.compile(r"\\[pP]")
_MOST_OF_UNICODE = re.compile(r"\\[A-Zx]|\^|[^\x00-\x7f]")


def is_literal(pattern: str) -> bool:
    """Tell whether `pattern` only has literal alternatives (`curl|wget`, `(?i)admin$`).

    Their automaton is a small one whatever the text, so that a search is linear with a small factor.
    """
    return _LITERALS.fullmatch(pattern) is not None


def compile_ns(pattern: str) -> int:
    """Return an upper estimate of the nanoseconds that RE2 takes to compile `pattern`."""
    # `.` and `[^a]` compile to the automaton of all UTF-8, a class such as \pL to one of hundreds of ranges.
    return 3_000 + 500 * _Meter(pattern, wide=12, unicode=2_500).total()


def search_ns(pattern: str) -> int:
    """Return an upper estimate of the nanoseconds that a search for `pattern` takes for each byte of text.

    Most are searched in 2 ns a byte. But where what has been read so far can stand for very many states,
    as in `a.{20}b`, each byte costs a look at every character of the pattern, repetitions multiplied out.
    """
    return 10 if is_literal(pattern) else max(10, 8 * _Meter(pattern, wide=4, unicode=40).total())


class _Meter:
    """Adds up the characters of a pattern, one running total for each open group.

    A plain character counts 1, so the total is near the number of instructions of the program.
    """

    def __init__(self, pattern: str, *, wide: int, unicode: int) -> None:
        self._pattern: Final = pattern
        self._wide: Final = wide
        self._unicode: Final = unicode
        self._character: Final = 3 if _FOLDED.search(pattern) else 1
        self._groups = [1]
        self._last = 0  # the size of the last atom, which a repetition multiplies

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
            self._add(self._class(found[0]))
            return found.end()
        if character == "{" and (found := _REPEAT.match(pattern, at)):
            least = int(found[1])
            self._repeat(least, int(found[3]) if found[3] else least + bool(found[2]))
            return found.end()
        if character in "*+?":
            self._groups[-1] += 2
        elif character == "(":
            self._groups.append(0)
        elif character == ")":
            self._close()
        elif character == ".":
            self._add(self._wide)
        else:
            self._add(self._character * len(character.encode("utf-8", "replace")))
        return at + 1

    def _class(self, body: str) -> int:
        size = self._character * (1 + len(body) // 2) + self._unicode * len(_UNICODE.findall(body))
        return size + self._wide + len(body) if _MOST_OF_UNICODE.search(body) else size

    def _escape(self, at: int) -> int:
        pattern = self._pattern
        kind = pattern[at + 1 : at + 2]
        if kind == "Q":  # literal text up to \E
            end = pattern.find("\\E", at)
            end = len(pattern) if end < 0 else end
            self._add(4 * self._character * (end - at))
            return end + 2
        unicode_class = kind in ("p", "P")
        if unicode_class:
            self._add(self._unicode)
        else:
            self._add(self._wide if kind.isupper() else 4 * self._character)
        if braced := _BRACED.match(pattern, at):
            return braced.end()
        return at + (3 if unicode_class else 2)  # \pL, \d

    def _repeat(self, least: int, most: int) -> None:
        optional = max(most - max(least, 1), 0)
        size = self._last * max(least, 1) + optional * (self._last + 2 + optional // 250)
        self._groups[-1] += size - self._last
        self._last = size
