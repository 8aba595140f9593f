"""What of a policy or a silence is an event pattern, and what an expression."""

from __future__ import annotations

from tocsin.events.model import CUSTOM_PREFIX, stored_action
from tocsin.rules.model import EventMatcher, ExpressionPolicy, Matching, PatternPolicy, Policy, Silence
from tocsin.types import Json, JsonObject


def pattern_of(policy: Policy) -> JsonObject | None:
    """The policy as an event pattern, as far as it is one."""
    if isinstance(policy, PatternPolicy):
        return policy.pattern
    if isinstance(policy, EventMatcher):
        return matcher_pattern(policy) or None
    return None


def matcher_pattern(matcher: Matching) -> JsonObject:
    """The event pattern that says what `matcher` says of action, app, model and client IP; {} for none of these."""
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


def said_in(said: Policy | Silence) -> str:
    """The field that says what a policy or a silence holds for; empty for a policy that says it in several."""
    if isinstance(said, Silence):
        return "matcher" if said.pattern is None else "pattern"
    if isinstance(said, EventMatcher):
        return "query" if said.query is not None else ""
    return "pattern" if isinstance(said, PatternPolicy) else "expression"


def source_of(policy: Policy) -> str | None:
    """The policy's expression; None for one that has none."""
    if isinstance(policy, ExpressionPolicy):
        return policy.expression
    return policy.query if isinstance(policy, EventMatcher) else None


def silencing_pattern(silence: Silence) -> JsonObject:
    """The events that `silence` is about, as far as a pattern says it; {} where none does."""
    if silence.pattern is not None:
        return silence.pattern
    return matcher_pattern(silence.matcher) if silence.matcher is not None else {}


def silencing_source(silence: Silence) -> str | None:
    """The silence's query; None for one that has none."""
    return silence.matcher.query if silence.matcher is not None else None
