"""Events as they are sent: one line of JSON each, without secrets, and never larger than the API takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from tocsin_client._shared.redact import cleanse
from tocsin_client._shared.sanitize import Limits, sanitize
from tocsin_client.faults import report

MAX_EVENT = 200_000
"""Bytes of an event that the API takes."""

# Values are made JSON, then cleansed, then cut: a cut within a secret would hide it from the pattern that finds it.
_FIRST = Limits(width=10_000, text=MAX_EVENT, size=4 * MAX_EVENT)
_USER = Limits(size=16_384)
_CONTEXT = MAX_EVENT - _USER.size - 8_192  # the rest is for what has limits of its own
_LEAST_CUT = 2_048
_LONGEST = {"action": 128, "app": 128, "brand": 100, "client_ip": 64, "expires": 64, "retention": 256}
"""Characters of the API's texts. What is longer is cut here where that leaves it what it is, else refused there."""
_CUT = ("app", "brand")
_PERSON = {"username": 256, "pk": 256, "email": 320}
"""Characters of what a user is called, in the API."""
_KEYS = range(-(2**63), 2**63)


def prepared(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's fields as JSON, secrets masked. None says nothing. Never raises, whatever the values do."""
    event: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "user":
            event[name] = _person(_object(value))
        elif name == "context":
            event[name] = _object(value)
        elif name in _CUT:
            event[name] = _one_line(value, _LONGEST[name])
        else:
            event[name] = sanitize(value, limits=_USER)
    return {name: value for name, value in event.items() if value is not None and value != {}}


def line(event: Mapping[str, Any]) -> bytes:
    """Return a prepared event as JSON in one line, its user and context cut where it is too large otherwise."""
    encoded = _encoded(event)
    size = _CONTEXT
    while len(encoded) > MAX_EVENT and size >= _LEAST_CUT:
        cut = {name: sanitize(event.get(name, {}), limits=limits) for name, limits in _limits(size)}
        encoded = _encoded({**event, **{name: value for name, value in cut.items() if value}})
        size //= 2
    return encoded


def _limits(size: int) -> list[tuple[str, Limits]]:
    return [("user", _USER), ("context", Limits(size=size))]


def _encoded(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _object(value: object) -> object:
    """An object, cleansed; anything else as it is, for the API to refuse."""
    if "django.db.models" in sys.modules:
        value = _with_references(value)
    return cleanse(sanitize(value, limits=_FIRST))


def _person(user: object) -> object:
    """Return a user whose fields the API takes.

    They may be what somebody typed who is not signed in, of whatever kind JSON has, and as long as they like: refused,
    it would keep the event out of the log.
    """
    if not isinstance(user, dict):
        return user
    for name, longest in _PERSON.items():
        value = user.get(name)
        is_key = name == "pk" and type(value) is int and value in _KEYS
        if value is not None and not is_key:
            user[name] = sanitize(_as_text(value), limits=Limits(text=longest))
    if user.get("is_anonymous") is not None:
        user["is_anonymous"] = bool(user["is_anonymous"])
    for name in ("on_behalf_of", "authenticated_as"):
        other = user.get(name)
        if other is not None:
            user[name] = _person(other if isinstance(other, dict) else {"username": other})
    return user


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _with_references(value: object) -> object:
    from tocsin_client.django.references import with_references  # noqa: PLC0415 - where there is Django

    try:
        return with_references(value)
    except Exception as error:  # noqa: BLE001 - their database, or an object that fails whatever is asked of it
        report("models in an event can't be told", error)
        return value


def _one_line(value: object, longest: int) -> object:
    if value is None:
        return None
    text = sanitize(value, limits=_USER)
    if not isinstance(text, str):
        return text
    return "".join(character for character in text if character.isprintable())[:longest] or None
