"""Cursors of lists: where the next page begins, as text that callers hand back as it is.

A cursor is the JSON of a string in base64url: the position, after the name of what it is of where that matters.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

import orjson

from tocsin.errors import Invalid, Violation
from tocsin.records import dataclass

_MAX_KEY = 1024  # bytes: what DynamoDB takes as a sort key
_NOT_OURS = "is none of ours; take it from the answer before, as it is"


def _any(position: str) -> None:
    """Take every position: a list goes on after a name, whether there is one of that name or not."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one list.

    `of` tells it from other lists whose cursors could be mistaken for its own, `other` is what is said of those;
    positions then hold no blank. `check` raises ValueError for a text that can't be a position.
    """

    of: str = ""
    other: str = ""
    check: Callable[[str], object] = _any

    def write(self, position: str | None) -> str | None:
        """Return the cursor of `position`; None for None, the end."""
        if position is None:
            return None
        held = f"{self.of} {position}" if self.of else position
        return base64.urlsafe_b64encode(orjson.dumps(held)).decode().rstrip("=")

    def read(self, cursor: str | None) -> str | None:
        """Return the position that `cursor` holds; None where there is none. Invalid for a cursor that is another's."""
        if cursor is None:
            return None
        position = _held(cursor)
        if self.of:
            of, _, position = position.rpartition(" ")
            if of != self.of:
                raise Invalid([Violation("cursor", self.other)])
        try:
            self.check(position)
        except ValueError:
            raise _not_ours() from None
        return position


NAMES = Cursors()
"""Of lists that go on after a name or a key."""


def _held(cursor: str) -> str:
    try:
        held = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise _not_ours() from None
    if not isinstance(held, str) or len(held.encode("utf-8", "surrogatepass")) > _MAX_KEY:
        raise _not_ours()
    return held


def _not_ours() -> Invalid:
    return Invalid([Violation("cursor", _NOT_OURS)])
