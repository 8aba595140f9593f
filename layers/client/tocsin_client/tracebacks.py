"""Exceptions as JSON: what was raised, where, and what it came of. No variables, and bounded."""

from __future__ import annotations

import linecache
from collections.abc import Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

MAX_FRAMES = 50
MAX_DEPTH = 8
"""Exceptions that came of each other."""
MAX_GROUP = 10
"""Members of an exception group."""
MAX_NOTES = 10
_MAX_VALUE = 4_096  # characters
_MAX_LINE = 256
_MAX_EXCEPTIONS = 40  # of one event


def structured(exception: BaseException) -> dict[str, Any]:
    """{type, module, value, frames, notes, cause, context, exceptions}; what there is none of is left out.

    `frames` go from the outermost call to the raise: {file, line, function, source}. Of more than MAX_FRAMES those in
    the middle are left out, and one entry says how many.
    """
    return _structured(exception, MAX_DEPTH, [_MAX_EXCEPTIONS], set())


def message(exception: BaseException) -> str:
    """Return `KeyError: 'x'`: the last line of a traceback."""
    value = _value(exception)
    return f"{_name(exception)}: {value}" if value else _name(exception)


def _structured(exception: BaseException, depth: int, room: list[int], seen: set[int]) -> dict[str, Any]:
    seen.add(id(exception))
    room[0] -= 1
    told: dict[str, Any] = {
        "type": _name(exception),
        "module": type(exception).__module__,
        "value": _value(exception),
        "frames": list(_frames(exception.__traceback__)),
    }
    notes = getattr(exception, "__notes__", None)
    if isinstance(notes, (list, tuple)) and notes:
        told["notes"] = [_cut(str(note), _MAX_VALUE) for note in notes[:MAX_NOTES]]

    def follow(other: BaseException | None) -> dict[str, Any] | None:
        if other is None or id(other) in seen or depth <= 0 or room[0] <= 0:
            return None
        return _structured(other, depth - 1, room, seen)

    if cause := follow(exception.__cause__):
        told["cause"] = cause
    elif not exception.__suppress_context__ and (context := follow(exception.__context__)):
        told["context"] = context
    members = getattr(exception, "exceptions", None)  # ExceptionGroup, also that of the package for Python 3.10
    if isinstance(members, (list, tuple)):
        grouped = [follow(member) for member in members[:MAX_GROUP] if isinstance(member, BaseException)]
        told["exceptions"] = [member for member in grouped if member is not None]
        if len(members) > MAX_GROUP:
            told["exceptions"].append({"left_out": len(members) - MAX_GROUP})
    return told


def _frames(traceback: TracebackType | None) -> Iterator[dict[str, Any]]:
    first: list[TracebackType] = []
    last: list[TracebackType] = []
    left_out = 0
    while traceback is not None:
        if len(first) < MAX_FRAMES // 5:
            first.append(traceback)
        else:
            last.append(traceback)
            if len(last) > MAX_FRAMES - len(first):
                del last[0]
                left_out += 1
        traceback = traceback.tb_next
    yield from map(_frame, first)
    if left_out:
        yield {"left_out": left_out}
    yield from map(_frame, last)


def _frame(traceback: TracebackType) -> dict[str, Any]:
    code = traceback.tb_frame.f_code
    source = ""
    if code.co_filename != "<string>":  # which is all code that was made of texts, and for linecache that of `-c`
        source = linecache.getline(code.co_filename, traceback.tb_lineno, traceback.tb_frame.f_globals).strip()
    return {
        "file": code.co_filename,
        "line": traceback.tb_lineno,
        "function": getattr(code, "co_qualname", code.co_name),  # from Python 3.11 on
        "source": _cut(source, _MAX_LINE),
    }


def _name(exception: BaseException) -> str:
    return type(exception).__qualname__


def _value(exception: BaseException) -> str:
    try:
        return _cut(str(exception), _MAX_VALUE)
    except Exception as error:  # noqa: BLE001 - its own __str__ may raise anything
        return f"<no text: {type(error).__name__}>"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
