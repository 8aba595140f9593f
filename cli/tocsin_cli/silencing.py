"""Which events a silence is about, from what people type, and from a rule."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from tocsin_cli.actions import ACTIONS
from tocsin_cli.errors import CliError, UsageError
from tocsin_cli.pairs import put, scalar
from tocsin_cli.types import Json, JsonObject, objects, text

MATCHED = ("action", "app", "model", "client_ip", "query")
"""The fields of a silence's matcher; anything else is asked for by a pattern."""

EVENT = frozenset(
    [
        *("id", "action", "app", "context", "user", "client_ip", "created", "brand", "expires", "expiring"),
        *("cause", "key_id"),
    ]
)
"""What an event has. A pattern that asks for anything else holds for none."""

_CUSTOM = "custom_"
_PAIR = re.compile(r"([A-Za-z_][\w.-]*)(!=|=~|=)(.*)", re.DOTALL)


def events_of(given: Sequence[str], query: str | None = None) -> JsonObject:
    """{"matcher"} or {"pattern"} of `app=shop`, `context.host=web*`, `user.username!=alice`, all of which must hold.

    Raises UsageError.
    """
    pairs = [_pair(each) for each in given]
    names = [name for name, _, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} is given twice; all that is given must hold")
    plain = all(name in MATCHED and operator == "=" and "*" not in value for name, operator, value in pairs)
    if plain:
        matcher: JsonObject = {name: value for name, _, value in pairs}
        if query is not None:
            matcher["query"] = query
        if not matcher:
            raise UsageError("which events? Say app=shop, context.host=web1, --rule NAME or --query CEL")
        return {"matcher": matcher}
    if query is not None:
        raise UsageError(
            "--query can't stand beside a field that a matcher does not have, * or !=: put it all in --query"
        )
    pattern: JsonObject = {}
    for name, operator, value in pairs:
        for path, wanted in _paths(name, operator, value):
            put(pattern, path, wanted, f"{name}{operator}{value}")
    return {"pattern": pattern}


def events_of_rule(rule: JsonObject, policies: Mapping[str, JsonObject]) -> list[JsonObject]:
    """What has to be silenced so that `rule` tells nobody: {"matcher"} or {"pattern"} each.

    The API silences events, not rules, so that is what the rule's policies ask. What fires where a query can't be
    evaluated is silenced there too: such a matcher comes with the binding's {"failure_result": true}. CliError where
    that can't be said so.
    """
    bindings = [each for each in objects(rule.get("bindings")) if each.get("enabled", True)]
    name = text(rule, "name")
    if not bindings:
        raise CliError(f"rule {name!r} has no enabled binding: it never fires")
    asked = [_asked(name, binding, policies) for binding in bindings]
    if rule.get("policy_engine_mode") != "all" or len(asked) == 1:
        return asked
    joined: JsonObject = {}
    failing: JsonObject = {}
    for each in asked:
        matcher = each.get("matcher")
        if not isinstance(matcher, dict) or joined.keys() & matcher.keys():
            raise CliError(
                f"what rule {name!r} asks can't be said as one silence",
                hint="describe the events: tocsin silence app=…",
            )
        joined |= matcher
        failing |= {name: value for name, value in each.items() if name != "matcher"}
    return [{"matcher": joined, **failing}]


def rules_touched(rule: JsonObject, rules: Sequence[JsonObject]) -> list[str]:
    """Other rules that ask one of the rule's policies: they are silent for these events too."""
    mine = {text(each, "policy") for each in objects(rule.get("bindings")) if each.get("policy")}
    return [
        text(other, "name")
        for other in rules
        if other.get("name") != rule.get("name")
        and mine & {text(each, "policy") for each in objects(other.get("bindings")) if each.get("enabled", True)}
    ]


