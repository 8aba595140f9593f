"""Late reads of the emulator's tables: what is put around its writes and reads.

The emulator's tables are plain dictionaries that its event loop's thread alone changes (but for the TTL reaper, each
minute). So one read is shown the past by putting the old items back, reading, and undoing that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, cast

from local.corrections.late_reads import LateReads

type Table = dict[str, Any]
type Item = dict[str, Any]
type SetItem = Callable[[Table, str, str, Item], Item | None]
type RemoveItem = Callable[[Table, str, str], Item | None]
type Handler = Callable[[Mapping[str, Any]], object]
"""An operation of the emulator's: the request's JSON to an answer."""


class LateTables:
    """Shows readers the past of the emulator's tables."""

    def __init__(
        self,
        reads: LateReads,
        *,
        set_item: SetItem,
        remove_item: RemoveItem,
        table_named: Callable[[str], Table | None],
        exempt: Callable[[Mapping[str, str]], bool] = lambda _headers: False,
    ) -> None:
        """Goes by `reads`; `exempt` says by a request's headers who sees the present: tests' own eyes, say."""
        self._reads = reads
        self._set = set_item
        self._remove = remove_item
        self._table_named = table_named
        self._exempt = exempt
        self._in_time: ContextVar[bool] = ContextVar("reads-in-time", default=False)

    # what is put in the place of the emulator's functions

    def set_item(self, table: Table, hash_value: str, range_value: str, item: Item) -> Item | None:
        """Stores an item, and takes note of what it was."""
        before = self._set(table, hash_value, range_value, item)
        self._reads.wrote(_identity(table), (hash_value, range_value), before)
        return before

    def remove_item(self, table: Table, hash_value: str, range_value: str) -> Item | None:
        """Deletes an item, and takes note of what it was."""
        before = self._remove(table, hash_value, range_value)
        if before is not None:
            self._reads.wrote(_identity(table), (hash_value, range_value), before)
        return before

    def handling[T](self, handle: Callable[..., T]) -> Callable[..., T]:
        """Remembers who is exempt, while a request is handled."""

        def handle_for(method: str, path: str, headers: Mapping[str, str], *rest: object) -> T:
            self._in_time.set(self._exempt(headers))
            return handle(method, path, headers, *rest)

        return handle_for

    def reading(self, read: Handler) -> Handler:
        """Makes GetItem, Query, Scan or BatchGetItem late, for each table that it need not read consistently."""

        def read_late(request: Mapping[str, Any]) -> object:
            with ExitStack() as past:
                for name in () if self._in_time.get() else _inconsistent(request):
                    table = self._table_named(name)
                    if table is not None:
                        past.enter_context(self._past(table))
                return read(request)

        return read_late

    @contextmanager
    def _past(self, table: Table) -> Iterator[None]:
        """Has the table as one read sees it meanwhile."""
        present: dict[tuple[str, str], Item | None] = {}
        try:
            for key, item in self._reads.seen_instead(_identity(table)).items():
                place = cast("tuple[str, str]", key)
                present[place] = self._put(table, place, cast("Item | None", item))
            yield
        finally:
            for place, item in present.items():
                self._put(table, place, item)

    def _put(self, table: Table, place: tuple[str, str], item: Item | None) -> Item | None:
        """Makes that the item at a place; what was there before."""
        return self._remove(table, *place) if item is None else self._set(table, *place, item)


def _inconsistent(request: Mapping[str, Any]) -> Iterator[str]:
    """The tables that a read is content to see late."""
    match request:
        case {"RequestItems": Mapping() as tables}:
            for name, wanted in tables.items():
                if not wanted.get("ConsistentRead"):
                    yield name
        case {"TableName": str(name)} if not request.get("ConsistentRead"):
            yield name


def _identity(table: Table) -> str:
    return str(table["TableArn"])
