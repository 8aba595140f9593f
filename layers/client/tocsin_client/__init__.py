"""Tocsin for those who send it events: standard library only, so that anything can attach it.

    from tocsin_client import Event

    Event.new("login", auth_method="password").from_http(request).save()  # queued; TOCSIN_URL and TOCSIN_KEY say where
    Event.new("invoice_paid", invoice=4711).save(wait=True)  # stored when it returns, or it raises

`configure` sets up what the environment does not. `Client` is what both use: `send`, `send_many`, `emit`, `flush`.
Integrations are imported by name: `tocsin_client.django`, `.flask`, `.fastapi`, `.celery`, `.aws_lambda`, `.logging`,
`.wsgi`, `.asgi`.
"""

from __future__ import annotations

__version__ = "0.1.0"  # written by `make release`; a test holds it to pyproject.toml

__all__ = [
    "Client",
    "Event",
    "EventAction",
    "Receipt",
    "Refused",
    "Session",
    "Unreachable",
    "configure",
    "flush",
    "get_client",
    "log_deprecation",
]

TYPE_CHECKING = False  # without the import of typing, which takes longer than all of this
if TYPE_CHECKING:
    from tocsin_client._shared.actions import EventAction
    from tocsin_client.client import Client
    from tocsin_client.configuration import configure, flush, get_client, log_deprecation
    from tocsin_client.event import Event
    from tocsin_client.session import Receipt, Refused, Session, Unreachable

_HOMES = {
    "Client": "client",
    "Event": "event",
    "EventAction": "_shared.actions",
    "Receipt": "session",
    "Refused": "session",
    "Session": "session",
    "Unreachable": "session",
    "configure": "configuration",
    "flush": "configuration",
    "get_client": "configuration",
    "log_deprecation": "configuration",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is (PEP 562): a process that sends nothing pays for nothing."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415

    value: object = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
