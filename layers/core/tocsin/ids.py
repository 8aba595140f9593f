"""Ids that sort by time: UUID version 7 (RFC 9562, section 5.7), as lower-case canonical text.

An id holds 48 bits of Unix time in milliseconds, so that text order is time order and an event's day can
be read off its id, and 74 bits that tell ids of one millisecond apart: random for events, a digest for
what follows from an event (notifications, deliveries), so that a replay derives the same ids again.
"""

import hashlib
import os
import re
import threading
import time
from datetime import UTC, datetime

from tocsin.times import from_milliseconds, to_milliseconds

_LAST_MILLISECOND = to_milliseconds(datetime.max.replace(tzinfo=UTC))

_TAIL_BITS = 74
_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE)
_DERIVATION = b"tocsin derived id 1"
"""Goes into every digest. Another way of deriving needs another label, or old and new ids could clash."""


class IdError(ValueError):
    """The text is no id of ours; the message says why."""


class _Sequence:
    """Hands out (milliseconds, tail) pairs that rise within a millisecond, for all threads of the process.

    RFC 9562, section 6.2, method 2: the first tail of a millisecond is random, each further one is its
    predecessor plus a random step, so that ids stay unguessable and still sort as they were made.
    """

    _REMEMBERED = 256
    """Milliseconds whose last tail is kept: producers send batches whose times go back and forth."""

    _ROLLBACK_HELD = 10_000
    """When the clock steps back by up to this many milliseconds, the time last given is held (RFC 9562,
    6.1). After a greater step the old time was the wrong one, and ids follow the new clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tails: dict[int, int] = {}
        self._latest = 0

    def at(self, milliseconds: int) -> tuple[int, int]:
        """The next pair for a time that the caller chose."""
        with self._lock:
            return self._next(milliseconds)

    def now(self) -> tuple[int, int]:
        """The next pair for the clock's time."""
        with self._lock:
            milliseconds = time.time_ns() // 1_000_000
            if 0 < self._latest - milliseconds <= self._ROLLBACK_HELD:
                milliseconds = self._latest
            self._latest, tail = self._next(milliseconds)
            return self._latest, tail

    def _next(self, milliseconds: int) -> tuple[int, int]:
        last = self._tails.pop(milliseconds, None)
        if last is None:
            # One bit short of the field, so that it takes 2**41 ids of one millisecond to run over.
            tail = int.from_bytes(os.urandom(10)) >> (80 - _TAIL_BITS + 1)
        else:
            tail = last + 1 + int.from_bytes(os.urandom(4))
            if tail >> _TAIL_BITS:
                return self._next(milliseconds + 1)
        self._tails[milliseconds] = tail
        if len(self._tails) > self._REMEMBERED:
            del self._tails[next(iter(self._tails))]
        return milliseconds, tail


_sequence = _Sequence()


def _start_afresh() -> None:  # pragma: no cover - runs in forked children
    global _sequence  # noqa: PLW0603 - a forked child must not go on with its parent's tails or lock
    _sequence = _Sequence()


os.register_at_fork(after_in_child=_start_afresh)


def new_id(at: datetime | None = None) -> str:
    """A fresh id for the time ``at`` (default: now), cut to the millisecond; without a zone it is UTC.

    Ids that one process makes for the same millisecond sort in the order in which they were made.
    Raises IdError for a time before 1970, which a UUID can't hold.
    """
    if at is None:
        return _compose(*_sequence.now())
    if at.utcoffset() is None:
        at = at.replace(tzinfo=UTC)
    milliseconds = to_milliseconds(at)
    if not 0 <= milliseconds <= _LAST_MILLISECOND:
        raise IdError(f"{at.isoformat()} is outside of 1970 to 9999: an id can't hold it")
    return _compose(*_sequence.at(milliseconds))


def parse_id(text: str) -> str:
    """The id in canonical form (36 characters, lower case); upper case is accepted.

    Raises IdError when the text is not a UUID with its four hyphens, is of another version or variant,
    or has a time after the year 9999, which no event can have.
    """
    if len(text) != 36 or not _CANONICAL.fullmatch(text):
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise IdError(f"{shown!r} is not a UUID: expected 32 hexadecimal digits as 8-4-4-4-12")
    canonical = text.lower()
    if canonical[14] != "7":
        raise IdError(f"{canonical} is a UUID of version {canonical[14]}: expected version 7")
    if canonical[19] not in "89ab":
        raise IdError(f"{canonical} is a UUID of another variant than RFC 9562's")
    if _milliseconds(canonical) > _LAST_MILLISECOND:
        raise IdError(f"{canonical} has a time after the year 9999")
    return canonical


def id_time(id: str) -> datetime:  # noqa: A002 - the field's name is "id"
    """When the id was made, in UTC, to the millisecond. Raises IdError as `parse_id` does."""
    return from_milliseconds(_milliseconds(parse_id(id)))


def id_prefix(moment: datetime) -> str:
    """The 13 characters that all ids of `moment`'s millisecond begin with; before 1970, those of 1970."""
    digits = f"{max(to_milliseconds(moment), 0):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def first_id(moment: datetime) -> str:
    """The least id of `moment`'s millisecond: a bound for ranges of ids, never the id of an event."""
    return f"{id_prefix(moment)}-7000-8000-000000000000"


def derived_id(event_id: str, *parts: str) -> str:
    """The id of something that follows from an event: the same parts always give the same id.

    It has the event id's time, so that it sorts with its event; the other 74 bits are cut from a SHA-256
    over the event id and the parts, each led by its length, so that ("ab", "c") is not ("a", "bc").
    Raises IdError when ``event_id`` is not an id.
    """
    event_id = parse_id(event_id)
    digest = hashlib.sha256(_DERIVATION)
    for part in (event_id, *parts):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8))
        digest.update(encoded)
    tail = int.from_bytes(digest.digest()[:10]) >> (80 - _TAIL_BITS)
    return _compose(_milliseconds(event_id), tail)


def spellings_of(key: str) -> tuple[str, ...]:
    """The texts that a primary key may stand as: of a UUID with hyphens and without, in small letters and capitals.

    `key` itself is the first. Frameworks write the UUIDs of their users in one way, and people copy them in another.
    """
    if not _UUID.fullmatch(key):
        return (key,)
    usual = usual_spelling(key)
    digits = usual.replace("-", "")
    return tuple(dict.fromkeys((key, usual, digits, usual.upper(), digits.upper())))


def usual_spelling(key: str) -> str:
    """The one of `spellings_of` that all have in common: of a UUID the one with hyphens in small letters."""
    if not _UUID.fullmatch(key):
        return key
    digits = key.replace("-", "").lower()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _milliseconds(canonical: str) -> int:
    return int(canonical[:8] + canonical[9:13], 16)


def _compose(milliseconds: int, tail: int) -> str:
    """The UUID of 48 bits of time, version 7, the tail's upper 12 bits, variant 0b10, its lower 62."""
    number = milliseconds << 80 | 0x7 << 76 | (tail >> 62) << 64 | 0b10 << 62 | tail & ((1 << 62) - 1)
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
