"""Decide which rules fire for an event, and why.

The event matchers and patterns of all rules form one index. One lookup of the event gives the policies that hold, and
only rules that these may fire are evaluated. Bindings that can't be indexed (expressions, users, groups) are evaluated
only where the indexed bindings of their rule do not decide the result.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from tocsin.events.model import Event
from tocsin.expressions import Bindings, Expression, ExpressionError, bind
from tocsin.patterns import PatternError
from tocsin.records import dataclass
from tocsin.rules.load import too_large, used
from tocsin.rules.model import (
    Binding,
    NotificationRule,
    Policy,
    PolicyEngineMode,
    Silence,
)
from tocsin.rules.parts import index_of, pattern_of, silencing_pattern, silencing_source, source_of
from tocsin.types import Json, JsonObject

MAX_DEPTH = 3
"""The depth at which an event fires no rule, which ends loops. Depth counts events that caused one another: by Tocsin's
own reports, or by events that receivers of webhooks post."""


class Audience(Protocol):
    """What rules can ask about an event's user. Answers may cost a table read, so they are asked for last."""

    def user(self) -> JsonObject:
        """Return the event's user as expressions see it: {username, pk, email, name, groups, attributes}."""

    def is_in_group(self, group: str) -> bool:
        """Whether the event's user is in `group` or in a group below it."""

    def username(self) -> str | None:
        """Return the username of the event's user: the directory's, else the event's; None without a user."""


class Person(Protocol):
    """A person as the directory or a blueprint knows them."""

    @property
    def username(self) -> str: ...
    @property
    def pk(self) -> int | str | None: ...
    @property
    def email(self) -> str: ...
    @property
    def name(self) -> str: ...


def person_behind(event: Event, known: Person | None, groups: Iterable[str]) -> JsonObject:
    """Return the user of `event`, completed from the `known` person, with every field that expressions may name.

    Nothing has `attributes` yet: they are empty.
    """
    pk = event.user.get("pk")
    return {
        "username": (known.username if known else event.username) or "",
        "pk": known.pk if known and pk in (None, "") else pk,
        "email": event.user_email or (known.email if known else ""),
        "name": known.name if known else "",
        "groups": [*groups],
        "attributes": {},
    }


@dataclass(frozen=True, slots=True)
class BindingResult:
    """The result of one binding. `passed` is after negation; `reason` is a sentence for people."""

    binding: Binding
    passed: bool
    reason: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that fires for an event, with the results of the bindings that were evaluated until that was certain."""

    rule: NotificationRule
    results: tuple[BindingResult, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rule fires for an event, or why not."""

    results: tuple[BindingResult, ...]
    fires: bool
    loop: str | None
    """Why it does not fire although its bindings may hold: it would cause a loop. None where it would not."""
    silence: Silence | None


@dataclass(frozen=True, slots=True)
class PolicyFailure:
    """A policy that could not be evaluated for an event."""

    policy: str
    rule: str
    error: str


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """The result of a policy with `execution_logging` for an event. `message` is for people, and says why it failed."""

    policy: str
    passed: bool
    message: str
    seconds: float
    """How long its own evaluation took. The index's time is not in it, since one lookup decides all policies."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a rule set for one event."""

    firings: tuple[Firing, ...]
    failures: tuple[PolicyFailure, ...] = ()
    """One per policy that failed, with the first rule that used it."""
    silence: Silence | None = None
    """The silence that keeps all of them from notifying; None where there is none."""
    runs: tuple[PolicyRun, ...] = ()
    """The results of policies with `execution_logging`, ordered by name."""


