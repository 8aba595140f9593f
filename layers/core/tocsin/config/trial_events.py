"""Events that are made to try a rule, and never stored."""

from __future__ import annotations

from tocsin.config.settings import Settings
from tocsin.events.model import Event
from tocsin.times import parse_duration, utc_now
from tocsin.types import JsonObject


def trial_event(given: JsonObject, settings: Settings) -> Event:
    """Make the event that a producer would describe by `given`. Raises Invalid, naming each wrong field."""
    from tocsin.events.draft import Terms, finish  # noqa: PLC0415 - loads pydantic, and few requests try a rule

    terms = Terms(
        now=utc_now(),
        app="test",
        brand=settings.brand,
        retention=parse_duration(settings.event_retention),
        secrets=settings.secrets,
        source_ip=None,
    )
    return finish(given, terms)
