"""What can go wrong, and the exit code that tells a script of it.

CliError                  1  failed
├── UsageError           64  the command line is not one that can be run
├── NotFound              3  there is no such thing (404)
├── Refused               4  the key is unknown, or may not do this (401, 403)
├── Unavailable           5  no answer, or one that says to try later (5xx)
│   └── TooMany           5  … (429)
├── Invalid               6  the input is wrong (400, 413, 415, 422, a file that can't be read)
└── Conflict              7  somebody else was faster, or something still names it (409, 412)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Exit codes of all commands. docs/cli.md is made from the descriptions."""

    OK = 0
    FAILED = 1
    WOULD_CHANGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNAVAILABLE = 5
    INVALID = 6
    CONFLICT = 7
    USAGE = 64
    INTERRUPTED = 130


MEANING: dict[ExitCode, str] = {
    ExitCode.OK: "It was done.",
    ExitCode.FAILED: "It failed, or a part of it did: a check of `doctor`, a record of `import`, a test.",
    ExitCode.WOULD_CHANGE: "`diff` and `apply --dry-run`: something would change.",
    ExitCode.NOT_FOUND: "There is no such thing.",
    ExitCode.REFUSED: "The key is not known, or lacks the scope.",
    ExitCode.UNAVAILABLE: "No answer, or one that says to try again later.",
    ExitCode.INVALID: "The input is wrong: a file, a field, a test of a rule that does not hold.",
    ExitCode.CONFLICT: "Somebody else changed it first, or something still names it.",
    ExitCode.USAGE: "The command line itself is wrong.",
    ExitCode.INTERRUPTED: "Ctrl-C.",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the input: where (a path, or file:line) and what."""

    where: str
    message: str


class CliError(Exception):
    """A command can't do what was asked. The text is for people and holds no secret."""

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, faults: Sequence[Fault] = (), *, hint: str | None = None) -> None:
        super().__init__(message)
        self.faults = tuple(faults)
        self.hint = hint
        """What to do about it, where that is known."""
        self.results: Sequence[Mapping[str, Any]] = ()
        """What became of each event of a batch that was not taken as a whole."""


class UsageError(CliError):
    """The arguments contradict each other, or one can't be read."""

    exit_code = ExitCode.USAGE


class NotFound(CliError):
    """There is no such thing, or nothing that the key may know of."""

    exit_code = ExitCode.NOT_FOUND


class Refused(CliError):
    """The key is unknown, or lacks a scope."""

    exit_code = ExitCode.REFUSED


class Unavailable(CliError):
    """The API did not answer, or says to try again later."""

    exit_code = ExitCode.UNAVAILABLE


class TooMany(Unavailable):
    """The API was asked too often, or sent more events than the key may send in a minute."""


class Invalid(CliError):
    """The input is wrong; `faults` name each place."""

    exit_code = ExitCode.INVALID


class Conflict(CliError):
    """Somebody else changed the same thing, or it is still in use."""

    exit_code = ExitCode.CONFLICT