class RuleSet:
    """All enabled rules, compiled. Immutable; expensive to build, cheap to evaluate.

    Raises PatternError or ExpressionError where a policy does not compile. With `lenient` it is added to `broken`
    instead: bindings that use it fail as for an expression that fails, other rules work as usual, and a broken silence
    silences nothing.
    """

    def __init__(
        self,
        rules: Iterable[NotificationRule],
        policies: Iterable[Policy],
        silences: Iterable[Silence] = (),
        *,
        lenient: bool = False,
    ) -> None:
        self._rules = {rule.name: rule for rule in rules if rule.enabled and any(b.enabled for b in rule.bindings)}
        wanted = used(self._rules.values())
        self._policies = {policy.name: policy for policy in policies if policy.name in wanted}
        self._logged = sorted(name for name, policy in self._policies.items() if policy.execution_logging)
        self._silences = {_silence_key(silence): silence for silence in silences}
        definitions = {
            name: part for name, policy in self._policies.items() if (part := pattern_of(policy)) is not None
        }
        silencing = {key: silencing_pattern(silence) for key, silence in self._silences.items()}
        patterns = definitions | {key: pattern for key, pattern in silencing.items() if pattern}
        self.broken: dict[str, str] = too_large(patterns)
        """{policy name or silence key: reason} of what could not be compiled."""
        if self.broken and not lenient:
            raise PatternError("", "", next(iter(self.broken.values())))
        self._index = index_of(patterns, self.broken, lenient=lenient)
        # The index decides most policies alone; an event matcher with a query also needs its expression.
        self._expressions = self._compiled(
            {name: source_of(policy) for name, policy in self._policies.items()}, lenient=lenient
        )
        self._silencing_expressions = self._compiled(
            {key: silencing_source(silence) for key, silence in self._silences.items()}, lenient=lenient
        )
        self._silences = {key: silence for key, silence in self._silences.items() if key not in self.broken}
        self._silences_without_pattern = frozenset(key for key in self._silences if not silencing[key])
        self._indexed = frozenset(definitions.keys() - self.broken.keys())
        self._exact = self._indexed - self._expressions.keys()
        self._woken_by: dict[str, list[NotificationRule]] = defaultdict(list)
        self._always: list[NotificationRule] = []
        for rule in self._rules.values():
            wakers = self._wakers(rule)
            for policy in wakers or ():
                self._woken_by[policy].append(rule)
            if wakers is None:
                self._always.append(rule)

    def __len__(self) -> int:
        return len(self._rules)

    def _compiled(self, sources: Mapping[str, str | None], *, lenient: bool) -> dict[str, Expression]:
        compiled: dict[str, Expression] = {}
        for name, source in sources.items():
            if source is None or name in self.broken:
                continue
            try:
                compiled[name] = Expression.compile(source, predicate=True)
            except ExpressionError as error:
                if not lenient:
                    raise
                self.broken[name] = str(error)
        return compiled

    def judge(self, event: Event, audience: Audience, now: datetime) -> Verdict:
        """Return the rules that fire for `event`, ordered by name, the policies that failed, and the silence at `now`.

        An event that Tocsin reported never fires the rule that caused it, and no rule at MAX_DEPTH.
        """
        if event.cause is not None and event.cause.depth >= MAX_DEPTH:
            return Verdict(())
        look = _Look(event, audience, now, self)
        woken = {rule.name: rule for rule in self._always}
        for policy in look.held:
            for rule in self._woken_by.get(policy, ()):
                woken[rule.name] = rule
        firings = []
        for name in sorted(woken):
            if event.cause is not None and _loop(event, woken[name]):
                continue
            results, fires = look.at(woken[name])
            if fires:
                firings.append(Firing(woken[name], tuple(results)))
        silence = self.silence_of(look) if firings else None
        # Failures on Tocsin's own events are not reported: otherwise a broken policy would cause an event for each
        # event that it causes.
        failures = tuple(look.failures.values()) if event.cause is None else ()
        return Verdict(tuple(firings), failures, silence, tuple(look.run(policy) for policy in self._logged))

    def silence_for(self, event: Event, audience: Audience, now: datetime) -> Silence | None:
        """Return the silence in force for `event` at `now`; None where there is none."""
        return self.silence_of(_Look(event, audience, now, self)) if self._silences else None

    def silence_of(self, look: _Look) -> Silence | None:
        """Return the silence in force for the event of `look`, the first by name; None where there is none."""
        for key in sorted((look.held & self._silences.keys()) | self._silences_without_pattern):
            silence = self._silences[key]
            expression = self._silencing_expressions.get(key)
            if silence.holds_at(look.now) and look.silenced_by_expression(
                expression, failure_result=silence.failure_result
            ):
                return silence
        return None

    def explain(self, rule: NotificationRule, event: Event, audience: Audience, now: datetime) -> Explanation:
        """Evaluate every enabled binding of `rule` for `event`, and say whether it fires, and is silenced at `now`.

        `rule` must be one that this set was built from. A disabled rule is explained as if it were enabled.
        """
        look = _Look(event, audience, now, self)
        results, holds = look.at(rule, everything=True)
        refusal = _loop(event, rule)
        return Explanation(tuple(results), holds and refusal is None, refusal, self.silence_of(look))

    def _wakers(self, rule: NotificationRule) -> list[str] | None:
        """Return indexed policies of which one must hold for `rule` to fire; None where it may fire without them."""
        bindings = [binding for binding in rule.bindings if binding.enabled]
        plain = [b.policy for b in bindings if b.policy in self._indexed and not b.negate]
        if rule.policy_engine_mode is PolicyEngineMode.ALL:
            return plain[:1] or None
        return plain if len(plain) == len(bindings) else None

    def _evaluate(self, look: _Look, policy: str) -> bool:
        """Whether `policy` holds. Raises ExpressionError, also for a policy that could not be compiled."""
        if policy in self.broken:
            raise ExpressionError("bounds", f"the policy could not be loaded: {self.broken[policy]}")
        if policy in self._indexed and policy not in look.held:
            return False
        expression = self._expressions.get(policy)
        return True if expression is None else expression.test(look.bindings(expression))


