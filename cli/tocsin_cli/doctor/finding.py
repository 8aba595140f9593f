"""What a check found, and how checks are run: one that breaks says so, and stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tocsin_cli.errors import CliError
from tocsin_cli.types import JsonObject


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of a check; `hint` says what to do."""

    check: str
    state: State
    message: str
    hint: str = ""

    def to_json(self) -> JsonObject:
        """{check, state, message, hint}"""
        return {"check": self.check, "state": self.state.value, "message": self.message, "hint": self.hint or None}


type Check = Callable[[], Iterable[Finding]]


def run(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """The findings of all checks, as they come."""
    for name, check in checks:
        try:
            yield from check()
        except CliError as error:
            yield Finding(name, State.UNKNOWN, f"can't tell: {error}", error.hint or "")


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check, State.OK, message)


def warning(check: str, message: str, hint: str = "") -> Finding:
    """Something that may be meant, or will go wrong."""
    return Finding(check, State.WARNING, message, hint)


def failed(check: str, message: str, hint: str = "") -> Finding:
    """Something that is wrong now."""
    return Finding(check, State.FAILED, message, hint)


def unknown(check: str, message: str, hint: str = "") -> Finding:
    """Nothing could be found out."""
    return Finding(check, State.UNKNOWN, message, hint)
