"""Text for a terminal: what others wrote, made harmless; sparklines; states and severities in colour."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Control characters (C0, C1, DEL) and those that turn the direction of what follows: a user name in an event must
# not be able to write to the terminal or to make a line read as another one (CVE-2021-42574).
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_BARS = "▁▂▃▄▅▆▇█"

STYLES = {
    "delivered": "green",
    "active": "green",
    "closed": "green",
    "ok": "green",
    "create": "green",
    "warning": "yellow",
    "retrying": "yellow",
    "held": "yellow",
    "queued": "yellow",
    "delivering": "yellow",
    "pending": "yellow",
    "draining": "yellow",
    "update": "yellow",
    "unknown": "yellow",
    "failed": "red",
    "alert": "red",
    "open": "red",
    "disabled": "red",
    "delete": "red",
    "discarded": "dim",
    "dropped": "dim",
    "waiting": "yellow",
    "joined": "green",
    "over": "dim",
    "notice": "cyan",
}
"""The colour of a word that says how things stand."""


LONGEST_LINE = 500
"""Characters of a message that is shown in a line."""


def plain(written: str) -> str:
    """`written` on one line, with nothing in it that a terminal obeys."""
    return _UNSAFE.sub(lambda found: " " if found[0] in "\n\r\t" else "\N{REPLACEMENT CHARACTER}", written)


def brief(written: str) -> str:
    """The same, of at most LONGEST_LINE characters: an event's message may be as long as an event."""
    line = plain(written)
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def plain_lines(written: str) -> str:
    """The same, lines and tabs kept."""
    return _UNSAFE.sub(lambda found: found[0] if found[0] in "\n\t" else "\N{REPLACEMENT CHARACTER}", written)


def escaped(dumped: str) -> str:
    """JSON, or YAML's double quotes, with the same characters as escapes: so it stays the same document."""
    return _UNSAFE.sub(lambda found: found[0] if found[0] in "\n\t" else f"\\u{ord(found[0]):04x}", dumped)


def sparkline(values: Sequence[int]) -> str:
    """A bar a value, the highest one full; a blank for zero."""
    top = max(values, default=0)
    if top <= 0:
        return " " * len(values)
    return "".join(
        " " if value <= 0 else _BARS[min(len(_BARS) - 1, value * len(_BARS) // (top + 1))] for value in values
    )


def rebinned(values: Sequence[int], width: int) -> list[int]:
    """`values` in at most `width` sums of neighbours."""
    if len(values) <= width:
        return list(values)
    return [sum(values[len(values) * at // width : len(values) * (at + 1) // width]) for at in range(width)]


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 rule`, `3 rules`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
