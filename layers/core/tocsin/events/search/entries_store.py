"""Which events have no entries in the indexes by user and by client address, where the stack keeps none for them.

    pk                 sk          what
    rollup#progress    unindexed   user_pk_from, client_ip_from: the hour from which on all events have entries

It is what the stream brings that says so, not a parameter: whatever the parameter was when an event was stored, and
however often it was changed, the event is looked for where it is. The hour is one ahead of the event's next, so that it
is written once an hour, and an event that the stream has not brought yet mostly lies before it as well. It never falls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import text
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.events.search.rollup_hours import HOUR_FORMAT, hour_in, hour_of
from tocsin.events.store import INDEXED, left_out_of
from tocsin.ids import id_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY = {"pk": text("rollup#progress"), "sk": text("unindexed")}
_AHEAD = timedelta(hours=2)


class IndexEntries:
    """What the indexes of one events table lack. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._noted: dict[str, str] = {}

    def complete_from(self) -> Mapping[str, datetime]:
        """The hour from which on all events have entries, by attribute; an attribute that is not there has all."""
        values = {":pk": _KEY["pk"], ":sk": _KEY["sk"]}
        item = next(self._table.query("reading what indexes lack", "pk = :pk AND sk = :sk", values, limit=1), {})
        return {name: hour for name in INDEXED if (hour := hour_in(item, _attribute(name))) is not None}

    def note(self, images: Iterable[Mapping[str, Any]]) -> None:
        """Note what of these items, as a stream brings them, has no entries. Repeating this is harmless."""
        latest: dict[str, str] = {}
        for item in images:
            for name in left_out_of(item):
                hour = f"{hour_of(id_time(item['sk']['S'])) + _AHEAD:{HOUR_FORMAT}}"
                latest[name] = max(hour, latest.get(name, ""))
        for name, hour in latest.items():
            if hour > self._noted.get(name, ""):
                with suppress(ConditionFailed):  # another process has noted as much
                    self._table.update(
                        "noting what indexes lack",
                        _KEY,
                        "SET #name = :hour",
                        condition="attribute_not_exists(#name) OR #name < :hour",
                        names={"#name": _attribute(name)},
                        values={":hour": text(hour)},
                    )
                self._noted[name] = hour


def _attribute(name: str) -> str:
    # Under its own name, the item would be an entry in the index itself.
    return f"{name}_from"
