"""API keys by name: create, change, rotate with an overlap, revoke. A secret is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint.diff import differences
from tocsin.config.blueprint.model import KeyEntry, UserEntry
from tocsin.config.resources.editor import ConfigurationEditor, Saved, in_use, tried
from tocsin.config.resources.snapshot_entries import page_of, parse_entry
from tocsin.errors import Conflict, Invalid, NotFound, Violation
from tocsin.http.preconditions import Precondition
from tocsin.identity.api_keys import ApiKey, bearer, hash_secret, new_key_id, new_secret
from tocsin.identity.principal import Principal
from tocsin.models import Model, accepted, as_json, fields_of
from tocsin.records import dataclass
from tocsin.times import iso, parse_duration, utc_now
from tocsin.types import JsonObject, Page

if TYPE_CHECKING:  # tocsin.models says what for
    from pydantic import AfterValidator


MAX_OVERLAP = timedelta(days=30)
AT_ONCE = "none"
"""The value of `overlap` with which the old secret stops working at once."""


def _overlap(value: str) -> str:
    if value != AT_ONCE and parse_duration(value) > MAX_OVERLAP:
        raise ValueError(f"must be {MAX_OVERLAP.days} days at most")
    return value


@dataclass(frozen=True, kw_only=True)
class Rotation(Model):
    """How a key's secret is replaced."""

    overlap: Annotated[str, AfterValidator(_overlap)] = "hours=24"
    """How long the old secret works beside the new one: a duration of at most 30 days, or `none`."""

    @property
    def length(self) -> timedelta:
        """The overlap as a timedelta; zero for `none`."""
        return timedelta() if self.overlap == AT_ONCE else parse_duration(self.overlap)


_SHOWN_ONLY = ("id", "last_used", "old_secret_until")


class Keys:
    """API keys. Methods raise Invalid, NotFound, Conflict, PreconditionFailed and Unavailable."""

    def __init__(self, editor: ConfigurationEditor) -> None:
        self._editor = editor

    def page(self, *, after: str | None, limit: int) -> Page[JsonObject]:
        """Return up to `limit` keys after the name `after`, without their secrets."""
        keys = {key.name: key for key in self._editor.people.all_keys()}
        page = page_of({name: _shown(key) for name, key in keys.items()}, after, limit)
        return Page(tuple(self._with_use(page.items)), page.last)

    def get(self, name: str) -> JsonObject:
        """Return one key, without its secret."""
        (shown,) = self._with_use([_shown(self._found(name))])
        return shown

    def put(self, name: str, given: JsonObject, precondition: Precondition, principal: Principal) -> Saved:
        """Create a key, or replace an existing key's fields. The secret of an existing key stays as it is."""
        shape = _parse(name, given)
        with self._editor.alone(principal):
            before = self._find(name)
            precondition.check(None if before is None else _shown(before))
            self._check(shape, before)
            secret = new_secret() if before is None else ""
            key = (
                ApiKey(id=new_key_id(), secret_hash=hash_secret(secret), **fields_of(shape))
                if before is None
                else replace(before, **fields_of(shape))
            )
            changes = _differences(before, shape)
            if key != before or changes:
                told = self._editor.telling(changes, principal, shown_once=before is None)
                self._editor.people.write(keys=[key], beside=told)
        once: JsonObject = {"key": bearer(key, secret)} if secret else {}
        (shown,) = self._with_use([_shown(key)])
        return Saved(shown, before is None, once)

    def check(self, name: str, given: JsonObject) -> JsonObject:
        """Return what `put` would do, {dry_run, created, changed, changes}. Raises Invalid where it would."""
        shape, before = _parse(name, given), self._find(name)
        self._check(shape, before)
        return tried(before, _differences(before, shape))

    def add(self, given: JsonObject, principal: Principal) -> Saved:
        """Create a key, named by `given["name"]`. Raises Conflict where a key has that name."""
        name = given.get("name")
        if not isinstance(name, str):
            raise Invalid([Violation("name", "is required")])
        if self._find(name) is not None:
            raise Conflict(f"there is a key {name[:120]!r} already; PUT changes it, rotating gives it a new secret")
        return self.put(name, given, Precondition(none_match=("*",)), principal)

    def rotate(self, name: str, given: JsonObject, precondition: Precondition, principal: Principal) -> Saved:
        """Give a key a new secret. The old one works for the overlap; one from an earlier rotation stops at once."""
        rotation = accepted(Rotation, given)
        with self._editor.alone(principal):
            key = self._found(name)
            precondition.check(_shown(key))
            secret = new_secret()
            until = utc_now() + rotation.length
            rotated = replace(
                key,
                secret_hash=hash_secret(secret),
                retired_hash=key.secret_hash if rotation.length else "",
                retired_until=until if rotation.length else None,
            )
            told = self._editor.telling_rotation("keys", name, principal, {"old_valid_until": iso(until)})
            self._editor.people.write(keys=[rotated], beside=told)
        (shown,) = self._with_use([_shown(rotated)])
        return Saved(shown, once={"key": bearer(rotated, secret)})

    def delete(self, name: str, precondition: Precondition, principal: Principal) -> JsonObject:
        """Revoke a key. Raises Conflict for the key of the request itself, since its owner could not undo that."""
        with self._editor.alone(principal):
            key = self._found(name)
            precondition.check(_shown(key))
            if key.id == principal.key_id:
                raise in_use(f"key {name!r}", ["this very request"])
            (shown,) = self._with_use([_shown(key)])
            told = self._editor.telling([{"kind": "keys", "name": name, "change": "delete"}], principal)
            self._editor.people.delete(key_ids=[key.id], beside=told)
        return shown

    def _check(self, shape: KeyEntry, before: ApiKey | None) -> None:
        if before is None and shape.expires is not None and shape.expires <= utc_now():
            raise Invalid([Violation("expires", "lies in the past")])
        users = tuple(UserEntry.stored(user.to_json()) for user in self._editor.known_users(shape.user).values())
        self._editor.check(Blueprint(users=users, keys=(shape,)), "keys[0]")

    def _find(self, name: str) -> ApiKey | None:
        # Keys are stored by id, for the authorizer. Reading all is cheap: there is one per program, not per person.
        return next((key for key in self._editor.people.all_keys() if key.name == name), None)

    def _found(self, name: str) -> ApiKey:
        key = self._find(name)
        if key is None:
            raise NotFound(f"there is no key {name[:120]!r}")
        return key

    def _with_use(self, shown: Sequence[JsonObject]) -> list[JsonObject]:
        uses = self._editor.people.last_uses([str(key["id"]) for key in shown])
        return [key | {"last_used": uses.get(str(key["id"]))} for key in shown]


def _parse(name: str, given: JsonObject) -> KeyEntry:
    return parse_entry(KeyEntry, {field: value for field, value in given.items() if field not in _SHOWN_ONLY}, name)


def _differences(before: ApiKey | None, after: KeyEntry) -> list[JsonObject]:
    old = () if before is None else (_entry(before),)
    return differences(Blueprint(keys=old), Blueprint(keys=(after,)))


def _entry(key: ApiKey) -> KeyEntry:
    return KeyEntry(**fields_of(key, KeyEntry))


def _shown(key: ApiKey) -> JsonObject:
    # The end of the old secret is part of the version, so that a rotation between a GET and its PUT is noticed.
    until = None if key.retired_until is None else iso(key.retired_until)
    return {"id": key.id} | as_json(_entry(key)) | {"old_secret_until": until}
