"""Rules: what is asked of an event, and which rules fire for it."""

from tocsin.rules.models import (
    Binding,
    EventMatcher,
    ExpressionPolicy,
    NotificationRule,
    PatternPolicy,
    Policy,
    PolicyEngineMode,
)
from tocsin.rules.ruleset import MAX_DEPTH, Audience, BindingResult, Firing, RuleSet

__all__ = [
    "MAX_DEPTH",
    "Audience",
    "Binding",
    "BindingResult",
    "EventMatcher",
    "ExpressionPolicy",
    "Firing",
    "NotificationRule",
    "PatternPolicy",
    "Policy",
    "PolicyEngineMode",
    "RuleSet",
]
