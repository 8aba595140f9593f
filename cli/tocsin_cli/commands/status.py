"""`tocsin status`: what GET /status says of a stack."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from rich.table import Table

from tocsin_cli.cli import OPERATING, Cli, command
from tocsin_cli.output import fields
from tocsin_cli.text import counted, plain
from tocsin_cli.times import ago
from tocsin_cli.types import JsonObject, mapping, objects, text, whole


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, panel=OPERATING)
    def status(cli: Cli) -> None:
        """Show queues, dead letters with their reasons, lag, breakers that are not closed, and the latest errors."""
        said = cli.api.get("/status").object
        cli.out.item(said, lambda: _shown(said))


def _shown(said: JsonObject) -> Table:
    rows = [*_queues(said), *_letters(said), *_stream(said), *_breakers(said), *_errors(said), *_unknown(said)]
    return fields((plain(name), what) for name, what in rows)


def _queues(said: JsonObject) -> Iterator[tuple[str, str]]:
    for queue in objects(said.get("queues")):
        oldest = queue.get("oldest_seconds")
        age = f", the oldest for {oldest:g} s" if isinstance(oldest, int | float) and oldest else ""
        waiting, working = whole(queue.get("waiting")), whole(queue.get("in_flight"))
        delayed = whole(queue.get("delayed"))
        yield f"queue {text(queue, 'queue')}", f"{waiting} waiting, {working} worked on, {delayed} delayed{age}"


def _letters(said: JsonObject) -> Iterator[tuple[str, str]]:
    letters = objects(said.get("dead_letters"))
    for queue in letters:
        if not whole(queue.get("messages")):
            continue
        reasons = "; ".join(
            f"{whole(each.get('messages'))}× {text(each, 'reason')}" for each in objects(queue.get("reasons"))
        )
        yield f"dead letters {text(queue, 'queue')}", f"{whole(queue.get('messages'))}: {reasons or 'none was seen'}"
    if letters and not any(whole(queue.get("messages")) for queue in letters):
        yield "dead letters", "none"


def _stream(said: JsonObject) -> Iterator[tuple[str, str]]:
    for reader in objects(said.get("stream")):
        lag = reader.get("lag_seconds")
        behind = f"{lag:g} s behind" if isinstance(lag, int | float) else "not measured lately"
        yield f"stream {text(reader, 'reader')}", behind


def _breakers(said: JsonObject) -> Iterator[tuple[str, str]]:
    breakers = objects(said.get("breakers"))
    stopped = [each for each in breakers if text(each, "state") != "closed"]
    for each in stopped:
        since = text(each, "failing_since")  # one that a 410 disabled at once has none
        failing = f", failing since {ago(since)}" if since else f" since {ago(text(each, 'changed_at'))}"
        why = f": {text(each, 'last_failure')}" if each.get("last_failure") else ""
        yield f"breaker {text(each, 'transport')}", f"{text(each, 'state')}{why}{failing}"
    if breakers and not stopped:
        yield "breakers", f"{counted(len(breakers), 'transport')}, all closed"


def _errors(said: JsonObject) -> Iterator[tuple[str, str]]:
    errors = mapping(said.get("errors"))
    codes = objects(errors.get("codes"))
    for each in codes:
        yield (
            f"error {text(each, 'code')}",
            f"{whole(each.get('count'))}× by {text(each, 'function')}, {ago(text(each, 'latest'))}:"
            f" {text(each, 'message')}",
        )
    if errors and not codes:
        yield "errors", f"none since {ago(text(errors, 'since'))}"


def _unknown(said: JsonObject) -> Iterator[tuple[str, str]]:
    for each in objects(said.get("unknown")):
        yield f"unknown {text(each, 'part')}", text(each, "reason")
