"""Split policies and silences into what is a pattern and what is an expression, and index patterns."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.events.model import CUSTOM_PREFIX, stored_action
from tocsin.patterns import Pattern, PatternError, PatternIndex
from tocsin.rules.model import (
    EventMatcher,
    ExpressionPolicy,
    Matching,
    NotificationRule,
    PatternPolicy,
    Policy,
    Silence,
)
from tocsin.types import Json, JsonObject


def pattern_of(policy: Policy) -> JsonObject | None:
    """Return the part of `policy` that can be an event pattern; None where there is none."""
    if isinstance(policy, PatternPolicy):
        return policy.pattern
    if isinstance(policy, EventMatcher):
        return matcher_pattern(policy) or None
    return None


def matcher_pattern(matcher: Matching) -> JsonObject:
    """Return the event pattern for the matcher's action, app, model and client IP; {} where none of them is set."""
    pattern: JsonObject = {}
    if matcher.action is not None:
        action = stored_action(matcher.action)
        pattern["action"] = [{"prefix": CUSTOM_PREFIX}] if matcher.action == CUSTOM_PREFIX else [action]
    if matcher.app is not None:
        pattern["app"] = [matcher.app]
    if matcher.model is not None:
        app, name = matcher.model.split(".", 1)
        pattern["context"] = {"model": {"app": [app], "model_name": [name]}}
    if matcher.client_ip is not None:
        address: Json = {"cidr": matcher.client_ip} if "/" in matcher.client_ip else matcher.client_ip
        pattern["client_ip"] = [address]
    return pattern


def said_in(said: Policy | Silence | NotificationRule) -> str:
    """Return the field to blame for a condition of a policy, silence or rule's end; empty for an event matcher without
    a query."""
    if isinstance(said, NotificationRule):
        return "resolve.query"
    if isinstance(said, Silence):
        return "matcher" if said.pattern is None else "pattern"
    if isinstance(said, EventMatcher):
        return "query" if said.query is not None else ""
    return "pattern" if isinstance(said, PatternPolicy) else "expression"


def source_of(policy: Policy) -> str | None:
    """Return the policy's expression; None where it has none."""
    if isinstance(policy, ExpressionPolicy):
        return policy.expression
    return policy.query if isinstance(policy, EventMatcher) else None


def silencing_pattern(silence: Silence) -> JsonObject:
    """Return the part of `silence` that is an event pattern; {} where there is none."""
    if silence.pattern is not None:
        return silence.pattern
    return matcher_pattern(silence.matcher) if silence.matcher is not None else {}


def silencing_source(silence: Silence) -> str | None:
    """Return the silence's query; None where it has none."""
    return silence.matcher.query if silence.matcher is not None else None


def index_of(patterns: Mapping[str, JsonObject], broken: dict[str, str], *, lenient: bool) -> PatternIndex[str]:
    """Index `patterns` by name, without those that are `broken`. They are tried one by one only if one more is.

    Raises PatternError for such a one; if `lenient`, it is added to `broken` with why.
    """
    try:
        return PatternIndex({name: pattern for name, pattern in patterns.items() if name not in broken})
    except PatternError:
        if not lenient:
            raise
    for name, pattern in patterns.items():
        try:
            Pattern(pattern)
        except PatternError as error:
            broken.setdefault(name, str(error))
    return PatternIndex({name: pattern for name, pattern in patterns.items() if name not in broken})
