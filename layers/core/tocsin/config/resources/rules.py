"""Rules and policies by name. An edit is checked together with what it refers to, and runs the tests it can break."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Annotated, Any, ClassVar

from tocsin.config.blueprint import Blueprint
from tocsin.config.blueprint import secrets as secrecy
from tocsin.config.blueprint.model import GroupEntry, UserEntry
from tocsin.config.model import Configuration
from tocsin.config.resources.editor import ConfigurationEditor
from tocsin.config.resources.snapshot_entries import Published, parse_entry
from tocsin.config.trial_events import trial_event
from tocsin.errors import Invalid
from tocsin.identity.directory import User
from tocsin.rules.model import EventMatcher, ExpressionPolicy, NotificationRule, PatternPolicy, Policy
from tocsin.rules.parts import said_in
from tocsin.types import JsonObject


class Rules(Published[NotificationRule]):
    """Notification rules."""

    kind: ClassVar[str] = "rules"
    model: ClassVar[str] = "rule"

    def __init__(self, editor: ConfigurationEditor) -> None:
        super().__init__(editor, NotificationRule)

    def _check(self, entry: NotificationRule, configuration: Configuration) -> None:
        self._editor.check(touched(self._editor, [entry], configuration.policies, configuration), "rules[0]")

    def _check_whole(self, entry: NotificationRule, configuration: Configuration) -> None:
        self._editor.check_load(self._with(configuration, entry), self._burden(entry))

    def _burden(self, entry: NotificationRule) -> str:
        return "bindings"

    def _users(self, configuration: Configuration, name: str) -> Iterable[str]:
        return ()


class Policies(Published[EventMatcher | PatternPolicy | ExpressionPolicy]):
    """Policies. An edited policy is checked together with the rules that use it and have tests."""

    kind: ClassVar[str] = "policies"
    model: ClassVar[str] = "policy"

    def __init__(self, editor: ConfigurationEditor) -> None:
        super().__init__(editor, Policy)

    def _parsed(self, given: JsonObject, name: str) -> Policy:
        from tocsin.fields import ByKind  # noqa: PLC0415 - not before one is given: it loads pydantic

        shape: Any = Annotated[Policy, ByKind]
        parsed: Policy = parse_entry(shape, given, name)
        return parsed

    def _check(self, entry: EventMatcher | PatternPolicy | ExpressionPolicy, configuration: Configuration) -> None:
        rules = [rule for rule in _asking(configuration, entry.name) if rule.tests]
        others = (policy for policy in configuration.policies if policy.name != entry.name)
        self._editor.check(
            touched(self._editor, rules, (entry, *others), configuration, always=entry.name), "policies[0]"
        )

    def _check_whole(
        self, entry: EventMatcher | PatternPolicy | ExpressionPolicy, configuration: Configuration
    ) -> None:
        self._editor.check_load(self._with(configuration, entry), self._burden(entry))

    def _burden(self, entry: EventMatcher | PatternPolicy | ExpressionPolicy) -> str:
        return said_in(entry)

    def _users(self, configuration: Configuration, name: str) -> Iterable[str]:
        return (f"rule {rule.name!r}" for rule in _asking(configuration, name))


def _asking(configuration: Configuration, policy: str) -> list[NotificationRule]:
    return [rule for rule in configuration.rules if any(binding.policy == policy for binding in rule.bindings)]


def touched(
    editor: ConfigurationEditor,
    rules: Sequence[NotificationRule],
    policies: Iterable[Policy],
    configuration: Configuration,
    *,
    always: str | None = None,
) -> Blueprint:
    """Return a blueprint of `rules` and all they refer to, with only the people that they and their tests name."""
    asked = {binding.policy for rule in rules for binding in rule.bindings} | {always}
    used = {name for rule in rules for name in rule.all_transports}
    transports = [each for each in configuration.transports if each.name in used]
    mapped = {name for each in transports for name in (each.body_mapping, each.headers_mapping)}
    tested = _people_in_tests(editor, rules, configuration)
    users = editor.known_users(*(binding.user for rule in rules for binding in rule.bindings)) | tested
    members = editor.people.memberships(configuration.groups, [*tested])
    return Blueprint(
        settings=configuration.settings,
        users=tuple(UserEntry.stored(user.to_json()) for user in users.values()),
        groups=tuple(
            GroupEntry(name=group.name, members=tuple(sorted(members.get(group.name, ()))), children=group.children)
            for group in configuration.groups
        ),
        mappings=tuple(mapping for mapping in configuration.mappings if mapping.name in mapped),
        transports=tuple(secrecy.shown(each) for each in transports),
        policies=tuple(policy for policy in policies if policy.name in asked),
        rules=tuple(rules),
    )


def _people_in_tests(
    editor: ConfigurationEditor, rules: Sequence[NotificationRule], configuration: Configuration
) -> dict[str, User]:
    """Return the users, by name, whom the events of the tests of `rules` name, by primary key or by name."""
    events = []
    for test in (test for rule in rules for test in rule.tests):
        with suppress(Invalid):  # running the test says what is wrong with its event
            events.append(trial_event(test.event, configuration.settings))
    keys = sorted({key for event in events if (key := event.user_key)})
    by_key = editor.people.users_by_pk(keys) if keys else {}
    by_name = editor.known_users(*(event.username for event in events))
    return by_name | {user.username: user for user in by_key.values()}
