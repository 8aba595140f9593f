"""People's notification preferences: everybody may change their own, operators anybody's.

Preferences are not part of the snapshot, so the configuration's lock is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import chain
from typing import Any

from tocsin.aws.dynamodb import Put
from tocsin.config.model import Configuration
from tocsin.config.resources.editor import ConfigurationEditor, updated
from tocsin.errors import Invalid, NotFound, Violation
from tocsin.http.preconditions import Precondition
from tocsin.identity.directory import User, with_ancestors
from tocsin.identity.principal import Principal
from tocsin.models import accepted, as_json
from tocsin.notifications.transport import INBOX
from tocsin.rules.model import NotificationRule
from tocsin.telling.preferences import Preferences, Wishes
from tocsin.telling.preferences_store import PreferencesStore
from tocsin.times import UnknownZone, zone_of
from tocsin.types import Json, JsonObject

type _Change = Callable[[Preferences], Preferences]


class NotToBeMuted(Invalid):
    """The rule can't be muted, by anybody."""


class PersonalPreferences:
    """Preferences by username. Methods raise Invalid, NotFound, PreconditionFailed, Conflict and Unavailable."""

    def __init__(self, editor: ConfigurationEditor, store: PreferencesStore) -> None:
        self._editor = editor
        self._store = store

    def get(self, username: str) -> JsonObject:
        """Return the preferences that the person set; unset ones are left out."""
        self._person(username)
        return self._store.said(username).to_json()

    def reader(self, username: str) -> User | None:
        """Return the person with the language and time zone that they are told in; None where there is none."""
        user = self._editor.people.user(username)
        if user is None:
            return None
        wishes = self._store.wishes([username], self._editor.current().settings.defaults).get(username)
        return user if wishes is None else wishes.of_reader(user)

    def address(self, username: str) -> str:
        """Return the person's e-mail address; blank where they have none, or there is no such person."""
        user = self._editor.people.user(username)
        return "" if user is None else user.email

    def put(self, username: str, given: JsonObject, precondition: Precondition, principal: Principal) -> JsonObject:
        """Replace the person's preferences."""
        wanted = accepted(Preferences, given)
        configuration = self._editor.current()

        def replaced(before: Preferences) -> Preferences:
            precondition.check(before.to_json())
            wrong = _wrong(wanted, before, configuration)
            if wrong:
                raise Invalid(wrong)
            return wanted

        return self._change(username, replaced, principal)

    def turn_off(self, username: str, transport: str, principal: Principal) -> JsonObject:
        """Turn `transport` off for the person. Raises Invalid where preferences hold no more transports."""

        def without(before: Preferences) -> Preferences:
            known = before.transports.get(transport)
            said = {} if known is None else as_json(known)
            return _with(before, transports={transport: {**said, "enabled": False}})

        return self._change(username, without, principal)

    def mute(self, username: str, rule: str, principal: Principal) -> JsonObject:
        """Mute `rule` for the person, for good.

        Raises NotToBeMuted where the rule can't be muted, Invalid where preferences hold no more rules.
        """
        found = {each.name: each for each in self._editor.current().rules}.get(rule)
        if found is not None and not found.can_be_muted:
            raise NotToBeMuted([Violation(f"rules.{rule}", _CANNOT_BE_MUTED)])
        return self._change(username, lambda before: _with(before, rules={rule: {"muted": True}}), principal)

    def _change(self, username: str, change: _Change, principal: Principal) -> JsonObject:
        self._person(username)

        def told(before: Preferences, after: Preferences) -> list[Put]:
            return self._editor.telling([updated("preferences", username, **_difference(before, after))], principal)

        after = self._store.change(username, change, told)[1]
        try:
            self._person(username)
        except NotFound:  # deleted meanwhile: the next person with that name would inherit what was just written
            self._store.forget([username])
            raise
        return after.to_json()

    def options(self, username: str) -> JsonObject:
        """Return the person's preferences in force, and the rules and transports that can reach them.

        Rules that notify the event's user count as reaching everybody.
        """
        self._person(username)
        configuration = self._editor.current()
        defaults = configuration.settings.defaults
        member_of = self._editor.people.memberships(configuration.groups, [username])
        groups = with_ancestors(configuration.groups, member_of)
        rules = [
            rule
            for rule in configuration.rules
            if rule.enabled and (rule.destination_event_user or _group_of(rule, groups) is not None)
        ]
        names = dict.fromkeys(name for rule in rules for name in _by(rule, groups))
        known = {INBOX.name: INBOX} | configuration.transports_by_name
        transports: list[Json] = [
            {"name": name, "mode": known[name].mode.value, "send_once": known[name].send_once}
            for name in names
            if name in known and known[name].enabled
        ]
        shown: list[Json] = [
            {
                "name": rule.name,
                "severity": rule.severity.value,
                "can_be_muted": rule.can_be_muted,
                "transports": [*_by(rule, groups)],
                "because": {
                    "group": _group_of(rule, groups),
                    "own_events": rule.destination_event_user,
                },
            }
            for rule in rules
        ]
        return {
            "user": username,
            "effective": Wishes.of(username, self._store.said(username), defaults).to_json(),
            "defaults": defaults.to_json(),
            "rules": shown,
            "transports": transports,
        }

    def _person(self, username: str) -> User:
        user = self._editor.people.user(username)
        if user is None:
            raise NotFound(f"there is no user {username[:120]!r}")
        return user


