"""What commands show: tables for people; JSON, YAML and lines of JSON for programs.

Data goes to standard output, everything said about it to standard error, so that `tocsin … -o json | jq` always works.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Literal

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tocsin_cli.text import STYLES, escaped, plain
from tocsin_cli.types import Json, JsonObject

if TYPE_CHECKING:
    from rich.progress import Progress

_ROOMY = 150
"""Columns of a terminal from which on a table shows all it has."""
_GAP = 2
"""Columns between two columns of a table."""
_WIDE = 100_000
"""Columns where there is no terminal: nothing is wrapped or cut for a pipe."""


class Format(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NDJSON = "ndjson"


class Colour(StrEnum):
    """When colours are used."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading and what it shows of an item."""

    title: str
    value: Callable[[JsonObject], Any]
    cut: bool = False
    """Whether it gives way, cut with an ellipsis, where the terminal is narrow."""
    state: bool = False
    """Whether its words have colours: states and severities."""
    extra: bool = False
    """Whether it is left out where the terminal is narrow."""
    whole: bool = False
    """Whether it is never cut nor left out: what the item is called, which the next command is given."""
    least: int = 8
    """Columns of the terminal that it has at least, or it is left out."""


class ReaderGone(Exception):
    """Whoever read our output, as `head`, has enough."""


class _Console(Console):
    """rich's console, which ends the program with its own exit code where the reader is gone."""

    def on_broken_pipe(self) -> None:
        raise ReaderGone


class Output:
    """Writes results in one format."""

    def __init__(self, form: Format = Format.TABLE, colour: Colour = Colour.AUTO) -> None:
        self.form = form
        self.console = _console(colour, stderr=False)
        self.err = _console(colour, stderr=True)

    @property
    def for_people(self) -> bool:
        """Whether the format is the table."""
        return self.form is Format.TABLE

    def items(self, items: Iterable[JsonObject], columns: Sequence[Column], *, none: str) -> int:
        """Write a list; how many there were. `none` is said where there are none."""
        if self.form is Format.NDJSON:
            count = 0
            for item in items:
                self.line(item)
                count += 1
            return count
        gathered = list(items)
        if not self.for_people:
            self._dump(list(gathered))
        elif gathered:
            self.console.print(self._table(gathered, columns))
        else:
            self.note(none)
        return len(gathered)

    def item(self, item: Json, shown: Callable[[], RenderableType]) -> None:
        """Write one thing; `shown` makes what people see of it."""
        if self.form is Format.NDJSON:
            self.line(item)
        elif self.for_people:
            self.console.print(shown())
        else:
            self._dump(item)

    def data(self, item: Json) -> None:
        """Write one thing for programs; people are told of it in other words."""
        if not self.for_people:
            self.item(item, Text)

    def line(self, item: Json) -> None:
        """Write one line of JSON, at once."""
        self.write(_compact(item) + "\n")

    def note(self, message: str, *, style: str = "") -> None:
        """Tell people something beside the data."""
        self.err.print(Text(message, style=style))

    def done(self, message: str) -> None:
        """Tell people that something was done."""
        self.err.print(Text.assemble(("✓ ", "green"), message))

    def warn(self, message: str) -> None:
        """Tell people of something that they may not expect."""
        self.err.print(Text.assemble(("! ", "yellow"), message))

    def status(self, message: str) -> AbstractContextManager[object]:
        """Show that something takes a while; on a terminal only."""
        return self.err.status(message) if sys.stderr.isatty() else nullcontext()

    def progress(self) -> Progress:
        """A progress bar on standard error; silent where that is no terminal."""
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[more]}"),
            TimeRemainingColumn(),
            console=self.err,
            disable=not sys.stderr.isatty(),
            transient=True,
        )

    def _table(self, items: Sequence[JsonObject], all_columns: Sequence[Column]) -> Table:
        columns = [column for column in all_columns if not column.extra or self.console.width >= _ROOMY]
        rows = [{column: _cell(column, item) for column in columns} for item in items]
        wanted = {column: max(map(cell_len, [column.title, *(str(row[column]) for row in rows)])) for column in columns}
        table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False, padding=(0, _GAP, 0, 0))
        widths = _widths(wanted, self.console.width)
        for column, width in widths.items():
            overflow: Any = "fold" if column.whole else "ellipsis"
            table.add_column(column.title, no_wrap=not column.whole, overflow=overflow, width=width)
        for row in rows:
            table.add_row(*(row[column] for column in widths))
        return table

    def _dump(self, value: Json) -> None:
        if self.form is Format.YAML:
            self.write(to_yaml(value))
        else:
            self.write(escaped(json.dumps(value, indent=2, ensure_ascii=False)) + "\n")

    def write(self, written: str) -> None:
        """Write text as it is to standard output: rich would wrap and colour what a program reads.

        What a program reads is UTF-8 (RFC 8259, 8.1), whatever the terminal's encoding.
        """
        file = self.console.file
        if isinstance(file, TextIOWrapper) and not file.isatty():
            file.flush()
            file.buffer.write(written.encode("utf-8", "backslashreplace"))
        else:
            file.write(written)
        file.flush()


def fields(pairs: Iterable[tuple[str, RenderableType | None]]) -> Table:
    """Names and values under each other; those without a value are left out."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None and value != "":
            table.add_row(name, Text(plain(value)) if isinstance(value, str) else value)
    return table


def styled(word: str) -> Text:
    """A state or severity in its colour."""
    return Text(plain(word), style=STYLES.get(word, ""))


def to_yaml(value: Json) -> str:
    """Block style, members in their order, text of several lines as such; nothing in it that a terminal obeys."""
    from tocsin_cli.yaml_text import dump

    return dump(value)


def _compact(value: Json) -> str:
    return escaped(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _widths(wanted: Mapping[Column, int], room: int) -> dict[Column, int]:
    """How wide each column is that there is room for: whole ones as wide as they want, unless they alone are too wide.

    Columns that can't have their least are left out, the last first and those that give way at the end.
    """
    shown = list(wanted)
    optional = [each for each in shown if each.cut] + [each for each in shown if not each.cut and not each.whole]
    least = {each: wanted[each] if each.whole else min(wanted[each], each.least) for each in shown}
    while optional and sum(least[each] for each in shown) + _GAP * (len(shown) - 1) > room:
        shown.remove(optional.pop())
    left = room - sum(least[each] for each in shown) - _GAP * (len(shown) - 1)
    widths = {each: least[each] for each in shown}
    for each in sorted(shown, key=lambda column: column.cut):
        more = min(wanted[each] - widths[each], max(left, 0))
        widths[each], left = widths[each] + more, left - more
    if left < 0:  # whole columns alone are too wide: they are folded
        widths = {each: max(width + left // len(widths), 1) for each, width in widths.items()}
    return widths


def _cell(column: Column, item: JsonObject) -> RenderableType:
    value = column.value(item)
    if isinstance(value, Text):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    written = plain(", ".join(map(str, value)) if isinstance(value, list) else str(value))
    return styled(written) if column.state else Text(written)


def _console(colour: Colour, *, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    system: Literal["auto"] | None = None if colour is Colour.NEVER else "auto"
    console = _Console(
        file=stream,
        force_terminal=True if colour is Colour.ALWAYS else None,
        color_system=system,
        highlight=False,
        markup=False,
        emoji=False,
    )
    if not stream.isatty() and colour is not Colour.ALWAYS:
        console.width = _WIDE
    return console
