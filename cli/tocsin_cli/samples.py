"""An event to try rules and policies on: a stored one, one of a file, or one that is described."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from tocsin_cli.blueprint.documents import read_document
from tocsin_cli.errors import UsageError
from tocsin_cli.pairs import parse_pairs
from tocsin_cli.types import JsonObject

_PANEL = "The event"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Context = Annotated[
    list[str] | None, typer.Argument(metavar="ACTION KEY=VALUE…", help="What happened, and the context.")
]
EventId = Annotated[str | None, typer.Option("--id", metavar="ID", help="A stored event.", rich_help_panel=_PANEL)]
EventFile = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="FILE", help="One of a file; - is standard input.", rich_help_panel=_PANEL),
]
User = Annotated[str | None, typer.Option(metavar="NAME", help="Who did it.", rich_help_panel=_PANEL)]
App = Annotated[str | None, typer.Option("--app", metavar="NAME", help="Where.", rich_help_panel=_PANEL)]
ClientIp = Annotated[
    str | None, typer.Option("--client-ip", metavar="ADDRESS", help="From where.", rich_help_panel=_PANEL)
]


def sample(
    said: list[str] | None,
    event_id: str | None,
    file: str | None,
    user: str | None,
    app_: str | None,
    client_ip: str | None,
) -> JsonObject:
    """What a test is asked with: {"event_id"} or {"event"}. Raises UsageError unless exactly one is given.

    What is said of a described event has no place beside a stored one, or one of a file, which is tried as it is.
    """
    if sum((bool(said), event_id is not None, file is not None)) != 1:
        raise UsageError("which event? Give one of: an action with its context, --id, --file")
    beside = {"--user": user, "--app": app_, "--client-ip": client_ip}
    if not said and (given := [option for option, value in beside.items() if value is not None]):
        raise UsageError(f"{given[0]} is of an event that is described; one of --id or --file says it itself")
    if event_id is not None:
        return {"event_id": event_id}
    if file is not None:
        return {"event": read_document(file).content}
    action, *context = said or []
    if _ID.fullmatch(action):
        raise UsageError(f"{action} is the id of an event, not what happened: give it by --id")
    event: JsonObject = {
        "action": action,
        "app": app_,
        "client_ip": client_ip,
        "user": None if user is None else {"username": user},
        "context": parse_pairs(context) or None,
    }
    return {"event": {name: value for name, value in event.items() if value is not None}}