class _Look:
    """The evaluation of one event. Results are kept, so that each policy is evaluated at most once."""

    def __init__(self, event: Event, audience: Audience, now: datetime, rule_set: RuleSet) -> None:
        self._event = event
        self._audience = audience
        self.now = now
        self._rule_set = rule_set
        self._known: dict[str, bool | str] = {}
        self._seconds: dict[str, float] = {}
        self._bindings: dict[bool, Bindings] = {}
        self._json = event.to_json()
        self.held = rule_set._index.match(self._json)
        self.failures: dict[str, PolicyFailure] = {}

    def bindings(self, expression: Expression) -> Bindings:
        """Return the event, its user and the time as `expression` sees them, converted once per event.

        The user costs table reads, so it is looked up only for expressions that refer to it.
        """
        asks_who = "user" in expression.names
        if asks_who not in self._bindings:
            values: dict[str, Json | datetime] = {"event": self._json | {"summary": self._event.summary}}
            values |= {"user": self._audience.user()} if asks_who else {}
            self._bindings[asks_who] = bind(**values, now=self.now)
        return self._bindings[asks_who]

    def silenced_by_expression(self, expression: Expression | None, *, failure_result: bool) -> bool:
        """Whether a silence's query holds. One that fails counts as the silence's `failure_result`.

        That is false unless said otherwise, since a needless alert is the lesser harm.
        """
        if expression is None:
            return True
        try:
            return expression.test(self.bindings(expression))
        except ExpressionError:
            return failure_result

    def at(self, rule: NotificationRule, *, everything: bool = False) -> tuple[list[BindingResult], bool]:
        """Evaluate the bindings of `rule` until it is certain whether it fires. Returns the results, and whether."""
        bindings = sorted((b for b in rule.bindings if b.enabled), key=lambda b: b.order)
        if not everything:  # bindings that the index has decided come first, since they cost nothing
            bindings.sort(key=lambda b: b.policy not in self._rule_set._exact)
        decisive = rule.policy_engine_mode is PolicyEngineMode.ANY
        results: list[BindingResult] = []
        for binding in bindings:
            result = self._result(binding, rule)
            results.append(result)
            if result.passed is decisive and not everything:
                return results, decisive
        verdicts = [result.passed for result in results]
        return results, bool(verdicts) and (any(verdicts) if decisive else all(verdicts))

    def _result(self, binding: Binding, rule: NotificationRule) -> BindingResult:
        if binding.policy is not None:
            holds = self._policy(binding.policy)
            if isinstance(holds, str):
                self.failures.setdefault(binding.policy, PolicyFailure(binding.policy, rule.name, holds))
                return BindingResult(
                    binding,
                    binding.failure_result,
                    f"{binding.target} failed, which counts as its failure_result",
                    holds,
                )
        elif binding.user is not None:
            holds = self._audience.username() == binding.user
        else:
            holds = self._audience.is_in_group(binding.group or "")
        said = f"{binding.target} {'holds' if holds else 'does not hold'}"
        return BindingResult(binding, holds is not binding.negate, said + (", negated" if binding.negate else ""))

    def _policy(self, name: str) -> bool | str:
        """Return whether the policy holds, or why it could not be evaluated."""
        known = self._known.get(name)
        if known is None:
            started = time.perf_counter()
            try:
                known = self._rule_set._evaluate(self, name)
            except ExpressionError as error:
                known = str(error)
            self._known[name], self._seconds[name] = known, time.perf_counter() - started
        return known

    def run(self, policy: str) -> PolicyRun:
        """Evaluate `policy` for the log, whether or not a rule used it for this event."""
        holds = self._policy(policy)
        message = holds if isinstance(holds, str) else "holds" if holds else "does not hold"
        return PolicyRun(policy, holds is True, message, self._seconds[policy])


def _loop(event: Event, rule: NotificationRule) -> str | None:
    """Return why `rule` must not fire for an event that Tocsin caused; None where it may."""
    cause = event.cause
    if cause is None:
        return None
    if cause.depth >= MAX_DEPTH:
        told = "that Tocsin reported one of another" if cause.rule or cause.transport else "that caused one another"
        return f"the event is the last of {cause.depth} {told}: nothing fires for it"
    return "this rule caused the event, and does not fire for what it causes" if cause.rule == rule.name else None


def _silence_key(silence: Silence) -> str:
    """Return the silence's name in the index, in a form that no policy's name can have."""
    return f"silence\0{silence.name}"
