"""Check a blueprint as a whole: names exist and are unique, policies compile, fields fit their transport's mode."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from tocsin.config.blueprint.model import MASK, Blueprint, TransportEntry
from tocsin.config.blueprint.preset_fields import check_preset, preset_of
from tocsin.config.blueprint.rule_tests import run_tests
from tocsin.config.blueprint.slack_fields import check_bot, check_picture, is_by_bot
from tocsin.config.settings import Settings
from tocsin.errors import MOST, Invalid, Violation
from tocsin.expressions import ExpressionError
from tocsin.ids import usual_spelling
from tocsin.models import accepted
from tocsin.notifications.mapping import MappingFailed, check_mapping
from tocsin.notifications.own_headers import is_own_header
from tocsin.notifications.rule_words import check_runbook, check_template
from tocsin.notifications.signing import InvalidSecretError, check_secret
from tocsin.notifications.transport import TransportMode
from tocsin.outbound import (
    ClientCertificate,
    OutboundBlocked,
    OutboundPolicy,
    check_certificates,
    check_headers,
    check_url,
)
from tocsin.patterns import PatternError
from tocsin.rules.endings import Endings
from tocsin.rules.load import Overloaded, check_load
from tocsin.rules.model import Binding, NotificationRule, Policy, Silence, not_over
from tocsin.rules.parts import said_in
from tocsin.rules.ruleset import RuleSet
from tocsin.telling.preferences import Preferences
from tocsin.times import UnknownZone, parse_duration, utc_now, zone_of

_URL_MODES = {TransportMode.WEBHOOK, TransportMode.WEBHOOK_SLACK}
_MODES_OF = {
    "url": _URL_MODES,
    "secret": {TransportMode.WEBHOOK},
    "body_mapping": {TransportMode.WEBHOOK, TransportMode.WEBHOOK_SLACK, TransportMode.LOCAL},
    "headers_mapping": {TransportMode.WEBHOOK},
    "preset": {TransportMode.WEBHOOK},
    "headers": {TransportMode.WEBHOOK},
    "ca": _URL_MODES,
    "client_certificate": {TransportMode.WEBHOOK},
    "client_key": {TransportMode.WEBHOOK},
    "slack_format": {TransportMode.WEBHOOK_SLACK},
    "bot_token": {TransportMode.WEBHOOK_SLACK},
    "channel": {TransportMode.WEBHOOK_SLACK},
    "html_template": {TransportMode.EMAIL},
    "text_template": {TransportMode.EMAIL},
}
"""The modes of each transport field that not every mode has. A chat webhook is authenticated by its URL instead of a
signing secret."""

_NAME_OF = {"users": "username"}
_RESERVED = re.compile("admin|tocsin|oidc[-:].*", re.IGNORECASE)
"""Names that no key may have: change events use them for the admin key, Tocsin itself and holders of tokens."""

_AMPLE = timedelta(days=365 * 1000)
"""A margin below the last date that Python can represent, for moments that are computed from a setting."""

_MAX_KEY_NAMES = 1000
"""Most names of keys in the settings, which are part of the version item: an item holds 400 KB."""

MAX_HEADER_BYTES = 6_000
"""Bytes of all secret headers of one webhook. Most servers accept 8 KB of headers, including those that we add."""

_MAX_HEADER_SHOWN = 60

_MAX_GROUPS = 200
"""Most groups that the settings may give scopes to, for the same reason."""


def check(blueprint: Blueprint, policy: OutboundPolicy) -> list[Violation]:
    """Return what is wrong with `blueprint` beyond single fields, with paths. `policy` judges webhooks' URLs."""
    mappings = {mapping.name for mapping in blueprint.mappings}
    wrong = [
        *_settings(blueprint.settings),
        *_names(blueprint),
        *_person_keys(blueprint),
        *_groups(blueprint),
        *_mappings(blueprint),
        *(
            wrong
            for position, transport in enumerate(blueprint.transports)
            for wrong in _transport(f"transports[{position}]", transport, mappings, policy)
        ),
        *_policies(blueprint),
        *_rules(blueprint),
        *_keys(blueprint),
        *_silences(blueprint),
    ]
    # Run tests only on an otherwise valid configuration: else they would fail because of its other faults.
    wrong = wrong or list(_load(blueprint)) or list(run_tests(blueprint))
    if len(wrong) > MOST:
        wrong[MOST:] = [Violation("", f"and {len(wrong) - MOST:,} more")]
    return wrong


