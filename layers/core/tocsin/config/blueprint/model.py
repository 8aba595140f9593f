"""The blueprint: the whole configuration as one document that people write, read and keep in git."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

from tocsin.config.settings import Settings
from tocsin.errors import Invalid, Violation
from tocsin.http.yaml_body import read_document
from tocsin.identity.principal import Scope
from tocsin.models import Model, accepted, as_json
from tocsin.notifications.context import MAX_LINK
from tocsin.notifications.transport import Mapping, SlackFormat, TransportMode
from tocsin.records import dataclass, field
from tocsin.rules.model import NotificationRule, Policy, Silence
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:  # tocsin.models says what for
    from pydantic import FailFast, Field

    from tocsin.fields import (
        ByKind,
        Expiry,
        ForeignName,
        HeaderName,
        HeaderValue,
        Name,
        OptionName,
        OptionValue,
        PersonKey,
        Username,
    )

MASK = "*" * 20
"""Stands for a secret in responses. Sent back, it keeps the stored secret."""


MAX_HEADERS = 10
"""Most secret headers of one webhook. Each process that delivers reads every one of them from the table once."""


@dataclass(frozen=True, kw_only=True)
class UserEntry(Model):
    """A person."""

    username: Username
    pk: PersonKey | None = None
    """The person's id in the systems that report events: a number or text, unique among users."""
    email: Annotated[str, Field(max_length=320)] = ""
    name: Annotated[str, Field(max_length=200)] = ""
    active: bool = True
    superuser: bool = False
    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")] = "en"


@dataclass(frozen=True, kw_only=True)
class GroupEntry(Model):
    """A group, its members and its child groups."""

    name: ForeignName
    members: Annotated[tuple[ForeignName, ...], FailFast()] = ()
    children: Annotated[tuple[ForeignName, ...], FailFast()] = ()


@dataclass(frozen=True, kw_only=True)
class TransportEntry(Model):
    """A transport with its secrets, which are write-only: responses show a mask."""

    name: Name
    mode: TransportMode = TransportMode.LOCAL
    send_once: bool = False
    enabled: bool = True
    url: Annotated[str, Field(max_length=2048)] | None = None
    secret: Annotated[str, Field(max_length=200)] | None = None
    username: Annotated[str, Field(max_length=80)] | None = None
    icon_url: Annotated[str, Field(max_length=MAX_LINK)] | None = None
    slack_format: SlackFormat | None = None
    bot_token: Annotated[str, Field(max_length=300)] | None = None
    channel: Annotated[str, Field(max_length=100)] | None = None
    subject_prefix: Annotated[str, Field(max_length=100, pattern=r"^[^\r\n]*$")] = "Tocsin Notification: "
    html_template: Annotated[str, Field(max_length=32_768)] | None = None
    text_template: Annotated[str, Field(max_length=32_768)] | None = None
    body_mapping: Name | None = None
    headers_mapping: Name | None = None
    preset: Name | None = None
    options: Annotated[dict[OptionName, OptionValue], Field(max_length=20)] = field(default_factory=dict)
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=MAX_HEADERS)] | None = None
    ca: Annotated[str, Field(max_length=32_768)] | None = None
    client_certificate: Annotated[str, Field(max_length=32_768)] | None = None
    client_key: Annotated[str, Field(max_length=16_384)] | None = None


@dataclass(frozen=True, kw_only=True)
class KeyEntry(Model):
    """An API key. Tocsin generates its secret and shows it once."""

    name: Name
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))]
    user: ForeignName | None = None
    events_per_minute: Annotated[int, Field(ge=1)] | None = None
    expires: Expiry | None = None


@dataclass(frozen=True, kw_only=True)
class Blueprint(Model):
    """The whole configuration. Applying it deletes whatever it does not contain."""

    settings: Settings = field(default_factory=Settings)
    users: tuple[UserEntry, ...] = ()
    groups: tuple[GroupEntry, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    transports: tuple[TransportEntry, ...] = ()
    policies: tuple[Annotated[Policy, ByKind], ...] = ()
    rules: tuple[NotificationRule, ...] = ()
    silences: tuple[Silence, ...] = ()
    keys: tuple[KeyEntry, ...] = ()

    def to_json(self) -> JsonObject:
        """Return it as the API shows it: defaults are left out, except the fields that identify an entry."""
        shown = as_json(self, exclude_defaults=True)
        modes: list[JsonObject] = [{"name": each.name, "mode": each.mode.value} for each in self.transports]
        shown["transports"] = [
            mode | as_json(entry, exclude_defaults=True) for mode, entry in zip(modes, self.transports, strict=True)
        ]
        settings = as_json(self.settings)
        return {"settings": settings} | {kind: shown.get(kind, []) for kind in _KINDS}


_SLICE = 500
"""How many entries of a list are validated at a time."""

_KINDS = tuple(each.name for each in fields(Blueprint) if each.name != "settings")


def parse(body: bytes, content_type: str) -> Blueprint:
    """Read the blueprint from a request's body. Raises MalformedBody, TooLarge, or Invalid naming each wrong field."""
    document = read_document(body, content_type, "a blueprint is an object with settings, users, groups, transports, …")
    _check_in_slices(document)
    return accepted(Blueprint, document)


def _check_in_slices(document: JsonObject) -> None:
    """Raise Invalid for the first slice of a long list with wrong entries.

    Validating the whole list would make pydantic build the errors of every entry first.
    """
    for kind in _KINDS:
        entries = document.get(kind)
        if not isinstance(entries, list) or len(entries) <= _SLICE:
            continue
        for start in range(0, len(entries), _SLICE):
            some: Json = {kind: entries[start : start + _SLICE]}
            try:
                accepted(Blueprint, some)
            except Invalid as error:
                raise Invalid([_moved(wrong, kind, start) for wrong in error.violations]) from None


def _moved(wrong: Violation, kind: str, start: int) -> Violation:
    """Return `wrong`, whose index counts from the slice's start, with its index in the whole list."""
    path = re.sub(rf"^{kind}\[(\d+)\]", lambda found: f"{kind}[{int(found[1]) + start}]", wrong.path)
    return Violation(path, wrong.message)
