"""Remarks that the matcher adds to a notification's sentence, in English, and their translation.

A remark travels with its message as a text. `translated` recognizes the texts that this module makes; any other, as
another version made it, stays as it is.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.notifications.translations import Catalogue

_HELD_BACK = "and %(count)s more held back"
_NOT_ACKNOWLEDGED = "escalated: step %(step)s, nobody acknowledged it within %(span)s"
_NOT_SEEN = "escalated: step %(step)s, nobody has seen it within %(span)s"

_ACKNOWLEDGED = "acknowledged by %(who)s at %(time)s"
_OVER_SINCE = "over since %(time)s"
_BETWEEN = "; "

MESSAGES = frozenset((_HELD_BACK, _NOT_ACKNOWLEDGED, _NOT_SEEN, _ACKNOWLEDGED, _OVER_SINCE))
"""The messages of this module, as in the catalogues."""

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))
_FORMS = {message: re.compile(re.sub(r"%\((\w+)\)s", r"(?P<\1>.+)", message)) for message in MESSAGES}
"""Each message as a regular expression; none has other characters that mean something there."""


def held_back(count: int) -> str:
    """Say that a throttle held back `count` more notifications before this one."""
    return _HELD_BACK % {"count": f"{count:,}"}


def escalated(step: int, after: timedelta, *, unless_seen: bool) -> str:
    """Say which step of an escalation tells this, 1 for the first, and what did not happen for so long."""
    return (_NOT_SEEN if unless_seen else _NOT_ACKNOWLEDGED) % {"step": step, "span": in_short(after)}


def acknowledged(who: str, at: datetime) -> str:
    """Say that somebody acknowledged it while the message waited."""
    return _ACKNOWLEDGED % {"who": who, "time": f"{at:%Y-%m-%d %H:%M} UTC"}


def over_since(at: datetime) -> str:
    """Say that it ended while the message waited."""
    return _OVER_SINCE % {"time": f"{at:%Y-%m-%d %H:%M} UTC"}


def both(first: str | None, second: str) -> str:
    """Return two remarks as one."""
    return second if first is None else f"{first}{_BETWEEN}{second}"


def in_short(span: timedelta) -> str:
    """Return a time in days, hours and minutes, rounded down, without those that are none: `1 h 30 min`."""
    parts = []
    for unit, length in _UNITS:
        count, span = divmod(span, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 min"


def translated(remark: str, catalogue: Catalogue) -> str:
    """Return a remark in the language of `catalogue`."""
    for message, form in _FORMS.items():
        found = form.fullmatch(remark)
        if found is not None:
            return catalogue.gettext(message) % found.groupdict()
    first, _, second = remark.partition(_BETWEEN)
    return f"{translated(first, catalogue)}{_BETWEEN}{translated(second, catalogue)}" if second else remark
