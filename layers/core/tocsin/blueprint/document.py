"""The blueprint: the whole configuration as one document that people write, read and keep in git.

JSON and YAML both; in YAML neither anchors nor doubled keys, which hide from a reader what holds.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Annotated, Any, cast

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin.configuration import Settings
from tocsin.errors import Invalid, MalformedBody, TooLarge, Violation
from tocsin.jsontypes import Json, JsonObject
from tocsin.rules.models import NotificationRule, Policy, Silence
from tocsin.transports import Name, TransportMode
from tocsin.violations import violations
from tocsin.web import Scope

MAX_BLUEPRINT = 4 << 20
"""Bytes. Lambda takes requests of 6 MB."""

MASK = "*" * 20
"""What stands for a secret in an answer; sent back, it means: as it is."""

YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")
JSON_TYPE = "application/json"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UserEntry(_Entry):
    """A person."""

    username: Name
    email: Annotated[str, Field(max_length=320)] = ""
    name: Annotated[str, Field(max_length=200)] = ""
    active: bool = True
    superuser: bool = False
    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")] = "en"


class GroupEntry(_Entry):
    """A group with its members and the groups below it."""

    name: Name
    members: tuple[Name, ...] = ()
    children: tuple[Name, ...] = ()


class TransportEntry(_Entry):
    """A transport with its secrets, which go in and never come out."""

    name: Name
    mode: TransportMode
    send_once: bool = False
    enabled: bool = True
    url: Annotated[str, Field(max_length=2048)] | None = None
    secret: Annotated[str, Field(max_length=200)] | None = None
    username: Annotated[str, Field(max_length=80)] | None = None
    icon_url: Annotated[str, Field(max_length=2048)] | None = None
    subject_prefix: Annotated[str, Field(max_length=100, pattern=r"^[^\r\n]*$")] = "Tocsin Notification: "


class KeyEntry(_Entry):
    """An API key; its secret is made here and shown once."""

    name: Name
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    user: Name | None = None
    events_per_minute: Annotated[int, Field(ge=1)] | None = None


class Blueprint(_Entry):
    """Everything. What is not in it is deleted when it is applied."""

    settings: Settings = Settings()
    users: tuple[UserEntry, ...] = ()
    groups: tuple[GroupEntry, ...] = ()
    transports: tuple[TransportEntry, ...] = ()
    policies: tuple[Policy, ...] = ()
    rules: tuple[NotificationRule, ...] = ()
    silences: tuple[Silence, ...] = ()
    keys: tuple[KeyEntry, ...] = ()

    def to_json(self) -> JsonObject:
        """As the API shows it, defaults left out but for what tells things apart."""
        shown = cast(JsonObject, self.model_dump(mode="json", exclude_defaults=True))
        settings = cast(JsonObject, self.settings.model_dump(mode="json"))
        return {"settings": settings} | {kind: shown.get(kind, []) for kind in _KINDS}


_KINDS = tuple(kind for kind in Blueprint.model_fields if kind != "settings")


def parse(body: bytes, content_type: str) -> Blueprint:
    """The blueprint in a request's body. MalformedBody, TooLarge, or Invalid, which names each wrong field."""
    if len(body) > MAX_BLUEPRINT:
        raise TooLarge(f"the blueprint has {len(body):,} bytes; at most {MAX_BLUEPRINT:,} are taken")
    document = _from_json(body) if content_type == JSON_TYPE else _from_yaml(body)
    if not isinstance(document, dict):
        raise Invalid([Violation("", "a blueprint is an object with settings, users, groups, transports, …")])
    try:
        return Blueprint.model_validate(document)
    except ValidationError as error:
        raise Invalid(violations(error)) from None


def to_yaml(shown: Json) -> str:
    """`shown` as YAML, in the order it has."""
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=110)


def _from_json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None


class _Loader(yaml.SafeLoader):
    """Plain YAML: no aliases, whose expansion can outgrow any limit, and no key twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "anchors and aliases are not taken", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _from_yaml(body: bytes) -> object:
    try:
        return yaml.load(body.decode("utf-8"), Loader=_Loader)  # noqa: S506  (a SafeLoader, made stricter)
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: byte {error.start} can't be read") from None
    except RecursionError:
        raise MalformedBody("the body nests too deeply") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise MalformedBody(f"the body is not YAML that is taken here: {error.problem}{where}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise MalformedBody(f"the body is not YAML: {type(error).__name__}") from None
