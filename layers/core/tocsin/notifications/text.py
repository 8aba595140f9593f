"""Text that may stand in somebody else's message: free of what breaks it, and no longer than it may be."""

import re
from collections.abc import Mapping
from itertools import accumulate

MARK = "…"
"""Stands where something was cut, so that a reader knows that there was more."""

_BROKEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and newline; directional overrides and isolates, which reorder the text
around them; lone surrogates, which no UTF-8 can hold."""

_LINE_END = re.compile("\r\n?|\u2028|\u2029")


def plain(text: str) -> str:
    """`text` without control characters and directional overrides; lone surrogates become U+FFFD.

    Line ends become newlines. What is left can be encoded as UTF-8 and read in the order in which it stands.
    """
    return _BROKEN.sub(_replacement, _LINE_END.sub("\n", text))


def _replacement(found: re.Match[str]) -> str:
    return "\ufffd" if "\ud800" <= found[0] <= "\udfff" else ""


def one_line(text: str) -> str:
    """`plain` text with every run of white space, line ends included, made one blank."""
    return " ".join(plain(text).split())


def units(text: str) -> int:
    """How long `text` is in UTF-16 code units, as JavaScript counts: never less than its characters.

    Services don't say whether their limits count characters or code units; who keeps to these keeps to both.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int, escapes: Mapping[str, str] | None = None) -> str:
    """`text` with `escapes` applied to each character, in at most `limit` code units (see `units`).

    What is too long ends with a mark. Neither a character nor an escape is ever split. `limit` is at least 1, and no
    escape is empty.
    """
    escapes = escapes or {}
    if len(text) <= limit:  # most are: character by character they took more than the rest of a chat message
        whole = text.translate({ord(character): escape for character, escape in escapes.items()})
        if units(whole) <= limit:
            return whole
    pieces = [escapes.get(character, character) for character in text[:limit]]
    fitting = sum(used <= limit - len(MARK) for used in accumulate(map(units, pieces)))
    return "".join(pieces[:fitting]).rstrip() + MARK


def cut_line(text: str, limit: int, ending: str = "") -> str:
    """`text` as one line of at most `limit` code units, cut before `ending` where it ends with that.

    An `ending` that would leave no room is cut as all else is.
    """
    line, kept = one_line(text), one_line(ending)
    room = limit - units(kept) - 1
    if units(line) <= limit or not kept or room < 1 or not line.endswith(kept):
        return cut(line, limit)
    return f"{cut(line.removesuffix(kept).rstrip(), room)} {kept}"


def cut_bytes(text: str, limit: int) -> str:
    """`text` in at most `limit` bytes of UTF-8, which is at least 3. What is too long ends with a mark."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return text
    return encoded[: limit - len(MARK.encode())].decode("utf-8", "ignore").rstrip() + MARK
