# Made by `make shared` from layers/core/tocsin/events/written_objects.py: change that.
"""Objects that stand in a text, as JSON or as a dump: ``{"field": "password", "old": "…", "new": "…"}``.

What `tocsin.events.redact` hides of an object that comes as one is masked where it stands, at whatever depth of quotes,
and the rest of the text stays as it is. What is cut off, or no JSON from somewhere on, is read as far as it goes.
"""

from tocsin_client._shared import regex as re
from collections.abc import Callable
from typing import NamedTuple

from tocsin_client._shared.secret_names import MASK, QUOTE, end_of_quoted
from tocsin_client._shared.types import Json, JsonObject

_BLANK = r"(?:\s|\\{1,31}+[nrt])*+"
_OPENING = re.compile(rf"\{{{_BLANK}(?P<quote>{QUOTE})")
_BLANKS = re.compile(_BLANK)
_SIGN = re.compile(rf"{_BLANK}(?::|=>){_BLANK}")
_COMMA = re.compile(rf"(?:{_BLANK},)?+{_BLANK}")
_BARE = re.compile(r"[\w.+-]{1,64}+")
_NUMBER = re.compile(r"-?\d++(?:\.\d++)?+(?:[eE][+-]?\d++)?+")
_NOTHING = frozenset({"null", "None", "nil", "undefined", "true", "True", "false", "False"})

_Hide = Callable[[JsonObject], JsonObject]
"""Gives an object, or one like it that has the mask in place of what is to be hidden."""


def mask_objects(text: str, hide: _Hide) -> str:
    """The text with what `hide` hides of the objects in it masked."""
    begin: dict[str, list[int]] = {}
    for opening in _OPENING.finditer(text):
        begin.setdefault(opening["quote"], []).append(opening.start())
    hidden = [value for quote, starts in begin.items() for value in _Reader(text, quote, hide).hidden(starts)]
    parts: list[str] = []
    done = 0
    for value in sorted(hidden):
        if value.start >= done:  # else it stands within one that is masked
            parts += [text[done : value.start], value.mask]
            done = value.end
    return "".join(parts) + text[done:]


class _Value(NamedTuple):
    """Where a value stands in the text, without its quotes if it has any, and what to put there."""

    start: int
    end: int
    mask: str


class _Open:
    """An object or a list that has begun and not ended."""

    def __init__(self, start: int, *, is_object: bool) -> None:
        self.start = start
        self.items: list[Json] = []
        self.members: JsonObject | None = {} if is_object else None
        self.values: dict[str, list[_Value]] = {}
        self.key = ""

    def add(self, said: Json, value: _Value) -> None:
        if self.members is None:
            self.items.append(said)
        else:
            self.members[self.key] = said
            self.values.setdefault(self.key, []).append(value)


class _Reader:
    """Reads the objects of a text whose strings are in the same quotes. No character is read more than a few times."""

    def __init__(self, text: str, quote: str, hide: _Hide) -> None:
        self._text = text
        self._quote = quote
        self._hide = hide
        self._open: list[_Open] = []
        self._hidden: list[_Value] = []

    def hidden(self, starts: list[int]) -> list[_Value]:
        """Return the values to mask of the objects that begin at `starts`, and of those within them."""
        reached = 0
        for start in starts:
            if start >= reached:
                reached = self._read(start)
                while self._open:  # what is cut off, or no JSON
                    self._end(reached)
        return self._hidden

    def _read(self, start: int) -> int:
        """Read the object that begins there. Return where it ends, or where it is no JSON any more."""
        at = self._begin(start)
        while self._open:
            now = self._open[-1]
            sign = None if now.members is None else self._named(now, at)
            if self._text[at : at + 1] == ("]" if now.members is None else "}"):
                at += 1
                self._end(at)
            elif now.members is not None and sign is None:
                break
            else:
                at = at if sign is None else sign
                if self._text[at : at + 1] in {"{", "["}:
                    at = self._begin(at)
                    continue
                said = self._scalar(now, at)
                if said is None:
                    break
                at = said
            comma = _COMMA.match(self._text, at)
            at = comma.end() if comma else at
        return at

    def _begin(self, start: int) -> int:
        self._open.append(_Open(start, is_object=self._text[start] == "{"))
        blanks = _BLANKS.match(self._text, start + 1)
        return blanks.end() if blanks else start + 1

    def _named(self, now: _Open, at: int) -> int | None:
        """Read the name of a member. Return where its value begins; None where there is no name and sign."""
        string = self._string(at)
        sign = _SIGN.match(self._text, string.end + len(self._quote)) if string else None
        if string is None or sign is None:
            return None
        now.key = self._text[string.start : string.end]
        return sign.end()

    def _scalar(self, now: _Open, at: int) -> int | None:
        """Read a string, number or word. Return where it ends; None where there is none."""
        string = self._string(at)
        if string:
            now.add(self._text[string.start : string.end], string)
            return min(string.end + len(self._quote), len(self._text))
        bare = _BARE.match(self._text, at)
        if bare is None:
            return None
        now.add(_meant(bare[0]), _Value(at, bare.end(), self._quoted_mask))
        return bare.end()

    @property
    def _quoted_mask(self) -> str:
        return f"{self._quote}{MASK}{self._quote}"

    def _string(self, at: int) -> _Value | None:
        """Where a string is; one without its closing quote goes to the end of the line."""
        if not self._text.startswith(self._quote, at):
            return None
        start = at + len(self._quote)
        end = end_of_quoted(self._text, start, self._quote)
        if end is None:
            line = self._text.find("\n", start)
            end = len(self._text) if line < 0 else line
        return _Value(start, end, MASK)

    def _end(self, at: int) -> None:
        ended = self._open.pop()
        if self._open:
            said: Json = ended.items if ended.members is None else ended.members
            self._open[-1].add(said, _Value(ended.start, at, self._quoted_mask))
        if ended.members:
            shown = self._hide(ended.members)
            for key, values in ended.values.items():
                if shown[key] == MASK != ended.members[key]:
                    self._hidden += [value for value in values if value.start < value.end]


def _meant(word: str) -> Json:
    if word in _NOTHING:
        return None
    return float(word) if _NUMBER.fullmatch(word) else word
