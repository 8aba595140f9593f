"""Which rules fire for an event, and why.

The event matchers and patterns of all rules are one index, which one look at the event decides; the index
gives the policies that hold, those give the rules that they may fire, and only these are looked at. Bindings
that can't be indexed (expressions, users, groups) are evaluated only where the indexed part of their rule
still leaves the question open.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tocsin.events.model import Event
from tocsin.expressions import Bindings, Expression, ExpressionError, bind
from tocsin.patterns import Pattern, PatternError, PatternIndex
from tocsin.rules.load import too_large, used
from tocsin.rules.model import (
    Binding,
    NotificationRule,
    Policy,
    PolicyEngineMode,
    Silence,
)
from tocsin.rules.parts import pattern_of, silencing_pattern, silencing_source, source_of
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject

MAX_DEPTH = 3
"""How many events may have caused one another: what Tocsin reports of its reports of its reports fires nothing, nor
what webhooks post for what webhooks posted."""


class Audience(Protocol):
    """What rules may ask about the person behind an event. Answers may cost a read; they are asked late."""

    def user(self) -> JsonObject:
        """The event's user as expressions see it: username, pk, email, name, groups."""

    def is_in_group(self, group: str) -> bool:
        """Whether the event's user is in `group` or in a group below it."""

    def username(self) -> str | None:
        """The name of the event's user: as the directory has it, else as the event says; None for nobody."""


