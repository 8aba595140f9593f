"""Records to POST /events, in batches, until each is stored or refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tocsin_cli.api import NDJSON_TYPE, Api, json_bytes
from tocsin_cli.errors import CliError, Fault, Invalid, TooMany, Unavailable
from tocsin_cli.importing.records import Record
from tocsin_cli.types import JsonObject, objects, text, whole

MAX_EVENTS = 500
MAX_BYTES = 1 << 20
_PATIENCE = 90.0  # seconds: a key that sends too much is let in again with the next minute
_TRIES = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a record: its event is stored, or `wrong` says why not."""

    record: Record
    wrong: str | None = None


def batches(records: Iterable[Record]) -> Iterator[list[tuple[Record, bytes]]]:
    """The records with their lines, as many at a time as one request takes; those without an event among them."""
    batch: list[tuple[Record, bytes]] = []
    size = 0
    for record in records:
        line = b"" if record.event is None else json_bytes(record.event)
        if batch and (len(batch) == MAX_EVENTS or size + len(line) + 1 > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((record, line))
        size += len(line) + 1
    if batch:
        yield batch


def send(
    api: Api, batch: Sequence[tuple[Record, bytes]], *, sleep: Callable[[float], object] = time.sleep
) -> list[Outcome]:
    """What became of each record of a batch, in order. Raises CliError where the API takes none for now."""
    outcomes: dict[int, Outcome] = {}
    first: dict[str, int] = {}
    repeats: dict[int, int] = {}
    for position, (record, line) in enumerate(batch):
        if record.event is None:
            outcomes[position] = Outcome(record, record.wrong)
        elif len(line) > MAX_BYTES:
            outcomes[position] = Outcome(record, f"the event has {len(line):,} bytes; at most {MAX_BYTES:,} are taken")
        else:
            same = first.setdefault(text(record.event, "id"), position)
            if same != position and batch[same][1] == line:
                repeats[position] = same
            elif same != position:
                outcomes[position] = Outcome(record, f"has the id of {batch[same][0].place}, and says something else")
    waiting = list(first.values())
    for attempt in range(_TRIES):
        if not waiting:
            break
        if attempt:
            sleep(min(0.25 * 2**attempt, 5.0))
        results = _post(api, [batch[position][1] for position in waiting])
        for position, result in zip(waiting, results, strict=True):
            status = whole(result.get("status"))
            if not (status in {408, 425, 429} or status >= 500):
                outcomes[position] = Outcome(batch[position][0], None if status < 300 else _why(result))
        waiting = [position for position in waiting if position not in outcomes]
    if waiting:
        raise Unavailable(f"{len(waiting)} events are not stored: the API asks again and again to try later")
    outcomes |= {position: Outcome(batch[position][0], outcomes[same].wrong) for position, same in repeats.items()}
    return [outcomes[position] for position in range(len(batch))]


def _post(api: Api, lines: Sequence[bytes]) -> list[JsonObject]:
    """A result for each line: {status, …}."""
    try:
        answer = api.send(
            "POST",
            "/events",
            data=b"\n".join(lines),
            content_type=NDJSON_TYPE,
            repeatable=True,
            patience=_PATIENCE,
            divides=len(lines) > 1,
        )
        results = objects(answer.object.get("results"))
    except TooMany:
        if len(lines) == 1:
            raise
        # Fewer may have room in this minute; one waits for the next.
        half = len(lines) // 2
        return [result for some in (lines[:half], lines[half:]) for result in _post(api, some)]
    except CliError as error:
        results = [dict(result) for result in error.results]
        if not results and not isinstance(error, Invalid):
            raise
        if not results and len(lines) > 1:
            # One of them spoils the request: find it.
            return [result for line in lines for result in _post(api, [line])]
        if not results:
            return [{"status": 422, "detail": _said(error.faults) or str(error)}]
    if len(results) != len(lines):
        raise Unavailable("the API answered for another number of events than were sent")
    return results


def _why(result: JsonObject) -> str:
    faults = [Fault(text(each, "path"), text(each, "message")) for each in objects(result.get("errors"))]
    return _said(faults) or text(result, "detail") or text(result, "title") or f"refused ({result.get('status')})"


def _said(faults: Sequence[Fault]) -> str:
    return "; ".join(f"{fault.where}: {fault.message}" if fault.where else fault.message for fault in faults)