def _settings(settings: Settings) -> Iterator[Violation]:
    for name in ("event_retention", "notification_retention"):
        try:
            utc_now() + parse_duration(getattr(settings, name)) + _AMPLE
        except OverflowError:
            yield Violation(f"settings.{name}", "reaches beyond what a date can hold; days=36500 is a century")
    sooner = settings.seen_notification_retention
    if sooner is not None and parse_duration(sooner) > parse_duration(settings.notification_retention):
        kept = f"{sooner} is longer than notification_retention, {settings.notification_retention}"
        yield Violation("settings.seen_notification_retention", kept)
    for name in ("secret_keys", "exempt_keys"):
        if len(getattr(settings, name)) > _MAX_KEY_NAMES:
            yield Violation(f"settings.{name}", f"names more than {_MAX_KEY_NAMES:,} keys")
    if len(settings.group_scopes) > _MAX_GROUPS:
        yield Violation("settings.group_scopes", f"has {len(settings.group_scopes):,} groups; at most {_MAX_GROUPS:,}")
    try:
        said = accepted(Preferences, settings.preferences_defaults, prefix="settings.preferences_defaults")
        zone_of(said.time_zone or "UTC")
    except Invalid as wrong:
        yield from wrong.violations
    except UnknownZone as unknown:
        yield Violation("settings.preferences_defaults.time_zone", str(unknown))
    seen: set[str] = set()
    for position, entry in enumerate(settings.group_scopes):
        if entry.group in seen:
            yield Violation(f"settings.group_scopes[{position}].group", f"{entry.group!r} is there twice")
        seen.add(entry.group)


def _names(blueprint: Blueprint) -> Iterator[Violation]:
    named: dict[str, list[str]] = {
        "users": [user.username for user in blueprint.users],
        "groups": [group.name for group in blueprint.groups],
        "mappings": [mapping.name for mapping in blueprint.mappings],
        "transports": [transport.name for transport in blueprint.transports],
        "policies": [policy.name for policy in blueprint.policies],
        "rules": [rule.name for rule in blueprint.rules],
        "silences": [silence.name for silence in blueprint.silences],
        "keys": [key.name for key in blueprint.keys],
    }
    for kind, names in named.items():
        seen: set[str] = set()
        for position, name in enumerate(names):
            if name != name.strip():
                yield Violation(f"{kind}[{position}].{_NAME_OF.get(kind, 'name')}", f"{name!r} ends with a blank")
            if kind == "keys" and _RESERVED.fullmatch(name):
                yield Violation(f"keys[{position}].name", f"{name!r} is kept for Tocsin: it would be taken for another")
            if name in seen:
                yield Violation(f"{kind}[{position}].{_NAME_OF.get(kind, 'name')}", f"{name!r} is there already")
            seen.add(name)


def _person_keys(blueprint: Blueprint) -> Iterator[Violation]:
    """Yield a Violation for each user key (`pk`) used twice: 7 and "7" are one key, and so are a UUID's spellings."""
    having: dict[str, str] = {}
    for position, user in list(enumerate(blueprint.users))[::-1]:
        if user.pk is not None:
            other = having.setdefault(usual_spelling(str(user.pk)), user.username)
            if other != user.username:
                yield Violation(f"users[{position}].pk", f"{user.pk!r} is the key of user {other!r}")


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


def _mappings(blueprint: Blueprint) -> Iterator[Violation]:
    for position, mapping in enumerate(blueprint.mappings):
        try:
            check_mapping(mapping.expression)
        except MappingFailed as failure:
            yield Violation(f"mappings[{position}].expression", str(failure))


def _transport(
    path: str, transport: TransportEntry, mappings: Collection[str], policy: OutboundPolicy
) -> Iterator[Violation]:
    for field, modes in _MODES_OF.items():
        if getattr(transport, field) is not None and transport.mode not in modes:
            yield Violation(f"{path}.{field}", f"has no meaning for the mode {transport.mode.value}")
    preset = preset_of(transport)
    by_bot = is_by_bot(transport)
    has_default = by_bot or (preset is not None and preset.address.default is not None)
    if transport.mode in _URL_MODES and transport.url is None and not has_default:
        needs = f"the mode {transport.mode.value}" if preset is None else f"the preset {preset.name}"
        yield Violation(f"{path}.url", f"is required for {needs}")
    elif transport.url is not None and not (_is_chat(transport) and not by_bot and transport.url.endswith(MASK)):
        try:
            check_url(transport.url, policy)
        except OutboundBlocked as blocked:
            yield Violation(f"{path}.url", str(blocked))
    if transport.secret is not None and transport.secret != MASK and transport.mode is TransportMode.WEBHOOK:
        try:
            check_secret(transport.secret)
        except InvalidSecretError as error:
            yield Violation(f"{path}.secret", str(error))
    for field in ("body_mapping", "headers_mapping"):
        name = getattr(transport, field)
        if name is not None and name not in mappings:
            yield _missing(f"{path}.{field}", "mapping", name, mappings)
    yield from check_preset(path, transport)
    yield from check_bot(path, transport)
    yield from check_picture(path, transport)
    yield from _headers(path, transport)
    yield from _templates(path, transport)
    yield from _certificates(path, transport)


def _is_chat(transport: TransportEntry) -> bool:
    return transport.mode is TransportMode.WEBHOOK_SLACK


