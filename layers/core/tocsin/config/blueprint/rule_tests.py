"""Run the tests that rules carry: judge each test's event by its rule, with the blueprint's people, before applying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from tocsin.config.blueprint.model import Blueprint
from tocsin.config.trial_events import trial_event
from tocsin.errors import Invalid, Violation
from tocsin.events.model import Event
from tocsin.identity.directory import Group, with_descendants
from tocsin.ids import usual_spelling
from tocsin.rules.model import NotificationRule
from tocsin.rules.ruleset import RuleSet, person_behind
from tocsin.times import utc_now
from tocsin.types import JsonObject


def run_tests(blueprint: Blueprint) -> Iterator[Violation]:
    """Yield a Violation with the reasons for each test of a rule whose outcome is not the expected one."""
    if not any(rule.tests for rule in blueprint.rules):
        return
    now = utc_now()
    for position, rule in enumerate(blueprint.rules):
        if not rule.tests:
            continue
        # A disabled rule is tested as if it were enabled, so that it works when it is enabled.
        tested = replace(rule, enabled=True)
        rules = RuleSet([tested], blueprint.policies)
        for place, test in enumerate(rule.tests):
            path = f"rules[{position}].tests[{place}]"
            try:
                event = trial_event(test.event, blueprint.settings)
            except Invalid as error:
                yield from (Violation(f"{path}.event.{wrong.path}", wrong.message) for wrong in error.violations)
                continue
            wrong = _outcome(rules, tested, event, blueprint, now, expected=test.fires)
            if wrong is not None:
                yield Violation(path, wrong)


def _outcome(
    rules: RuleSet, rule: NotificationRule, event: Event, blueprint: Blueprint, now: datetime, *, expected: bool
) -> str | None:
    """Describe what is wrong with the outcome; None where it is as expected."""
    explanation = rules.explain(rule, event, _BlueprintAudience(blueprint, event), now)
    if explanation.fires is expected:
        return None
    reasons = "; ".join(result.reason for result in explanation.results) or "it has no enabled binding"
    said = "must fire, and does not" if expected else "must not fire, and does"
    return f"rule {rule.name!r} {said}: {reasons}"


class _BlueprintAudience:
    """The event's user and groups, read from the blueprint that is being checked instead of the stored directory."""

    def __init__(self, blueprint: Blueprint, event: Event) -> None:
        self._event = event
        users = {user.username: user for user in blueprint.users}
        by_pk = {usual_spelling(str(user.pk)): user for user in blueprint.users if user.pk is not None}
        self._user = by_pk.get(usual_spelling(event.user_key or "")) or users.get(event.username or "")
        self._groups = {group.name: Group(name=group.name, children=group.children) for group in blueprint.groups}
        self._members = {group.name: frozenset(group.members) for group in blueprint.groups}

    def user(self) -> JsonObject:
        return person_behind(self._event, self._user, [name for name in self._groups if self.is_in_group(name)])

    def username(self) -> str | None:
        return self._user.username if self._user else self._event.username

    def is_in_group(self, group: str) -> bool:
        below = with_descendants(self._groups, group)
        return any(self.username() in self._members[each.name] for each in below)
