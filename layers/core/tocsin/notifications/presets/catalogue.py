"""Load presets: which ones there are, and what each declares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson

from tocsin.notifications.presets.template import Dialect
from tocsin.records import dataclass, field
from tocsin.types import Json, JsonObject

WHOLE_BODY = "body"

type Limits = Mapping[str, Mapping[str, int]]
"""Per member of the body, the most `units` (UTF-16 code units) or `bytes` (UTF-8) of all its texts together. The limit
of the whole request body is at WHOLE_BODY."""

_EVENT = re.compile(rb'"\{event\}"|"\$json": *"event"')
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a preset, beside the URL: a text or a whole number that the transport gives."""

    name: str
    says: str
    secret: bool = False
    required: bool = False
    like: str | None = None
    """A regular expression that the whole value must match."""
    whole: bool = False
    """Whether the service expects a number."""

    def wrong(self, value: str) -> str | None:
        """Return what is wrong with a value, without repeating it; None if nothing is."""
        like = self.like or ("-?[0-9]{1,18}" if self.whole else None)
        if not value.strip():
            return "is empty"
        if like is not None and re.fullmatch(like, value) is None:
            return f"does not look as it should: {self.says}"
        return None


@dataclass(frozen=True, slots=True)
class Address:
    """The URL that a preset posts to."""

    secret: bool = False
    """Whether the URL is itself a credential, so that it is shown masked."""
    default: str | None = None
    """The service's fixed URL; None where each customer has their own."""
    path: Json = ""
    """A template of the path to append, where the transport's URL is only a server's."""
    like: str | None = None
    """A regular expression that the URL's path and query must match from their start."""
    example: str = ""

    def wrong(self, url: str) -> str | None:
        """Return what is wrong with a URL, without repeating it; None if nothing is."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return f"is no URL; this preset posts to such as {self.example}"
        rest = parts.path + (f"?{parts.query}" if parts.query else "")
        if self.like is not None and re.match(self.like, rest) is None:
            return f"is not such a URL as this preset posts to: {self.example}"
        return None


@dataclass(frozen=True, slots=True)
class Preset:
    """The message format of one service, as its file declares it."""

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
    """The minimum time between two messages to the service."""
    signed: bool = False
    """Whether messages are signed (Standard Webhooks), since its receivers are the customer's own and verify that."""
    resolves: bool = False
    """Whether the service has incidents that a message can resolve."""
    once: bool = True
    """Whether it posts to a channel, so that a transport should send once instead of once per person."""

    tells_event: bool = False
    """Whether the body contains the whole event."""

    def to_json(self) -> JsonObject:
        """Return it as `GET /presets` lists it."""
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
    """Return the preset with that name; None where there is none."""
    if name not in known_presets():
        return None
    data = (_DATA / f"{name}.json").read_bytes()
    return _parsed(name, orjson.loads(data) | {"tells_event": _EVENT.search(data) is not None})


def presets() -> Iterator[Preset]:
    """Yield all presets, ordered by name."""
    yield from filter(None, map(load, known_presets()))


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
