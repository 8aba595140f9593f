"""Single-use tickets for a key's secret, in the deliveries table, whose time to live deletes them.

pk                sk       what
sign-in#<hash>    ticket   the key that it is for, and who issued it; <hash> is of the ticket
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import text, text_of, timestamp, timestamp_of, until
from tocsin.aws.table import Table
from tocsin.records import dataclass

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class SignInTicket:
    """What a ticket is for: a key (name, id), until when it is valid, and the key (id, name) of whoever issued it."""

    key_name: str
    key_id: str
    ends: datetime
    by_id: str
    by_name: str


class SignInStore:
    """Stores tickets. Methods raise Unavailable when DynamoDB fails."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def put(self, ticket: str, sign_in: SignInTicket) -> None:
        """Store what `ticket` is for, under the ticket's hash."""
        about = {
            "key_name": text(sign_in.key_name),
            "key_id": text(sign_in.key_id),
            "by_id": text(sign_in.by_id),
            "by_name": text(sign_in.by_name),
        }
        ends = {"ends": timestamp(sign_in.ends), "expires_at": until(sign_in.ends)}
        self._table.put("storing a ticket", _key(ticket) | about | ends)

    def take(self, ticket: str, *, now: datetime) -> SignInTicket | None:
        """Delete a ticket and return what it was for; None for one that is unknown, used or expired."""
        found = self._table.delete("taking a ticket", _key(ticket), returning="ALL_OLD")
        ends = timestamp_of(found, "ends")
        if ends is None or ends <= now:
            return None
        return SignInTicket(
            key_name=text_of(found, "key_name"),
            key_id=text_of(found, "key_id"),
            ends=ends,
            by_id=text_of(found, "by_id"),
            by_name=text_of(found, "by_name"),
        )


def _key(ticket: str) -> dict[str, Any]:
    return {"pk": text(f"sign-in#{hashlib.sha256(ticket.encode()).hexdigest()}"), "sk": text("ticket")}
