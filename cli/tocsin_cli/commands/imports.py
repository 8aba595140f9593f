"""`tocsin import`: files of events, each stored once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.progress import Progress, TaskID

from tocsin_cli.cli import EVENTS, Cli, command
from tocsin_cli.commands.send import complete_action
from tocsin_cli.errors import CliError, ExitCode, UsageError
from tocsin_cli.files import STDIN, shown
from tocsin_cli.importing.progress import Bookmark, Reached, Trail
from tocsin_cli.importing.records import EventMaker, Record, Shape
from tocsin_cli.importing.sending import batches, send
from tocsin_cli.importing.sources import FileFormat, Opened, Source
from tocsin_cli.text import counted
from tocsin_cli.times import parse_fixed
from tocsin_cli.types import JsonObject

_NO_DELIMITERS = '"\r\n\0'
_SHOWN = 10
"""Refused records that are told apart; the rest is counted, and all are in --rejects."""


@dataclass
class _Tally:
    """What became of the records of one file."""

    name: str
    stored: int = 0
    refused: int = 0
    skipped: int = 0
    refused_before: int = 0
    """Those among `skipped` that an earlier run told of as refused."""
    told: list[str] = field(default_factory=list)

    def to_json(self) -> JsonObject:
        return {"file": self.name, "stored": self.stored, "refused": self.refused, "skipped": self.skipped}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "import", panel=EVENTS)
    def import_(
        cli: Cli,
        files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Files, also gzipped; - is standard input.")],
        form: Annotated[
            FileFormat, typer.Option("--format", metavar="FORMAT", help="auto, jsonl, csv or cloudtrail.")
        ] = FileFormat.AUTO,
        mapped: Annotated[
            list[str] | None,
            typer.Option(
                "--map",
                metavar="FIELD=NAME",
                help="Which column or dotted member a field is in, as --map user.username=actor.login.",
            ),
        ] = None,
        action: Annotated[
            str | None,
            typer.Option(metavar="ACTION", help="The action of all records.", autocompletion=complete_action),
        ] = None,
        app_: Annotated[str | None, typer.Option("--app", metavar="NAME", help="The app of all records.")] = None,
        at: Annotated[
            str | None,
            typer.Option(metavar="MOMENT", help="The time of records that have none, as 2026-03-01T12:00:00Z."),
        ] = None,
        time_format: Annotated[
            str | None,
            typer.Option(metavar="FORMAT", help="How times are written (strptime), where not ISO 8601 or seconds."),
        ] = None,
        delimiter: Annotated[
            str | None, typer.Option(metavar="CHARACTER", help="What separates columns; found out by default.")
        ] = None,
        rejects: Annotated[
            Path | None,
            typer.Option(metavar="FILE", help="Write what is refused here, as JSON lines, with the reasons."),
        ] = None,
        again: Annotated[bool, typer.Option("--again", help="Send all records, also those of an earlier run.")] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Write the events as JSON lines, and send none.")
        ] = False,
    ) -> None:
        """Import files of events: JSON lines, CSV, or CloudTrail.

        Ids follow from the records, so each is stored once, however often it is sent. A run that was stopped goes on
        where it was; a file that has grown, with what is new. What `tocsin events -o ndjson` wrote can be imported.
        Events older than the setting event_retention are refused, and so are Tocsin's own, of the app tocsin.
        """
        columns = dict(_pair(each) for each in mapped or [])
        constants = {name: value for name, value in (("action", action), ("app", app_)) if value is not None}
        moment = None if at is None else parse_fixed(at, "--at")  # ids follow from it
        if delimiter is not None and (len(delimiter) != 1 or delimiter in _NO_DELIMITERS):
            raise UsageError(f"--delimiter: {delimiter!r} is no character that separates columns; a tab is $'\\t'")
        shape = Shape(columns, constants, moment, time_format)
        sources = [Source(name, form, delimiter, frozenset(columns.values())) for name in files]
        if dry_run:
            _show_events(cli, sources, shape)
            return
        reading = repr((form, delimiter, sorted(columns.items()), sorted(constants.items()), at, time_format))
        tallies: list[_Tally] = []
        with ExitStack() as opened:
            opened.callback(_report, cli, tallies, rejects)
            bar = opened.enter_context(cli.out.progress())
            file = None
            if rejects is not None:  # half of a surrogate pair is written as the escape that it was read as
                file = opened.enter_context(rejects.open("w", encoding="utf-8", errors="backslashreplace"))
            run = _Run(cli, shape, reading, bar, file, again=again)
            for source in sources:
                run.file(source, tallies)
        if any(tally.refused for tally in tallies):
            raise typer.Exit(ExitCode.FAILED)


class _Run:
    """One run over several files."""

    def __init__(
        self, cli: Cli, shape: Shape, reading: str, bar: Progress, rejects: TextIO | None, *, again: bool
    ) -> None:
        self._cli = cli
        self._shape = shape
        self._reading = reading
        self._bar = bar
        self._rejects = rejects
        self._again = again

    def file(self, source: Source, tallies: list[_Tally]) -> None:
        """Send a file's records from where the last run was, counting them in one more of `tallies`."""
        tally = _Tally(shown(source.name))
        bookmark = None if source.name == STDIN else Bookmark.of(self._cli.api.url, source.name, self._reading)
        reached = Reached() if bookmark is None or self._again else bookmark.read()
        if reached.records and self._unchanged(source, reached):
            tally.skipped, tally.refused_before = reached.records, reached.refused
        task = self._bar.add_task(tally.name, total=source.size, more="")
        trail = Trail()
        with source.opened() as opened:
            tallies.append(tally)
            records = _records(opened, self._shape)
            for _, record in zip(range(tally.skipped), records, strict=False):
                trail.add(_id(record))
            for batch in batches(records):
                for outcome in send(self._cli.api, batch):
                    trail.add(_id(outcome.record))
                    self._count(tally, outcome.record, outcome.wrong)
                if bookmark is not None:
                    noted = self._noted(bookmark, trail.reached(tally.refused_before + tally.refused))
                    bookmark = bookmark if noted else None
                self._move(task, opened, tally)

    def _noted(self, bookmark: Bookmark, reached: Reached) -> bool:
        """Whether it could be noted how far this got; where not, the next run sends again what this one has sent."""
        try:
            bookmark.write(reached)
        except OSError as error:
            self._cli.out.warn(f"how far this gets can't be kept in {bookmark.path.parent}: {error.strerror}")
            return False
        return True

    def _unchanged(self, source: Source, reached: Reached) -> bool:
        """Whether what the last run sent is still what the file begins with."""
        trail = Trail()
        with source.opened() as opened:
            for _, record in zip(range(reached.records), _records(opened, self._shape), strict=False):
                trail.add(_id(record))
        if trail.reached(reached.refused) == reached:
            return True
        self._cli.out.warn(f"{source.name} has changed since the last run: it is sent from its beginning")
        return False

    def _count(self, tally: _Tally, record: Record, wrong: str | None) -> None:
        if wrong is None:
            tally.stored += 1
            return
        tally.refused += 1
        if len(tally.told) < _SHOWN:
            tally.told.append(f"{record.place}: {wrong}")
        if self._rejects is not None:
            said: JsonObject = {"place": record.place, "reason": wrong, "event": record.event}
            self._rejects.write(json.dumps(said, ensure_ascii=False) + "\n")

    def _move(self, task: TaskID, opened: Opened, tally: _Tally) -> None:
        more = f"{tally.stored:,} stored" + (f", {tally.refused:,} refused" if tally.refused else "")
        self._bar.update(task, completed=opened.position, more=more)


