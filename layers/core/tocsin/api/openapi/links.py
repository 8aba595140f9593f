"""The operations behind the links in messages, and what acknowledges without one."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.api.openapi.operation import HTML, Operation
from tocsin.identity.principal import Scope


def link_operations() -> Iterator[Operation]:
    """/unsubscribe and /acknowledge, which need no key, and the acknowledgement by an event's id."""
    for method, path, does, query in (
        ("GET", "/unsubscribe", "Ask what somebody wants to hear less of", ("token",)),
        ("POST", "/unsubscribe", "Turn a transport off, or mute a rule", ("token", "only")),
        ("GET", "/acknowledge", "Ask whether somebody acknowledges", ("token",)),
        ("POST", "/acknowledge", "Acknowledge by a link", ("token",)),
    ):
        yield Operation(method, path, "links", does, None, {200: "Page"}, query=query, gives=(HTML,), problems=(404,))
    yield Operation(
        "POST",
        "/events/{event_id}/acknowledge",
        "events",
        "Acknowledge what a rule told of an event",
        (Scope.CONFIG_WRITE,),
        {200: "Acknowledgement"},
        query=("rule",),
        problems=(404,),
    )
