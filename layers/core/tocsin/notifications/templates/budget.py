"""What a customer's template may still evaluate: counted, so that each rendering ends soon, and small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from tocsin.records import dataclass

MAX_TEXT = 64 * 1024
"""Characters of a text that a filter or `~` makes."""
MAX_WORK = 100_000
"""Units; about one a microsecond. A table of 1,000 rows takes some 15,000."""

_CHARACTERS_A_UNIT = 64


class TemplateRejected(ValueError):
    """A template is not allowed, or failed on the data; the message says why, and where it can the line."""


@dataclass(slots=True)
class _Work:
    left: int = MAX_WORK

    def spend(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise TemplateRejected(f"the template does more work than it may ({MAX_WORK} units)")


_work: ContextVar[_Work | None] = ContextVar("work", default=None)


@contextmanager
def counted() -> Iterator[None]:
    """What is spent inside is counted together, from nothing."""
    token = _work.set(_Work())
    try:
        yield
    finally:
        _work.reset(token)


def spend(amount: int) -> None:
    """Counts `amount` units. Raises TemplateRejected when they are used up.

    Outside of `counted` (Jinja2 evaluates constant parts when it compiles) each call counts for itself.
    """
    (_work.get() or _Work()).spend(amount)


def spend_for(text: Sequence[object]) -> None:
    """Counts what it takes to make or to put out `text`, by its length."""
    spend(1 + len(text) // _CHARACTERS_A_UNIT)


def bounded[T: Sequence[object]](value: T) -> T:
    """A text or a list, counted by its length. Raises TemplateRejected for a text longer than `MAX_TEXT`."""
    if isinstance(value, str):
        refuse_long(len(value))
    spend_for(value)
    return value


def refuse_long(length: int) -> None:
    """Raises TemplateRejected for a length over `MAX_TEXT`: before a text of that length is made."""
    if length > MAX_TEXT:
        raise TemplateRejected(f"no text may be longer than {MAX_TEXT} characters")