def _group_of(rule: NotificationRule, groups: Collection[str]) -> str | None:
    """Return the first of `groups` that the rule notifies, at once or by a step; None where it notifies none."""
    return next((name for name in rule.destination_groups if name in groups), None)


def _by(rule: NotificationRule, groups: Collection[str]) -> tuple[str, ...]:
    """Return the names of the transports by which a rule can reach a member of `groups`, each once."""
    named = rule.transports or (INBOX.name,)
    told = named if rule.destination_event_user or rule.destination_group in groups else ()
    steps = (step.transports or named for step in rule.escalate if step.destination_group in groups)
    return tuple(dict.fromkeys((*told, *chain.from_iterable(steps))))


_CANNOT_BE_MUTED = "can't be muted: whoever configures rules has said so (can_be_muted)"


def _wrong(wanted: Preferences, before: Preferences, configuration: Configuration) -> list[Violation]:
    """Return what is wrong with preferences beyond single fields.

    Entries that were there before are accepted even if their rule or transport has been deleted since.
    """
    wrong = []
    if wanted.time_zone not in {before.time_zone, None}:
        try:
            zone_of(wanted.time_zone)
        except UnknownZone as unknown:
            wrong.append(Violation("time_zone", str(unknown)))
    transports = {INBOX.name, *configuration.transports_by_name}
    wrong += [
        Violation(f"transports.{name}", f"there is no transport {name!r}")
        for name in wanted.transports.keys() - before.transports.keys() - transports
    ]
    rules = {rule.name: rule for rule in configuration.rules}
    for name, said in wanted.rules.items():
        if said == before.rules.get(name):
            continue
        if name not in rules:
            wrong.append(Violation(f"rules.{name}", f"there is no rule {name!r}"))
        elif not rules[name].can_be_muted:
            wrong.append(Violation(f"rules.{name}", _CANNOT_BE_MUTED))
    return wrong


def _with(preferences: Preferences, **entries: dict[str, Any]) -> Preferences:
    """Return `preferences` with entries added to their fields, replacing entries with the same name."""
    said: dict[str, Any] = preferences.to_json()
    return accepted(Preferences, said | {field: said.get(field, {}) | more for field, more in entries.items()})


def _difference(before: Preferences, after: Preferences) -> dict[str, Json]:
    """Return {field: {from, to}} of the fields that differ."""
    old, new = before.to_json(), after.to_json()
    changed = [field for field in sorted(old.keys() | new.keys()) if old.get(field) != new.get(field)]
    return {field: {"from": old.get(field), "to": new.get(field)} for field in changed}
