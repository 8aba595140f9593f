"""Events as a producer gives them, finished or refused."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.errors import Invalid
from tocsin.events.draft import Terms, finish
from tocsin.events.model import Event
from tocsin.events.redact import Secrets
from tocsin.types import JsonObject

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def terms(**changed: object) -> Terms:
    values: dict[str, object] = {
        "now": NOW,
        "app": "billing",
        "brand": "default",
        "retention": timedelta(days=365),
        "secrets": Secrets(),
        "source_ip": "203.0.113.7",
        "key_id": "0011223344556677",
    }
    return Terms(**(values | changed))  # type: ignore[arg-type]


def draft(**fields: object) -> JsonObject:
    return {"action": "login", **fields}  # type: ignore[dict-item]


def finished(**fields: object) -> Event:
    return finish(draft(**fields), terms())


def wrong(event: JsonObject) -> dict[str, str]:
    """{path: message} of what is wrong with `event`."""
    with pytest.raises(Invalid) as caught:
        finish(event, terms())
    return {violation.path: violation.message for violation in caught.value.violations}
