"""The operations of long jobs."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.api.openapi.operation import LISTED, WRITING, Operation
from tocsin.identity.principal import Scope


def job_operations() -> Iterator[Operation]:
    """/exports and /erasures."""
    read, erase = (Scope.EVENTS_READ,), (Scope.EVENTS_ERASE,)
    for kind, one, scopes, asks in (
        ("exports", "Export", read, "Write events to a file"),
        ("erasures", "Erasure", erase, "Delete the events of a person"),
    ):
        path = f"/{kind}"
        name = one.lower()
        yield Operation("POST", path, kind, asks, scopes, {202: one}, body=f"{one}Request", problems=WRITING)
        yield Operation("GET", path, kind, f"List {kind}", scopes, {200: f"{one}Page"}, query=LISTED)
        yield Operation("GET", f"{path}/{{job_id}}", kind, f"How far an {name} is", scopes, {200: one}, problems=(404,))
