"""The event of an exception that nobody has handled: the middleware's and the frameworks' one way to say it."""

from __future__ import annotations

from tocsin_client import configuration
from tocsin_client._shared.actions import EventAction
from tocsin_client.event import Event
from tocsin_client.faults import never_raises

SUSPICIOUS = frozenset({"SuspiciousOperation", "SecurityError"})
"""Classes, by name, whose exceptions say that a request was not well meant: Django's and Werkzeug's."""

_TOLD = "_tocsin_told"


@never_raises
def tell(
    exception: BaseException,
    *,
    app: str,
    request: object = None,
    user: object = None,
    action: str = EventAction.SYSTEM_EXCEPTION,
    **context: object,
) -> None:
    """Save an event of the exception, by the request that it happened in; once, however many see it pass.

    Of a SUSPICIOUS one it is a suspicious_request, without its frames. `app` is where none is configured.
    """
    if was_told(exception):
        return
    suspicious = any(kind.__name__ in SUSPICIOUS for kind in type(exception).__mro__)
    event = Event.new(
        EventAction.SUSPICIOUS_REQUEST if suspicious else action, app=configuration.default_app() or app, **context
    )
    if suspicious:
        event.context.update({"message": str(exception), "reason": type(exception).__name__})
    else:
        event.with_exception(exception)
    if request is not None:
        event.from_http(request, user)
    event.save()


def was_told(exception: BaseException) -> bool:
    """Whether the exception has an event; it is taken to have one from now on."""
    told = getattr(exception, _TOLD, False)
    try:
        setattr(exception, _TOLD, True)
    except AttributeError:  # it has slots
        return False
    return bool(told)
