"""Silences by name: create, replace, end early. They are part of the configuration, and expire by themselves.

They are published without the lock that other edits take, so that adding one never waits for a blueprint that is being
applied.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint.diff import differences
from tocsin.config.model import Configuration
from tocsin.config.resources.editor import ConfigurationEditor, Saved
from tocsin.config.resources.snapshot_entries import page_of, parse_entry, with_entry
from tocsin.errors import Conflict, Invalid, NotFound, Violation
from tocsin.expressions import ExpressionError
from tocsin.http.preconditions import Precondition
from tocsin.identity.principal import Principal
from tocsin.models import are_same, as_json
from tocsin.patterns import PatternError
from tocsin.records import dataclass
from tocsin.rules.model import Silence
from tocsin.rules.ruleset import RuleSet
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject, Page

FORGOTTEN_AFTER = timedelta(days=30)
"""How long a silence is listed after its end."""

MAX_SILENCES = 1000
"""Most silences. To make room for a new one, those that are over the longest are forgotten."""

_SHOWN_ONLY = ("state", "by")


@dataclass(frozen=True, slots=True)
class _Edit:
    """The result of an edit: all silences after it, and the one that was edited."""

    silences: tuple[Silence, ...]
    before: Silence | None
    after: Silence


type _Change = Callable[[Mapping[str, Silence]], _Edit]


class SilenceState(StrEnum):
    """Whether a silence is pending, active or over."""

    PENDING = "pending"
    ACTIVE = "active"
    OVER = "over"


class Silences:
    """Silences. Methods raise Invalid, NotFound, Conflict, PreconditionFailed and Unavailable."""

    def __init__(self, editor: ConfigurationEditor, clock: Callable[[], datetime] = utc_now) -> None:
        self._editor = editor
        self._clock = clock

    def page(
        self, *, after: str | None, limit: int, states: Collection[SilenceState] = tuple(SilenceState)
    ) -> Page[JsonObject]:
        """Return up to `limit` silences after the name `after` that are in one of `states`."""
        now = self._clock()
        shown = {silence.name: _shown(silence, now) for silence in self._editor.current().silences}
        asked = {name: each for name, each in shown.items() if each["state"] in states}
        return page_of(asked, after, limit)

    def get(self, name: str) -> JsonObject:
        """Return one silence, with its `state`."""
        return _shown(_found(_by_name(self._editor.current()), name), self._clock())

    def add(self, given: JsonObject, principal: Principal) -> Saved:
        """Create a silence from {matcher | pattern, ends, starts?, comment?, name?}. Without a name it gets one."""
        name = given.get("name", f"silence-{secrets.token_hex(4)}")
        if not isinstance(name, str):
            raise Invalid([Violation("name", "must be a text")])
        return self._put(name, given, Precondition(), principal, replacing=False)

    def put(self, name: str, given: JsonObject, precondition: Precondition, principal: Principal) -> Saved:
        """Create or replace a silence. Without `starts`, it keeps its start, or starts now where it is new."""
        return self._put(name, given, precondition, principal, replacing=True)

    def delete(self, name: str, precondition: Precondition, principal: Principal) -> JsonObject:
        """End a silence now. A pending one is deleted; one that is over stays as it is."""
        now = self._clock()

        def without(known: Mapping[str, Silence]) -> _Edit:
            silence = _found(known, name)
            precondition.check(_shown(silence, now))
            if silence.starts >= now:
                return _Edit(tuple(each for each in known.values() if each.name != name), silence, silence)
            ended = replace(silence, ends=min(silence.ends, now))
            return _Edit(with_entry(known.values(), ended), silence, ended)

        edit = self._publish(without, principal, lambda _: [{"kind": "silences", "name": name, "change": "delete"}])
        return _shown(edit.after, now)

    def _put(
        self, name: str, given: JsonObject, precondition: Precondition, principal: Principal, *, replacing: bool
    ) -> Saved:
        now = self._clock()
        asked = {field: value for field, value in given.items() if field not in _SHOWN_ONLY}

        def added(known: Mapping[str, Silence]) -> _Edit:
            before = known.get(name)
            if before is not None and not replacing:
                raise Conflict(f"there is a silence {name[:120]!r} already; PUT changes it")
            precondition.check(None if before is None else _shown(before, now))
            after = _parse(name, asked, before, principal, now)
            return _Edit(with_entry(_remembered(known.values(), name, now), after), before, after)

        def changes(edit: _Edit) -> list[JsonObject]:
            before = () if edit.before is None else (edit.before,)
            return differences(Blueprint(silences=before), Blueprint(silences=(edit.after,)))

        edit = self._publish(added, principal, changes, "pattern" if "pattern" in asked else "matcher")
        return Saved(_shown(edit.after, now), edit.before is None)

    def _publish(
        self, change: _Change, principal: Principal, changes: Callable[[_Edit], list[JsonObject]], field: str = ""
    ) -> _Edit:
        """Publish the silences that `change` returns, and tell of `changes` where it changed anything."""

        def changed(now: Configuration) -> Configuration:
            return now.changed(silences=change(_by_name(now)).silences)

        def tells(before: Configuration) -> list[JsonObject]:
            edit = change(_by_name(before))
            return [] if are_same(_as_list(edit.silences), _as_list(before.silences)) else changes(edit)

        return change(_by_name(self._editor.publish(changed, principal, tells, field=field)))


def _by_name(configuration: Configuration) -> dict[str, Silence]:
    return {silence.name: silence for silence in configuration.silences}


def _remembered(known: Iterable[Silence], edited: str, now: datetime) -> list[Silence]:
    """Return the silences that stay when `edited` is saved. Raises Conflict where there is no room for a new one."""
    kept = [each for each in known if each.ends > now - FORGOTTEN_AFTER or each.name == edited]
    surplus = len({each.name for each in kept} | {edited}) - MAX_SILENCES
    if surplus <= 0:
        return kept
    over = sorted((each for each in kept if each.ends <= now and each.name != edited), key=lambda each: each.ends)
    if len(over) < surplus and all(each.name != edited for each in kept):
        raise Conflict(f"there are {MAX_SILENCES} silences already that are not over; end some")
    forgotten = {each.name for each in over[:surplus]}
    return [each for each in kept if each.name not in forgotten]


def _as_list(silences: Iterable[Silence]) -> list[Json]:
    return [as_json(silence) for silence in silences]


def _parse(name: str, asked: JsonObject, before: Silence | None, principal: Principal, now: datetime) -> Silence:
    """Build the requested silence, created by `principal`; by its previous creator where nothing else differs."""
    starts = now if before is None else before.starts
    document: JsonObject = {"starts": starts.isoformat(), **asked}
    silence = parse_entry(Silence, document, name)
    if before is not None and silence == replace(before, by=silence.by) and are_same(silence.pattern, before.pattern):
        return before
    if silence.ends <= now and (before is None or silence.ends != before.ends):
        raise Invalid([Violation("ends", "lies in the past")])
    try:
        RuleSet((), (), (silence,))
    except PatternError as error:
        raise Invalid([Violation("pattern", str(error))]) from None
    except ExpressionError as error:
        raise Invalid([Violation("matcher.query", str(error))]) from None
    return replace(silence, by=principal.key_name)


def _found(known: Mapping[str, Silence], name: str) -> Silence:
    silence = known.get(name)
    if silence is None:
        raise NotFound(f"there is no silence {name[:120]!r}")
    return silence


def _shown(silence: Silence, now: datetime) -> JsonObject:
    shown = as_json(silence, exclude_none=True)
    if silence.holds_at(now):
        state = SilenceState.ACTIVE
    else:
        state = SilenceState.PENDING if silence.starts > now else SilenceState.OVER
    return shown | {"state": state.value}
