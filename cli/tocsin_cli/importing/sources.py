"""The files of an import: JSON lines, CSV and CloudTrail, also gzipped, read record by record."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from tocsin_cli.errors import Invalid
from tocsin_cli.files import STDIN, shown
from tocsin_cli.importing import cloudtrail
from tocsin_cli.importing.records import Raw
from tocsin_cli.types import Json, JsonObject, objects

_LONGEST_LINE = 4 << 20
_LARGEST_DOCUMENT = 512 << 20
_COLUMN_NAMES = {
    "timestamp": "created",
    "time": "created",
    "date": "created",
    "username": "user.username",
    "user": "user.username",
    "email": "user.email",
    "user_pk": "user.pk",
    "user_id": "user.pk",
    "ip": "client_ip",
    "ip_address": "client_ip",
    "message": "context.message",
}
"""What columns of a CSV file usually mean, where --map does not say otherwise."""


class FileFormat(StrEnum):
    """How a file is read."""

    AUTO = "auto"
    JSON = "jsonl"
    CSV = "csv"
    CLOUDTRAIL = "cloudtrail"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import; `-` is standard input."""

    name: str
    form: FileFormat = FileFormat.AUTO
    delimiter: str | None = None
    mapped: frozenset[str] = frozenset()
    """Columns that --map names: they mean what it says, whatever they are called."""

    @property
    def size(self) -> int | None:
        """Bytes on disk; None where that is not known."""
        try:
            return None if self.name == STDIN else Path(self.name).stat().st_size
        except OSError:
            return None

    @contextmanager
    def opened(self) -> Iterator[Opened]:
        """The file, open for one reading. Raises Invalid where it can't be read."""
        if self.name == STDIN:
            yield Opened(self, sys.stdin.buffer)
            return
        with ExitStack() as held:
            try:
                raw = held.enter_context(Path(self.name).open("rb"))
            except FileNotFoundError:
                raise Invalid(f"there is no file {self.name}") from None
            except OSError as error:
                raise Invalid(f"{self.name} can't be read: {error.strerror}") from None
            yield Opened(self, raw)


