"""Which presets there are, and what each declares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson

from tocsin.notifications.presets.template import Dialect
from tocsin.types import Json, JsonObject

WHOLE_BODY = "body"

type Limits = Mapping[str, Mapping[str, int]]
"""`units` (UTF-16 code units) or `bytes` (UTF-8) that all texts of a member of the body may have together; at
WHOLE_BODY, of the request's body."""

_EVENT = re.compile(rb'"\{event\}"|"\$json": *"event"')
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Option:
    """What a preset wants to know of its transport beside the URL: a text, or a whole number."""

    name: str
    says: str
    secret: bool = False
    required: bool = False
    like: str | None = None
    """A regular expression that the whole value must match."""
    whole: bool = False
    """Whether the service takes a number."""

    def wrong(self, value: str) -> str | None:
        """What is wrong with a value, without repeating it; None for nothing."""
        like = self.like or ("-?[0-9]{1,18}" if self.whole else None)
        if not value.strip():
            return "is empty"
        if like is not None and re.fullmatch(like, value) is None:
            return f"does not look as it should: {self.says}"
        return None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a preset posts to."""

    secret: bool = False
    """Whether the URL is itself a credential, and shown masked."""
    default: str | None = None
    """The service's own; None where each customer has another."""
    path: Json = ""
    """A template of what follows the URL, where it is an address of a server."""
    like: str | None = None
    """A regular expression that begins to match the URL's path and query."""
    example: str = ""

    def wrong(self, url: str) -> str | None:
        """What is wrong with a URL, without repeating it; None for nothing."""
        parts = urlsplit(url)
        rest = parts.path + (f"?{parts.query}" if parts.query else "")
        if self.like is not None and re.match(self.like, rest) is None:
            return f"is not such a URL as this preset posts to: {self.example}"
        return None


@dataclass(frozen=True, slots=True)
class Preset:
    """How one service wants to be told."""

    name: str
    title: str
    documentation: JsonObject
    address: Address
    body: Json
    content_type: str = "application/json"
    headers: JsonObject = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    dialect: Dialect = field(default_factory=Dialect)
    limits: Limits = field(default_factory=dict)
    answer: JsonObject = field(default_factory=dict)
    pace: timedelta | None = None
    """How much time the service wants between two messages."""
    signed: bool = False
    """Whether its receivers are the customer's own, and verify Standard Webhooks' signatures."""
    resolves: bool = False
    """Whether the service itself knows that something is over."""
    once: bool = True
    """Whether it tells a channel, so that a transport should send once and not once a person."""

    tells_event: bool = False
    """Whether the body has the whole event in it."""

    def to_json(self) -> JsonObject:
        """As `GET /presets` lists it."""
        options: list[Json] = [
            {"name": each.name, "says": each.says, "secret": each.secret, "required": each.required}
            for each in self.options.values()
        ]
        return {
            "name": self.name,
            "title": self.title,
            "url": {
                "required": self.address.default is None,
                "secret": self.address.secret,
                "default": self.address.default,
                "example": self.address.example,
            },
            "options": options,
            "limits": {name: dict(limit) for name, limit in self.limits.items()},
            "seconds_between": None if self.pace is None else self.pace.total_seconds(),
            "resolves": self.resolves,
            "signed": self.signed,
            "send_once": self.once,
            "documentation": self.documentation,
        }


@cache
def known_presets() -> tuple[str, ...]:
    """The names of all presets, sorted."""
    return tuple(sorted(path.stem for path in _DATA.glob("*.json")))


@cache
def load(name: str) -> Preset | None:
    """The preset of that name; None where there is none."""
    if name not in known_presets():
        return None
    data = (_DATA / f"{name}.json").read_bytes()
    return _parsed(name, orjson.loads(data) | {"tells_event": _EVENT.search(data) is not None})


def presets() -> Iterator[Preset]:
    """All of them, by name."""
    for name in known_presets():
        preset = load(name)
        if preset is not None:
            yield preset


def _parsed(name: str, data: dict[str, Any]) -> Preset:
    given = dict(data)
    options = {key: Option(key, **fields) for key, fields in given.pop("options", {}).items()}
    acting = given.pop("acting", None)
    dialect = Dialect(None if acting is None else re.compile(acting, re.IGNORECASE), given.pop("escapes", None))
    pace = given.pop("seconds_between", None)
    return Preset(
        name=name,
        address=Address(**given.pop("url")),
        options=MappingProxyType(options),
        dialect=dialect,
        pace=None if pace is None else timedelta(seconds=pace),
        **given,
    )
