"""Transports as somebody gives them: validated, as the API does."""

from typing import Any

from tocsin.config.blueprint.model import TransportEntry
from tocsin.models import validated


def transport_entry(**fields: Any) -> TransportEntry:
    """A transport of these fields. Raises ValidationError."""
    return validated(TransportEntry, fields)