class Opened:
    """A file under way. `position` is how many of its bytes were read."""

    def __init__(self, source: Source, raw: BinaryIO) -> None:
        self._source = source
        self._raw = raw
        buffered = io.BufferedReader(cast(io.RawIOBase, raw)) if not isinstance(raw, io.BufferedReader) else raw
        zipped = buffered.peek(2)[:2] == b"\x1f\x8b"
        self._stream = io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=buffered))) if zipped else buffered

    @property
    def position(self) -> int:
        """Bytes of the file, as it is on disk, that were read."""
        return self._raw.tell() if self._raw.seekable() else 0

    def records(self) -> Iterator[Raw]:
        """What stands in the file, in its order. Raises Invalid where it is not what it is said to be."""
        try:
            yield from self._records()
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise Invalid(f"{shown(self._source.name)}: the gzip is broken: {error}") from None

    def _records(self) -> Iterator[Raw]:
        form = self._source.form
        bare = self._source.name.removesuffix(".gz")
        if form is FileFormat.CSV or (form is FileFormat.AUTO and bare.endswith((".csv", ".tsv"))):
            yield from self._rows()
            return
        for raw in self._documents():
            record = raw.content
            if record is not None and (
                form is FileFormat.CLOUDTRAIL or (form is FileFormat.AUTO and cloudtrail.is_record(record))
            ):
                yield Raw(raw.place, cloudtrail.event_of(record), identity=cloudtrail.identity_of(record))
            else:
                yield raw

    def _documents(self) -> Iterator[Raw]:
        """JSON objects: one a line, or those of one document."""
        number, first = self._first_line()
        start = first.lstrip()[:1]
        whole = start == b"[" or (start == b"{" and not _is_json(first))
        if not whole:
            container = _parsed(first)
            if isinstance(container, dict) and _held(container) is not None:
                yield from self._containers(first, number)
            else:
                yield from self._lines(first, number)
            return
        rest = self._stream.read(_LARGEST_DOCUMENT)
        if len(rest) >= _LARGEST_DOCUMENT:
            raise Invalid(f"{shown(self._source.name)} is one document of more than 512 MiB: write JSON lines")
        try:
            content: Json = json.loads(first + rest)
        except (ValueError, RecursionError) as error:
            raise Invalid(f"{shown(self._source.name)} is no JSON: {error}") from None
        items = content if isinstance(content, list) else _held(content) if isinstance(content, dict) else None
        for number, item in enumerate([content] if items is None else items, 1):
            yield self._raw_of(item, f"record {number}")

    def _containers(self, first: bytes, at: int) -> Iterator[Raw]:
        """The records of documents of AWS, one document a line, as of several files."""
        records = 0
        for raw in self._lines(first, at):
            held = None if raw.content is None else _held(raw.content)
            if held is None:
                yield raw
            for item in held or ():
                records += 1
                yield self._raw_of(item, f"record {records}")

    def _first_line(self) -> tuple[int, bytes]:
        """The first line that says something, and its number; without the mark of its encoding."""
        number, line = 1, self._stream.readline(_LONGEST_LINE).removeprefix(codecs.BOM_UTF8)
        while line and not line.strip():
            number, line = number + 1, self._stream.readline(_LONGEST_LINE)
        return number, line

    def _lines(self, first: bytes, at: int) -> Iterator[Raw]:
        lines = chain([first], iter(lambda: self._stream.readline(_LONGEST_LINE), b""))
        for number, line in enumerate(lines, at):
            if not line.strip():
                continue
            if len(line) >= _LONGEST_LINE:
                raise Invalid(f"{shown(self._source.name)}:{number}: the line has more than 4 MiB")
            try:
                yield self._raw_of(json.loads(line), number)
            except (ValueError, RecursionError) as error:
                yield Raw(self._place(number), None, f"is no JSON: {error}")

    def _raw_of(self, item: Json, where: int | str) -> Raw:
        place = self._place(where)
        if not isinstance(item, dict):
            return Raw(place, None, "is no JSON object")
        return Raw(place, item)

    def _rows(self) -> Iterator[Raw]:
        text = io.TextIOWrapper(self._stream, "utf-8-sig", newline="")
        try:
            names, before = text.readline(_LONGEST_LINE), 0
            while names and not names.strip():
                names, before = text.readline(_LONGEST_LINE), before + 1
            delimiter = self._source.delimiter or _delimiter(names, self._source.name)
            csv.field_size_limit(_LONGEST_LINE)
            reader = csv.DictReader(chain([names], text) if names else (), delimiter=delimiter, restkey="")
            found = reader.fieldnames or ()
            reader.fieldnames = [each if each.strip() else f"column_{at}" for at, each in enumerate(found, 1)]
            for row in reader:
                yield self._row(row, before + reader.line_num)
        except UnicodeDecodeError:
            raise Invalid(f"{shown(self._source.name)} is not UTF-8") from None
        except csv.Error as error:
            raise Invalid(f"{shown(self._source.name)} is no CSV: {error}") from None
        finally:
            text.detach()

    def _row(self, row: dict[str, str | list[str]], line: int) -> Raw:
        place = self._place(line)
        if any(map(str.strip, row.pop("", ()))):  # a line may end with delimiters that the first one does not have
            return Raw(place, None, "has more values than the first line has names")
        content: JsonObject = {}
        for name, value in row.items():
            if not isinstance(value, str) or not value.strip():
                continue
            known = name if name in self._source.mapped else _COLUMN_NAMES.get(name.strip().lower(), name.strip())
            content[known] = value
        return Raw(place, content, foreign=True)

    def _place(self, where: int | str) -> str:
        return f"{shown(self._source.name)}:{where}"


def _held(document: JsonObject) -> list[Json] | None:
    """The records that a document of AWS holds: CloudTrail's own, or those of `aws cloudtrail lookup-events`."""
    records = document.get("Records")
    if isinstance(records, list):
        return records
    if "Events" in document:
        return [_parsed(str(each.get("CloudTrailEvent"))) for each in objects(document["Events"])]
    return None


def _parsed(written: bytes | str) -> Json:
    try:
        return cast(Json, json.loads(written))
    except (ValueError, RecursionError):
        return None


def _is_json(line: bytes) -> bool:
    return _parsed(line) is not None


def _delimiter(names: str, name: str) -> str:
    if ".tsv" in Path(name).name:
        return "\t"
    try:
        return csv.Sniffer().sniff(names.rstrip("\r\n"), ",;\t|").delimiter
    except csv.Error:
        return ","