def _headers(path: str, transport: TransportEntry) -> Iterator[Violation]:
    """Yield what is wrong with secret headers. Messages never contain a header's value."""
    seen: set[str] = set()
    for name, value in (transport.headers or {}).items():
        field = f"{path}.headers.{name[:_MAX_HEADER_SHOWN]}"
        if is_own_header(name):
            yield Violation(field, "is a header that Tocsin sets itself")
        if name.lower() in seen:
            yield Violation(field, "is there twice: a header's name has no case")
        seen.add(name.lower())
        if value != MASK and MASK in value:
            yield Violation(field, "stands masked in part: give the whole value, or the mask alone to keep it")
        if not value.strip():
            yield Violation(field, "is blank")
        try:
            check_headers({name: value})
        except OutboundBlocked as blocked:
            yield Violation(field, str(blocked))
    size = sum(len(name) + len(value.encode(errors="replace")) for name, value in (transport.headers or {}).items())
    if size > MAX_HEADER_BYTES:
        yield Violation(f"{path}.headers", f"has {size:,} bytes of names and values; at most {MAX_HEADER_BYTES:,}")


def _templates(path: str, transport: TransportEntry) -> Iterator[Violation]:
    for field in ("html_template", "text_template"):
        source = getattr(transport, field)
        if source is not None:
            from tocsin.notifications.templates.sandbox import TemplateRejected, check_custom  # noqa: PLC0415 - Jinja2

            try:
                check_custom(source, html=field == "html_template")
            except TemplateRejected as rejected:
                yield Violation(f"{path}.{field}", str(rejected))


def _certificates(path: str, transport: TransportEntry) -> Iterator[Violation]:
    if transport.ca is not None:
        try:
            check_certificates(transport.ca)
        except OutboundBlocked as blocked:
            yield Violation(f"{path}.ca", str(blocked))
    if (transport.client_certificate is None) != (transport.client_key is None):
        missing = "client_key" if transport.client_key is None else "client_certificate"
        yield Violation(f"{path}.{missing}", "a client certificate and its key belong together")
    elif transport.client_certificate is not None and transport.client_key not in {None, MASK}:
        try:
            check_certificates(None, ClientCertificate(transport.client_certificate, transport.client_key or ""))
        except OutboundBlocked as blocked:
            yield Violation(f"{path}.client_certificate", str(blocked))


def _load(blueprint: Blueprint) -> Iterator[Violation]:
    try:
        check_load(blueprint.rules, blueprint.policies, not_over(blueprint.silences, utc_now()))
    except Overloaded as overloaded:
        kind, name = overloaded.largest
        entries: Sequence[Policy | Silence | NotificationRule] = {
            "policy": blueprint.policies,
            "silence": blueprint.silences,
            "rule": blueprint.rules,
        }[kind]
        at = next(position for position, entry in enumerate(entries) if entry.name == name)
        plural = {"policy": "policies", "silence": "silences", "rule": "rules"}[kind]
        where = f"{plural}[{at}].{said_in(entries[at])}"
        yield Violation(where.removesuffix("."), str(overloaded))


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
        yield from _steps(path, rule, groups, transports)
        yield from _words(path, rule)
        asked: set[tuple[str, int]] = set()
        for place, binding in enumerate(rule.bindings):
            if binding.policy is not None:
                if (binding.policy, binding.order) in asked:
                    twice = f"policy {binding.policy!r} is bound with order {binding.order} already"
                    yield Violation(f"{path}.bindings[{place}].order", twice)
                asked.add((binding.policy, binding.order))
            for kind, target, known in (
                ("policy", binding.policy, policies),
                ("user", binding.user, users),
                ("group", binding.group, groups),
            ):
                if target is not None and target not in known:
                    yield _missing(f"{path}.bindings[{place}].{kind}", kind, target, known)


def _steps(path: str, rule: NotificationRule, groups: set[str], transports: set[str]) -> Iterator[Violation]:
    for position, step in enumerate(rule.escalate):
        if step.destination_group not in groups:
            yield _missing(f"{path}.escalate[{position}].destination_group", "group", step.destination_group, groups)
        for place, name in enumerate(step.transports):
            if name not in transports:
                yield _missing(f"{path}.escalate[{position}].transports[{place}]", "transport", name, transports)


def _words(path: str, rule: NotificationRule) -> Iterator[Violation]:
    try:
        Endings((replace(rule, enabled=True),))
    except ExpressionError as error:
        yield Violation(f"{path}.resolve.query", str(error))
    for field in ("title", "body"):
        source = getattr(rule, field)
        if source is not None:
            from tocsin.notifications.templates.sandbox import TemplateRejected  # noqa: PLC0415 - Jinja2

            try:
                check_template(source)
            except TemplateRejected as rejected:
                yield Violation(f"{path}.{field}", str(rejected))
    if rule.runbook is not None:
        try:
            check_runbook(rule.runbook)
        except ValueError as error:
            yield Violation(f"{path}.runbook", f"{error}: {rule.runbook[:100]!r}")


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
