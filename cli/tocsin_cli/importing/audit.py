"""Audit records of other products, read as events: who did what to what, and how an operation's name says it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

from tocsin_cli.types import Json, JsonObject

MAX_PERSON = 256
"""The most characters that the API takes of a username or a key."""
_MESSAGE_LIMIT = 300

# What a word in an operation's name says was done to its object, in the order in which words are looked at.
_CHANGES = {
    "model_created": "create created add added register copy restore run install enroll enable enabled start",
    "model_deleted": ("delete deleted destroy remove removed terminate disassociate detach trash unenrolled revoke"),
    "model_updated": (
        "update updates updated put modify set change changed edit rename attach associate authorize disable"
        " disabled stop schedule failover assigned expanded transfer transferred converted access"
    ),
}
_CHANGE_OF_WORD = {word: change for change, words in _CHANGES.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a record says: who (if it says) did what (`action`), in which product (`app`), to what."""

    action: str
    app: str
    message: str
    username: str = ""
    user_pk: str = ""
    email: str = ""
    client_ip: str = ""
    model: tuple[str, str] | None = None  # (model name, pk) of the object that was touched
    details: dict[str, str] = field(default_factory=dict)


def event_of(reading: Reading, source: str, record: JsonObject) -> JsonObject:
    """The event that a record is, as POST /events takes it; the record itself stays in `context.record`.

    `source` says in `context.source` what kind of record it is.
    """
    context: JsonObject = {"message": _shortened(reading.message), "source": source}
    context.update({name: value for name, value in reading.details.items() if value})
    if reading.model is not None:
        model_name, pk = reading.model
        context["model"] = {"app": reading.app, "model_name": model_name, "pk": pk, "name": pk}
    context["record"] = record
    event: JsonObject = {"action": reading.action, "app": reading.app, "context": context}
    user = {"username": reading.username, "pk": reading.user_pk, "email": reading.email}
    if known := {name: value[:MAX_PERSON] for name, value in user.items() if value}:
        event["user"] = dict(known)
    if address := _address(reading.client_ip):
        event["client_ip"] = address
    return event


def words(name: str) -> list[str]:
    """The words of an operation's name in lower case: of PutBucketPolicy, repo.transfer_start, 2sv_enroll."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+", name)]


def change(name: str) -> str | None:
    """model_created, model_deleted or model_updated, by the first word of the name that tells; else None."""
    return next((_CHANGE_OF_WORD[word] for word in words(name) if word in _CHANGE_OF_WORD), None)


def custom(*parts: str) -> str:
    """An action name of our own, in snake case."""
    return "_".join(word for part in parts for word in words(part))


def child(of: JsonObject, *path: str) -> JsonObject:
    """The object at that path, empty where there is none or it is something else."""
    value: Json = of
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(of: JsonObject, *names: str) -> str:
    """The first of those members that is a string with something in it, or a number; else an empty string."""
    for name in names:
        value = of.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return ""


def sentence(*parts: str) -> str:
    """Those parts that say something, with blanks between."""
    return " ".join(part for part in parts if part)


def _shortened(message: str) -> str:
    message = " ".join(message.split())
    return message if len(message) <= _MESSAGE_LIMIT else message[: _MESSAGE_LIMIT - 1] + "…"


def _address(client_ip: str) -> str:
    try:
        return str(ip_address(client_ip))
    except ValueError:
        return ""
