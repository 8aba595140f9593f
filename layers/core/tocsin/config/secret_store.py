"""Transports' secrets in the config table. Only the delivering functions may read them.

    pk      sk     what
    secret  <ref>  a transport's secrets: signing keys, a client certificate's key, a URL that is one

Secrets under a ref never change: a new secret gets a new ref, named by the next version of the transport. So no
delivery combines the URL of one version with the secret of another.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import document, text, text_of
from tocsin.aws.table import Table
from tocsin.errors import Unavailable
from tocsin.models import as_json
from tocsin.notifications.transport import NotificationTransport, TransportSecrets
from tocsin.ttl_cache import TTLCache

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_HELD = timedelta(hours=1)


class SecretStore:
    """Reads, writes and deletes secrets. Methods raise Unavailable when DynamoDB fails."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._held: TTLCache[str, TransportSecrets] = TTLCache(_HELD)

    def of(self, transport: NotificationTransport) -> TransportSecrets:
        """Return the secrets of a transport; empty ones where it names none."""
        ref = transport.secrets_ref
        if not ref:
            return TransportSecrets()

        def read() -> TransportSecrets:
            item = self._table.get("reading a transport's secrets", _key(ref), consistent=True)
            if item is None:
                raise Unavailable(f"the secrets of transport {transport.name} are being replaced", retry_after=1)
            return TransportSecrets.stored(orjson.loads(text_of(item, "secrets", "{}")))

        return self._held.get_or_read(ref, read)

    def put(self, ref: str, secrets: TransportSecrets) -> None:
        """Store secrets under a ref that is used for these alone. The API never reads them back."""
        stored = document(as_json(secrets, exclude_defaults=True))
        self._table.put("writing a transport's secrets", _key(ref) | {"secrets": stored})

    def delete(self, ref: str) -> None:
        """Delete secrets that no transport refers to any more."""
        self._table.delete("deleting a transport's secrets", _key(ref))


def _key(ref: str) -> dict[str, Any]:
    return {"pk": text("secret"), "sk": text(ref)}
