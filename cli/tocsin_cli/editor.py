"""Entries in the user's own editor: as YAML, checked by the API, opened again with what is wrong in it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tocsin_cli.blueprint.documents import parse_document
from tocsin_cli.errors import CliError, ExitCode, Fault, Invalid, UsageError
from tocsin_cli.output import to_yaml
from tocsin_cli.types import JsonObject

_FILE = "the file"
_MARK = "# ! "
"""Begins the lines that say what is wrong; they are taken out when the file comes back."""


class Unchanged(CliError):
    """The file came back as it was: nothing is sent, and that is no failure."""

    exit_code = ExitCode.OK


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What is wrong with what was written: the line (None for all of it), the path there, and what."""

    line: int | None
    path: str
    message: str


def edit_entry(
    entry: JsonObject | str, title: str, save: Callable[[JsonObject], JsonObject], *, must_change: bool = True
) -> JsonObject:
    """Let the user edit an entry until `save` takes it; what `save` gives.

    `entry` is an object or the text of a template. Raises Unchanged where nothing was edited, and what `save` raises
    where the user leaves what is wrong as it is; what was written is then kept in a file that the error names.
    """
    original = entry if isinstance(entry, str) else to_yaml(entry)
    text = original
    told: list[_Wrong] = []
    while True:
        edited = _without_marks(_in_editor(_with_marks(text, title, told)))
        if edited.strip() == original.strip() and must_change and not told:
            raise Unchanged("nothing was edited, and nothing changed")
        if not edited.strip():
            raise Unchanged("the file came back empty, and nothing changed")
        if told and edited == text:
            faults = [Fault(_place(each, 0), each.message) for each in told]
            raise _kept(Invalid("what is wrong was left as it is", faults), edited)
        text = edited
        try:
            document = parse_document(_FILE, edited)
        except Invalid as error:
            told = [_Wrong(_line_in(fault.where), "", fault.message) for fault in error.faults]
            told = told or [_Wrong(None, "", str(error))]
            continue
        if document.says_nothing:
            raise Unchanged("nothing but comments came back, and nothing changed")
        try:
            return save(document.content)
        except Invalid as error:
            told = [_Wrong(document.line_of(fault.where), fault.where, fault.message) for fault in error.faults]
            told = told or [_Wrong(None, "", str(error))]
        except CliError as error:  # somebody else was faster, or nobody answers
            raise _kept(error, edited) from None


def _line_in(place: str) -> int | None:
    """The line of `file:12`."""
    number = place.rpartition(":")[2]
    return int(number) if number.isdecimal() else None


def _place(wrong: _Wrong, offset: int) -> str:
    parts = [
        *([f"line {wrong.line + offset}"] if wrong.line is not None else []),
        *([wrong.path] if wrong.path else []),
    ]
    return ", ".join(parts)


def _with_marks(text: str, title: str, told: Sequence[_Wrong]) -> str:
    """The text below what there is to say; lines are told as the editor counts them."""
    lines = [title, "Save to send it; leave it as it is, or empty, to change nothing."]
    offset = len(lines) + len(told)
    for each in told:
        place = _place(each, offset)
        lines.append(" ".join(f"WRONG {f'{place}: ' if place else ''}{each.message}".split()))
    return "".join(f"{_MARK}{line}\n" for line in lines) + text


def _without_marks(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(_MARK.rstrip()))


def _in_editor(text: str) -> str:
    own = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not own and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("there is no terminal to edit at", hint="give fields or --file, or set EDITOR")
    command = shlex.split(own or "vi")
    handle, name = tempfile.mkstemp(prefix="tocsin-", suffix=".yaml")
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            status = subprocess.run([*command, name], check=False).returncode  # noqa: S603 - the user's own editor
        except OSError as error:
            raise CliError(f"the editor {command[0]!r} can't be run: {error.strerror}", hint="set EDITOR") from None
        if status != 0:
            raise CliError(f"the editor ended with status {status}: nothing changed")
        written = path.read_bytes()
        try:
            return written.decode()
        except UnicodeDecodeError:
            raise _kept(Invalid("what the editor wrote is not UTF-8"), written) from None
    finally:
        path.unlink(missing_ok=True)


def _kept[E: CliError](error: E, written: str | bytes) -> E:
    """The error, with a hint at where the user's work is."""
    handle, name = tempfile.mkstemp(prefix="tocsin-edited-", suffix=".yaml")
    with os.fdopen(handle, "wb") as file:
        file.write(written.encode() if isinstance(written, str) else written)
    error.hint = f"what you wrote is kept in {name}"
    return error