class Person(Protocol):
    """Somebody as the directory, or a blueprint, has them."""

    @property
    def username(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def name(self) -> str: ...


def person_behind(event: Event, known: Person | None, groups: Iterable[str]) -> JsonObject:
    """{username, pk, email, name, groups}: what `event` says of its user, completed by who is `known` of them."""
    return {
        "username": (known.username if known else event.username) or "",
        "pk": event.user.get("pk"),
        "email": event.user_email or (known.email if known else ""),
        "name": known.name if known else "",
        "groups": [*groups],
    }


@dataclass(frozen=True, slots=True)
class BindingResult:
    """What one binding said: `passed` is after negation; `reason` is for people."""

    binding: Binding
    passed: bool
    reason: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that fires for an event, with the bindings that were looked at until that was clear."""

    rule: NotificationRule
    results: tuple[BindingResult, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rule fires for an event, or does not."""

    results: tuple[BindingResult, ...]
    fires: bool
    loop: str | None
    """Why it does not fire although its bindings may hold: it would feed itself."""
    silence: Silence | None


@dataclass(frozen=True, slots=True)
class PolicyFailure:
    """A policy that could not be evaluated for an event."""

    policy: str
    rule: str
    error: str


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """What a policy with `execution_logging` said of an event. `message` is for people; of a failure, what failed."""

    policy: str
    passed: bool
    message: str
    seconds: float
    """How long it took by itself: what the index decides, it decides for all policies at once."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that the rule set says about one event."""

    firings: tuple[Firing, ...]
    failures: tuple[PolicyFailure, ...] = ()
    """One a policy, with the first rule that asked it."""
    silence: Silence | None = None
    """What keeps all of them from telling anybody, where something does."""
    runs: tuple[PolicyRun, ...] = ()
    """Of policies with `execution_logging`, by name."""


class RuleSet:
    """All enabled rules, ready to look at events. Immutable; building it costs, asking it does not.

    Raises PatternError or ExpressionError where a policy does not compile. With `lenient` it is `broken` instead: a
    rule that asks it gets its failure, as of an expression that fails, and the other rules go on; a silence silences
    nothing.
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
        """Why a policy, or a silence by its key, could not be loaded."""
        if self.broken and not lenient:
            raise PatternError("", "", next(iter(self.broken.values())))
        self._index = self._index_of(patterns, lenient=lenient)
        # A policy that is wholly in the index needs no other look; an event matcher with a query needs both.
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

    def _index_of(self, patterns: Mapping[str, JsonObject], *, lenient: bool) -> PatternIndex[str]:
        """The index of `patterns` without the broken ones; they are looked at one by one only where one of them is."""
        try:
            return PatternIndex({name: pattern for name, pattern in patterns.items() if name not in self.broken})
        except PatternError:
            if not lenient:
                raise
        for name, pattern in patterns.items():
            try:
                Pattern(pattern)
            except PatternError as error:
                self.broken.setdefault(name, str(error))
        return PatternIndex({name: pattern for name, pattern in patterns.items() if name not in self.broken})

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

    def judge(self, event: Event, audience: Audience, now: datetime | None = None) -> Verdict:
        """The rules that fire for `event`, in the order of their names, and the policies that failed.

        An event that Tocsin itself made never fires the rule that caused it, and none at MAX_DEPTH.
        """
        if event.cause is not None and event.cause.depth >= MAX_DEPTH:
            return Verdict(())
        look = _Look(event, audience, now or utc_now(), self)
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
        # What Tocsin reported itself is judged, but reports nothing more: one broken policy would otherwise make an
        # event of each event that it makes.
        failures = tuple(look.failures.values()) if event.cause is None else ()
        return Verdict(tuple(firings), failures, silence, tuple(look.run(policy) for policy in self._logged))

    def silence_of(self, look: _Look) -> Silence | None:
        """The silence that holds now for the event that `look` is at; the first by name."""
        for key in sorted((look.held & self._silences.keys()) | self._silences_without_pattern):
            silence = self._silences[key]
            if silence.holds_at(look.now) and look.silenced_by_expression(self._silencing_expressions.get(key)):
                return silence
        return None

    def explain(
        self, rule: NotificationRule, event: Event, audience: Audience, now: datetime | None = None
    ) -> Explanation:
        """Each enabled binding's result for `event`, none left out, and whether `rule` fires.

        `rule` must be one that this set was made of; a disabled one is explained as if it were not.
        """
        look = _Look(event, audience, now or utc_now(), self)
        results, holds = look.at(rule, everything=True)
        refusal = _loop(event, rule)
        return Explanation(tuple(results), holds and refusal is None, refusal, self.silence_of(look))

    def _wakers(self, rule: NotificationRule) -> list[str] | None:
        """The policies without one of which `rule` can't fire; None where there are no such."""
        bindings = [binding for binding in rule.bindings if binding.enabled]
        plain = [b.policy for b in bindings if b.policy in self._indexed and not b.negate]
        if rule.policy_engine_mode is PolicyEngineMode.ALL:
            return plain[:1] or None
        return plain if len(plain) == len(bindings) else None

    def _evaluate(self, look: _Look, policy: str) -> bool:
        """Whether `policy` holds. Raises ExpressionError, also for a policy that could not be loaded."""
        if policy in self.broken:
            raise ExpressionError("bounds", f"the policy could not be loaded: {self.broken[policy]}")
        if policy in self._indexed and policy not in look.held:
            return False
        expression = self._expressions.get(policy)
        return True if expression is None else expression.test(look.bindings(expression))


class _Look:
    """One event under the eyes of the rule set: each policy is evaluated once at the most."""

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
        """The event, its user and the time as `expression` sees them, converted once.

        Who the user is costs reads, so it is asked only for an expression that names it.
        """
        asks_who = "user" in expression.names
        if asks_who not in self._bindings:
            values: dict[str, Json | datetime] = {"event": self._json | {"summary": self._event.summary}}
            values |= {"user": self._audience.user()} if asks_who else {}
            self._bindings[asks_who] = bind(**values, now=self.now)
        return self._bindings[asks_who]

    def silenced_by_expression(self, expression: Expression | None) -> bool:
        """Whether a silence's query holds; one that fails silences nothing: rather a page too many."""
        if expression is None:
            return True
        try:
            return expression.test(self.bindings(expression))
        except ExpressionError:
            return False

    def at(self, rule: NotificationRule, *, everything: bool = False) -> tuple[list[BindingResult], bool]:
        """The results of `rule`'s bindings until it is clear whether it fires, and whether it does."""
        bindings = sorted((b for b in rule.bindings if b.enabled), key=lambda b: b.order)
        if not everything:  # what the index has decided costs nothing, so it is asked first
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
        """Whether the policy holds, or why that can't be told."""
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
        """What `policy` says of the event, whether or not a rule asked it."""
        holds = self._policy(policy)
        message = holds if isinstance(holds, str) else "holds" if holds else "does not hold"
        return PolicyRun(policy, holds is True, message, self._seconds[policy])


def _loop(event: Event, rule: NotificationRule) -> str | None:
    """Why `rule` may not fire for an event that Tocsin made; None where it may."""
    cause = event.cause
    if cause is None:
        return None
    if cause.depth >= MAX_DEPTH:
        told = "that Tocsin reported one of another" if cause.rule or cause.transport else "that caused one another"
        return f"the event is the last of {cause.depth} {told}: nothing fires for it"
    return "this rule caused the event, and does not fire for what it causes" if cause.rule == rule.name else None


def _silence_key(silence: Silence) -> str:
    """A name in the index that no policy can have."""
    return f"silence\0{silence.name}"