def _asked(rule: str, binding: JsonObject, policies: Mapping[str, JsonObject]) -> JsonObject:
    hint = "describe the events: tocsin silence app=…"
    if binding.get("negate") or not binding.get("policy"):
        raise CliError(f"rule {rule!r} asks who somebody is, or what does not hold: no silence says that", hint=hint)
    policy = policies.get(text(binding, "policy"), {})
    failing: JsonObject = {"failure_result": True} if binding.get("failure_result") else {}
    match policy.get("kind"):
        case "event_matcher":
            matcher: JsonObject = {name: policy[name] for name in MATCHED if policy.get(name)}
            return {"matcher": matcher, **(failing if "query" in matcher else {})}
        case "pattern":
            return {"pattern": policy.get("pattern")}
        case "expression":
            return {"matcher": {"query": policy.get("expression")}, **failing}
    raise CliError(f"rule {rule!r} asks a policy that is not there: {text(binding, 'policy')!r}")


def _pair(given: str) -> tuple[str, str, str]:
    found = _PAIR.fullmatch(given)
    if found is None or not found[3]:
        raise UsageError(f"{given!r} is not FIELD=VALUE")
    name, operator, value = found.groups()
    if operator == "=~":
        raise UsageError(f"{given!r}: there are no regular expressions here; use * or --query 'event.app.matches(…)'")
    return name, operator, value


def _paths(name: str, operator: str, value: str) -> list[tuple[list[str], Json]]:
    """Where in an event a field stands, and what a pattern asks of it."""
    if name == "query":
        raise UsageError("query is --query")
    if name == "model":
        model_app, _, model_name = value.rpartition(".")
        if operator != "=" or not model_app:
            raise UsageError("model is app.model_name, and asked for by = alone")
        parts = (("app", model_app), ("model_name", model_name))
        return [(["context", "model", part], [_alike(asked) if "*" in asked else asked]) for part, asked in parts]
    path = name.split(".")
    if path[0] not in EVENT:
        raise UsageError(f"{name}: no event has {path[0]!r}; there are: {', '.join(sorted(EVENT | {'model'}))}")
    return [(path, _wanted(name, operator, value))]


def _wanted(name: str, operator: str, value: str) -> Json:
    """What a pattern asks of a field, as a matcher and people mean it.

    A value that is typed may be a text or a number in the event; actions are stored with their prefix; a network is
    what an address is in.
    """
    number = scalar(value)
    if operator == "!=":
        if number is not None or (name == "client_ip" and "/" in value):
            raise UsageError(f"{name}!={value} can't be said of numbers and networks so: write it as --query")
        if name == "action" and value == _CUSTOM:
            return [{"anything-but": {"prefix": _CUSTOM}}]
        spelled = _stored(value) if name == "action" else [_address(value) if name == "client_ip" else value]
        wanted: list[Json] = [_escaped(each) if "*" in value else each for each in spelled]
        one: Json = wanted[0] if len(wanted) == 1 else wanted
        return [{"anything-but": {"wildcard": one} if "*" in value else one}]
    if name == "action":
        if value == _CUSTOM:
            return [{"prefix": _CUSTOM}]
        return [_alike(each) if "*" in value else each for each in _stored(value)]
    if name == "client_ip" and "/" in value:
        return [{"cidr": value}]
    if "*" in value:
        return [_alike(value)]
    return [value] if number is None else [value, number]


def _alike(value: str) -> Json:
    return {"wildcard": _escaped(value)}


def _escaped(value: str) -> str:
    r"""`value` as a wildcard has it, where a backslash escapes: `DOMAIN\al*` is of a name with one. `\*` is a star."""
    return re.sub(r"\\(?!\*)", r"\\\\", value)


def _address(value: str) -> str:
    """An address as events have it, since anything-but compares texts; another text as it is."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return value
    return str(getattr(address, "ipv4_mapped", None) or address)


def _stored(action: str) -> list[str]:
    """The action as events have it; what has a `*` may begin a known one and one of your own."""
    if action in ACTIONS or action.startswith(_CUSTOM):
        return [action]
    return [action, _CUSTOM + action] if "*" in action else [_CUSTOM + action]
