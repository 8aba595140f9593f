"""Rules: what is asked of an event, and which rules fire for it."""

from tocsin.rules.model import (
    Binding,
    EventMatcher,
    ExpressionPolicy,
    Matching,
    NotificationRule,
    PatternPolicy,
    Policy,
    PolicyEngineMode,
    RuleTest,
    Silence,
    Throttle,
)
from tocsin.rules.ruleset import (
    MAX_DEPTH,
    Audience,
    BindingResult,
    Explanation,
    Firing,
    RuleSet,
    Verdict,
    person_behind,
)

__all__ = [
    "MAX_DEPTH",
    "Audience",
    "Binding",
    "BindingResult",
    "EventMatcher",
    "Explanation",
    "ExpressionPolicy",
    "Firing",
    "Matching",
    "NotificationRule",
    "PatternPolicy",
    "Policy",
    "PolicyEngineMode",
    "RuleSet",
    "RuleTest",
    "Silence",
    "Throttle",
    "Verdict",
    "person_behind",
]
