"""Events with what GeoIP databases add to their context."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tocsin.aws.logging import Code
from tocsin.events.model import Event
from tocsin.events.redact import Secrets
from tocsin.ids import new_id
from tocsin.ingest.geoip import GeoIP

NO_SECRETS = Secrets()
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
type Notes = list[tuple[Code, dict[str, Any]]]


def event(client_ip: str | None, **context: Any) -> Event:
    return Event(
        id=new_id(),
        action="login",
        app="shop",
        user={"username": "alice"},
        context=context,
        client_ip=client_ip,
        brand="default",
        expires=None,
    )


def context_of(databases: Path | GeoIP, client_ip: str | None, **given: Any) -> dict[str, Any]:
    """The context of an event from that address, enriched."""
    known = databases if isinstance(databases, GeoIP) else GeoIP(str(databases))
    return known.enriched(event(client_ip, **given), NO_SECRETS).context