def _records(opened: Opened, shape: Shape) -> Iterator[Record]:
    maker = EventMaker(shape)
    return (maker.make(raw) for raw in opened.records())


def _id(record: Record) -> str:
    return "" if record.event is None else str(record.event["id"])


def _pair(given: str) -> tuple[str, str]:
    field_, equals, name = given.partition("=")
    if not equals or not field_ or not name:
        raise UsageError(f"--map {given!r} is not FIELD=NAME")
    return field_, name


def _show_events(cli: Cli, sources: list[Source], shape: Shape) -> None:
    wrong = 0
    for source in sources:
        with source.opened() as opened:
            for record in _records(opened, shape):
                if record.event is None:
                    wrong += 1
                    cli.out.warn(f"{record.place}: {record.wrong}")
                else:
                    cli.out.line(record.event)
    if wrong:
        raise CliError(f"{counted(wrong, 'record')} can't become an event")


def _report(cli: Cli, tallies: list[_Tally], rejects: Path | None) -> None:
    for tally in tallies:
        for line in tally.told:
            cli.out.warn(line)
        if tally.refused > len(tally.told):
            cli.out.warn(f"{tally.name}: and {tally.refused - len(tally.told):,} more")
        skipped = f", {counted(tally.skipped, 'record')} of an earlier run not sent again" if tally.skipped else ""
        refused_before = f" (of which {tally.refused_before:,} were refused)" if tally.refused_before else ""
        refused = f", {tally.refused:,} refused" if tally.refused else ""
        cli.out.done(f"{tally.name}: {counted(tally.stored, 'event')} stored{refused}{skipped}{refused_before}")
    if not cli.out.for_people:
        cli.out.items([tally.to_json() for tally in tallies], (), none="")
    if rejects is not None and any(tally.refused for tally in tallies):
        cli.out.note(f"what was refused, and why: {rejects}")
