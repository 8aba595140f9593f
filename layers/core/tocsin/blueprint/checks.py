"""What a blueprint must hold as a whole: names that exist, used once, and policies that compile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tocsin.blueprint.document import MASK, Blueprint, TransportEntry
from tocsin.blueprint.rehearsal import run_tests
from tocsin.errors import Violation
from tocsin.expressions import ExpressionError
from tocsin.outbound import OutboundBlocked, OutboundPolicy, check_url
from tocsin.patterns import PatternError
from tocsin.rules import Binding, NotificationRule, RuleSet
from tocsin.signing import InvalidSecretError, check_secret
from tocsin.transports import TransportMode

_URL_MODES = {TransportMode.WEBHOOK, TransportMode.WEBHOOK_SLACK}


def check(blueprint: Blueprint, policy: OutboundPolicy) -> list[Violation]:
    """All that is wrong with `blueprint` beyond its fields, each with its path; webhooks' URLs by `policy`."""
    wrong = [
        *_names(blueprint),
        *_groups(blueprint),
        *(
            wrong
            for position, transport in enumerate(blueprint.transports)
            for wrong in _transport(f"transports[{position}]", transport, policy)
        ),
        *_policies(blueprint),
        *_rules(blueprint),
        *_keys(blueprint),
        *_silences(blueprint),
    ]
    # Tests are run on a configuration that is whole: on another they would fail for its faults.
    return wrong or list(run_tests(blueprint))


def _names(blueprint: Blueprint) -> Iterator[Violation]:
    named: dict[str, list[str]] = {
        "users": [user.username for user in blueprint.users],
        "groups": [group.name for group in blueprint.groups],
        "transports": [transport.name for transport in blueprint.transports],
        "policies": [policy.name for policy in blueprint.policies],
        "rules": [rule.name for rule in blueprint.rules],
        "silences": [silence.name for silence in blueprint.silences],
        "keys": [key.name for key in blueprint.keys],
    }
    for kind, names in named.items():
        seen: set[str] = set()
        for position, name in enumerate(names):
            if name in seen:
                field = "username" if kind == "users" else "name"
                yield Violation(f"{kind}[{position}].{field}", f"{name!r} is there already")
            seen.add(name)


def _groups(blueprint: Blueprint) -> Iterator[Violation]:
    users = {user.username for user in blueprint.users}
    children = {group.name: group.children for group in blueprint.groups}
    for position, group in enumerate(blueprint.groups):
        for place, name in enumerate(group.members):
            if name not in users:
                yield _missing(f"groups[{position}].members[{place}]", "user", name, users)
        for place, name in enumerate(group.children):
            if name not in children:
                yield _missing(f"groups[{position}].children[{place}]", "group", name, children)
        if group.name in _below(children, group.name):
            yield Violation(f"groups[{position}].children", f"group {group.name!r} is below itself")


def _below(children: dict[str, tuple[str, ...]], name: str) -> set[str]:
    below: set[str] = set()
    stack = list(children.get(name, ()))
    while stack:
        current = stack.pop()
        if current not in below:
            below.add(current)
            stack.extend(children.get(current, ()))
    return below


def _transport(path: str, transport: TransportEntry, policy: OutboundPolicy) -> Iterator[Violation]:
    if transport.mode not in _URL_MODES:
        for field in ("url", "secret"):
            if getattr(transport, field) is not None:
                yield Violation(f"{path}.{field}", f"has no meaning for the mode {transport.mode.value}")
        return
    if transport.url is None:
        yield Violation(f"{path}.url", f"is required for the mode {transport.mode.value}")
    elif not transport.url.endswith(MASK):
        try:
            check_url(transport.url, policy)
        except OutboundBlocked as blocked:
            yield Violation(f"{path}.url", str(blocked))
    if transport.secret is None or transport.secret == MASK:
        return
    if transport.mode is not TransportMode.WEBHOOK:
        yield Violation(f"{path}.secret", "has no meaning for the mode webhook_slack: its URL is its secret")
        return
    try:
        check_secret(transport.secret)
    except InvalidSecretError as error:
        yield Violation(f"{path}.secret", str(error))


def _policies(blueprint: Blueprint) -> Iterator[Violation]:
    for position, policy in enumerate(blueprint.policies):
        probe = NotificationRule(name="probe", bindings=(Binding(policy=policy.name),))
        try:
            RuleSet([probe], [policy])
        except PatternError as error:
            yield Violation(f"policies[{position}].pattern", str(error))
        except ExpressionError as error:
            field = "query" if policy.kind == "event_matcher" else "expression"
            yield Violation(f"policies[{position}].{field}", str(error))


def _rules(blueprint: Blueprint) -> Iterator[Violation]:
    users = {user.username for user in blueprint.users}
    groups = {group.name for group in blueprint.groups}
    policies = {policy.name for policy in blueprint.policies}
    transports = {transport.name for transport in blueprint.transports}
    for position, rule in enumerate(blueprint.rules):
        path = f"rules[{position}]"
        for place, name in enumerate(rule.transports):
            if name not in transports:
                yield _missing(f"{path}.transports[{place}]", "transport", name, transports)
        if rule.destination_group is not None and rule.destination_group not in groups:
            yield _missing(f"{path}.destination_group", "group", rule.destination_group, groups)
        for place, binding in enumerate(rule.bindings):
            for kind, target, known in (
                ("policy", binding.policy, policies),
                ("user", binding.user, users),
                ("group", binding.group, groups),
            ):
                if target is not None and target not in known:
                    yield _missing(f"{path}.bindings[{place}].{kind}", kind, target, known)


def _silences(blueprint: Blueprint) -> Iterator[Violation]:
    for position, silence in enumerate(blueprint.silences):
        path = f"silences[{position}]"
        try:
            RuleSet((), (), (silence,))
        except PatternError as error:
            yield Violation(f"{path}.pattern", str(error))
        except ExpressionError as error:
            yield Violation(f"{path}.matcher.query", str(error))


def _keys(blueprint: Blueprint) -> Iterator[Violation]:
    users = {user.username for user in blueprint.users}
    for position, key in enumerate(blueprint.keys):
        if key.user is not None and key.user not in users:
            yield _missing(f"keys[{position}].user", "user", key.user, users)


def _missing(path: str, kind: str, name: str, known: Iterable[str]) -> Violation:
    there = sorted(known)
    shown = ", ".join(there[:10]) + (", …" if len(there) > 10 else "")
    return Violation(path, f"there is no {kind} {name!r}; there are: {shown or 'none'}")
