"""What rules told of that may end, and who was told: in the deliveries table.

    pk                    sk             what
    open#<rule>#<hash>    page#<number>  whom a page of the people of a rule, or of a step, names of those who were told
                                         since the beginning

`hash` is of the values that tell one thing from others. `told` holds a transport and a person each, and of a person
whose name somebody had before, when the last of these was deleted. An item is open until an event ends it, by one
conditional write, which notes the event: so it is told by that event alone, however often it is matched, and again
after a death. The next beginning opens the item anew, and leaves in it what the end before was to tell. Ids of events
sort by time: an event ends what began before it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, text, text_of, timestamp, until
from tocsin.aws.errors import RETRY_AFTER, ConditionFailed
from tocsin.aws.table import Table
from tocsin.errors import Unavailable
from tocsin.records import dataclass

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Listener = tuple[str, str]
"""A transport and who was told by it, as text that tells people of one name apart (`matching.ending`); empty for nobody
in particular."""

KEPT_AFTER = timedelta(days=1)
"""How long after it is no longer open an item stays: an event may be matched again for half a day."""

_TRIES = 5
_PAGE = "page#"
_NOTING, _ENDING = "noting what may end", "ending what was told"


@dataclass(frozen=True, slots=True)
class Ended:
    """Some of those who hear that it is over, and after which item to go on: None at the end."""

    told: frozenset[Listener]
    after: str | None


class OpenStore:
    """Opens and ends. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def begin(
        self,
        rule: str,
        about: str,
        page: int,
        event_id: str,
        told: Collection[Listener],
        *,
        now: datetime,
        ends: datetime,
    ) -> None:
        """Note that these were told of `event_id`, so that they hear when it is over, until `ends`."""
        if not told:
            return
        key = {"pk": _partition(rule, about), "sk": text(f"{_PAGE}{page:05}")}
        values: dict[str, Any] = {
            ":told": {"SS": sorted("\n".join(each) for each in told)},
            ":id": text(event_id),
            ":ends": timestamp(ends),
            ":keep": until(ends + KEPT_AFTER),
        }
        for _ in range(_TRIES):
            try:
                self._table.update(
                    _NOTING,
                    key,
                    "SET opened = if_not_exists(opened, :id), open_until = :ends, expires_at = :keep ADD told :told",
                    values=values | {":now": timestamp(now)},
                    condition="attribute_not_exists(ended) AND (attribute_not_exists(opened) OR open_until > :now)",
                    return_found=True,
                )
            except ConditionFailed as refused:
                found = refused.item
            else:
                return
            if event_id < text_of(found, "ended"):
                return  # it was over when this was matched, or is matched again
            if self._anew(key, found, values):
                return
        raise Unavailable("what may end is changing too fast to note who was told", retry_after=RETRY_AFTER)

    def _anew(self, key: Item, found: Item, values: Item) -> bool:
        """Open an item that was ended, or was open for too long, anew; False where somebody else changed it."""
        over = "ended" in found
        known: dict[str, Any] = {":then": found["open_until"]}
        if over:
            known = {":ended": found["ended"], ":was": found["told"]}
        try:
            self._table.update(
                _NOTING,
                key,
                "SET opened = :id, told = :told, open_until = :ends, expires_at = :keep"
                + (", was_ended = :ended, was_told = :was REMOVE ended" if over else ""),
                values={**values, **known},
                condition="ended = :ended" if over else "attribute_not_exists(ended) AND open_until = :then",
            )
        except ConditionFailed:
            return False
        return True

    def end(self, rule: str, about: str, event_id: str, *, after: str | None, now: datetime, most: int) -> Ended:
        """End what is open, of at most `most` items after the one that `after` names: those who were told.

        Nobody where nothing is open, or another event ended it; the same answer whenever the same event asks.
        """
        items = list(
            self._table.query(
                _ENDING,
                "pk = :pk AND sk > :after",
                {":pk": _partition(rule, about), ":after": text(after or _PAGE)},
                consistent=True,
                limit=most,
            )
        )
        told: set[Listener] = set()
        for item in items:
            told |= self._end(item, event_id, now)
        return Ended(frozenset(told), text_of(items[-1], "sk") if len(items) == most else None)

    def _end(self, item: Item, event_id: str, now: datetime) -> set[Listener]:
        found, values = item, {":id": text(event_id), ":now": timestamp(now)}
        if text_of(item, "was_ended") == event_id:
            return _listeners(item, "was_told")
        try:
            found = self._table.update(
                _ENDING,
                {"pk": item["pk"], "sk": item["sk"]},
                "SET ended = :id",
                values=values,
                condition="(attribute_not_exists(ended) AND opened < :id AND open_until > :now) OR ended = :id",
                returning="ALL_NEW",
                return_found=True,
            )
        except ConditionFailed as refused:
            if text_of(refused.item, "was_ended") != event_id:
                return set()
            return _listeners(refused.item, "was_told")
        return _listeners(found, "told")


def _partition(rule: str, about: str) -> dict[str, str]:
    return text(f"open#{rule}#{about}")


def _listeners(item: Item, name: str) -> set[Listener]:
    """Return who is in the item's set `name`, which has somebody: an item is made for who was told."""
    found = set()
    for each in item[name]["SS"]:
        transport, _, username = each.partition("\n")
        found.add((transport, username))
    return found
