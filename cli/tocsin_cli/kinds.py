"""The kinds of entries: how a list shows them, and what a new one begins as."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from tocsin_cli.output import Column
from tocsin_cli.silencing import MATCHED
from tocsin_cli.times import ago, local
from tocsin_cli.types import JsonObject, mapping, objects, text, texts


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of entries below /<name>."""

    name: str
    one: str
    columns: Sequence[Column]
    template: str
    switch: str | None = None
    """The field that turns an entry on and off."""
    name_field: str = "name"
    methods: frozenset[str] = field(default_factory=lambda: frozenset({"create", "set"}))
    """What can be done with it beside list, show, edit and delete."""

    @property
    def article(self) -> str:
        """`a rule`, `an API key`."""
        return f"{'an' if self.one[0] in 'aeioAEIO' else 'a'} {self.one}"


def _name(entry: JsonObject) -> str:
    return text(entry, "name")


def _asks(rule: JsonObject) -> str:
    """The bindings in one line: `failed-login and not group contractors`."""
    word = " and " if rule.get("policy_engine_mode") == "all" else " or "
    return word.join(_binding(each) for each in objects(rule.get("bindings")) if each.get("enabled", True))


def _binding(binding: JsonObject) -> str:
    target = next(
        (
            text(binding, "policy") if kind == "policy" else f"{kind} {text(binding, kind)}"
            for kind in ("policy", "user", "group")
            if binding.get(kind)
        ),
        "",
    )
    return f"not {target}" if binding.get("negate") else target


def _told(rule: JsonObject) -> str:
    people = [text(rule, "destination_group")] if rule.get("destination_group") else []
    return ", ".join([*people, *(["the event's user"] if rule.get("destination_event_user") else [])])


def _policy(policy: JsonObject) -> str:
    if policy.get("expression"):
        return text(policy, "expression")
    if policy.get("pattern"):
        return json.dumps(policy["pattern"], ensure_ascii=False)
    return ", ".join(f"{name}={text(policy, name)}" for name in MATCHED if policy.get(name))


def _silenced(silence: JsonObject) -> str:
    if silence.get("pattern"):
        return json.dumps(silence["pattern"], ensure_ascii=False)
    asked = ", ".join(f"{name}={value}" for name, value in mapping(silence.get("matcher")).items() if value)
    return f"{asked} (or it fails)" if silence.get("failure_result") else asked  # the query, which is the last of them


RULES = Kind(
    "rules",
    "rule",
    (
        Column("NAME", _name, whole=True),
        Column("ON", lambda rule: rule.get("enabled", True)),
        Column("SEVERITY", lambda rule: text(rule, "severity") or "notice", state=True),
        Column("BY", lambda rule: texts(rule.get("transports")) or ["inbox"]),
        Column("TELLS", _told),
        Column("WHEN", _asks, cut=True),
    ),
    """\
severity: notice            # notice, warning, alert
transports: []              # none: the inbox
destination_group: admins
bindings:
  - policy: a-policy
tests:
  - event: {action: login_failed}
    fires: true
""",
    switch="enabled",
)
POLICIES = Kind(
    "policies",
    "policy",
    (
        Column("NAME", _name, whole=True),
        Column("KIND", lambda policy: text(policy, "kind")),
        Column("WHAT", _policy, cut=True),
    ),
    """\
kind: event_matcher         # event_matcher, pattern, expression
action: login_failed
""",
)
TRANSPORTS = Kind(
    "transports",
    "transport",
    (
        Column("NAME", _name, whole=True),
        Column("ON", lambda transport: transport.get("enabled", True)),
        Column("MODE", lambda transport: text(transport, "mode")),
        Column("ONCE", lambda transport: transport.get("send_once", False)),
        Column("WHERE", lambda transport: text(transport, "channel") or text(transport, "url"), cut=True),
    ),
    """\
mode: webhook               # local, webhook, webhook_slack, email
url: https://hooks.example.com/tocsin
send_once: false
""",
    switch="enabled",
)
MAPPINGS = Kind(
    "mappings",
    "mapping",
    (Column("NAME", _name, whole=True), Column("EXPRESSION", lambda mapping_: text(mapping_, "expression"), cut=True)),
    """\
expression: |-
  {"text": notification.body, "event": event.id}
""",
)
USERS = Kind(
    "users",
    "user",
    (
        Column("USERNAME", lambda user: text(user, "username"), whole=True),
        Column("ACTIVE", lambda user: user.get("active", True)),
        Column("NAME", lambda user: text(user, "name")),
        Column("E-MAIL", lambda user: text(user, "email")),
        Column("LOCALE", lambda user: text(user, "locale") or "en"),
        Column("SUPERUSER", lambda user: user.get("superuser", False)),
    ),
    """\
email: someone@example.com
name: Some One
locale: en
""",
    switch="active",
    name_field="username",
)
GROUPS = Kind(
    "groups",
    "group",
    (Column("NAME", _name, whole=True), Column("GROUPS BELOW", lambda group: texts(group.get("children")), cut=True)),
    "children: []\n",
)
KEYS = Kind(
    "keys",
    "API key",
    (
        Column("NAME", _name, whole=True),
        Column("SCOPES", lambda key: texts(key.get("scopes")), cut=True),
        Column("USER", lambda key: text(key, "user")),
        Column("EXPIRES", lambda key: ago(text(key, "expires")) if key.get("expires") else "never"),
        Column("LAST USED", lambda key: ago(text(key, "last_used")) if key.get("last_used") else "never"),
        Column("ID", lambda key: text(key, "id")),
    ),
    "",
    methods=frozenset({"set"}),
)
SILENCES = Kind(
    "silences",
    "silence",
    (
        Column("NAME", _name, whole=True),
        Column("STATE", lambda silence: text(silence, "state"), state=True),
        Column("ENDS", lambda silence: local(text(silence, "ends"))),
        Column("BY", lambda silence: text(silence, "by")),
        Column("EVENTS", _silenced, cut=True),
        Column("COMMENT", lambda silence: text(silence, "comment"), cut=True),
    ),
    "",
    methods=frozenset({"set"}),
)
EDITABLE = (RULES, POLICIES, TRANSPORTS, MAPPINGS, USERS, GROUPS, KEYS, SILENCES)
