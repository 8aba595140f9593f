"""Addresses that no e-mail goes to any more, in the deliveries table.

    pk          sk       what
    mail-stops  address  why, since when, and what the other side said

They never expire: mail to an address that bounced or complained costs the sender its reputation, and with it
everybody else's mail. Somebody lifts them by the API.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, text, text_of, truth, truth_of
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import JsonObject, Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITION = "mail-stops"


class SuppressionReason(StrEnum):
    """Why an address gets no mail."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that no mail goes to. `detail` is what its mail system said, in one line."""

    address: str
    reason: SuppressionReason
    detail: str
    since: str

    def to_json(self) -> JsonObject:
        """As the API shows it."""
        return {
            "address": self.address,
            "reason": self.reason.value,
            "detail": self.detail or None,
            "since": self.since,
        }


class Suppressions:
    """Stops and lifts. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def get(self, address: str) -> Suppression | None:
        """Why no mail goes to `address`; None where it does."""
        item = self._table.get("reading whether mail is stopped", _key(address))
        return None if item is None else _stop_of(item)

    def stop(
        self, address: str, reason: SuppressionReason, detail: str, *, now: datetime, untold: bool = False
    ) -> bool:
        """Stop mail to `address`; whether it was not stopped before, else the first reason stays.

        `untold` says that an event is to tell of it, until `note_told`: the address counts as not stopped before as
        long as nobody who said so came to that.
        """
        item = _item(address, reason, detail, now) | ({"untold": truth(True)} if untold else {})
        try:
            self._table.put("stopping mail", item, condition="attribute_not_exists(pk)")
        except ConditionFailed as refused:
            return untold and truth_of(refused.item, "untold")
        return True

    def note_told(self, address: str, reason: SuppressionReason, detail: str, *, now: datetime) -> None:
        """Note that an event tells of the stop that was made so."""
        item = _item(address, reason, detail, now)
        with suppress(ConditionFailed):  # it was lifted meanwhile
            self._table.put(
                "noting that a stop was told of", item, condition="untold = :yes", values={":yes": truth(True)}
            )

    def lift(self, address: str) -> bool:
        """Let mail go to `address` again; whether it was stopped."""
        return bool(self._table.delete("lifting a stop", _key(address), returning="ALL_OLD"))

    def page(self, *, after: str | None, limit: int) -> Page[Suppression]:
        """At most `limit` stops, by address, after the address `after`."""
        page = self._table.page(
            "listing where mail is stopped", _PARTITION, after=None if after is None else _sk(after), limit=limit
        )
        return Page(tuple(_stop_of(item) for item in page.items), page.last)


def _item(address: str, reason: SuppressionReason, detail: str, now: datetime) -> dict[str, Any]:
    return _key(address) | {"reason": text(reason), "detail": text(detail[:500]), "since": text(iso(now))}


def _key(address: str) -> dict[str, Any]:
    return {"pk": text(_PARTITION), "sk": text(_sk(address))}


def _sk(address: str) -> str:
    return address.strip().lower()


def _stop_of(item: Item) -> Suppression:
    return Suppression(
        text_of(item, "sk"), SuppressionReason(text_of(item, "reason")), text_of(item, "detail"), text_of(item, "since")
    )
