"""What was validated and stored is read back as it was, although readers do not validate it again."""

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.config.defaults import DEFAULT
from tocsin.config.model import Configuration
from tocsin.config.settings import Settings
from tocsin.models import Model, as_json, validated
from tocsin.notifications.transport import TransportSecrets
from tocsin.telling.preferences import Preferences

ENDS = {"action": "login", "app": "shop", "model": "a.b", "client_ip": "192.0.2.0/24", "query": "true"}
# Every field of every model has another value than its default somewhere.
EVERYTHING: dict[str, Any] = {
    "settings": {
        "event_retention": "days=3",
        "notification_retention": "days=4",
        "seen_notification_retention": "days=1",
        "inbox_limit": 7,
        "brand": "ours",
        "secret_keys": ["pin"],
        "exempt_keys": ["token_kind"],
        "group_scopes": [{"group": "staff", "scopes": ["events:read", "config:write"]}],
        "preferences_defaults": {"alerts_pass": False},
    },
    "groups": [{"name": "ops", "children": ["night"], "roster": "r1"}, {"name": "night"}],
    "mappings": [{"name": "short", "expression": "event.action"}],
    "transports": [
        {
            "name": "hook",
            "mode": "webhook_slack",
            "send_once": True,
            "enabled": False,
            "url": "https://a.example",
            "url_ref": "u",
            "secrets_ref": "s",
            "username": "tocsin",
            "icon_url": "https://a.example/i.png",
            "slack_format": "attachment",
            "channel": "#ops",
            "subject_prefix": "T: ",
            "html_template": "h",
            "text_template": "t",
            "body_mapping": "short",
            "headers_mapping": "short",
            "header_refs": {"authorization": "r"},
            "ca": "pem",
            "client_certificate": "pem",
            "client_key_ref": "k",
            "preset": "ntfy",
            "options": {"topic": "a"},
            "secret_options": {"token": "r"},
            "retired_ref": "o",
            "retired_until": "2026-03-01T12:00:00+01:00",
        }
    ],
    "policies": [
        ENDS | {"name": "m", "kind": "event_matcher", "execution_logging": True},
        {"name": "p", "kind": "pattern", "pattern": {"app": [{"prefix": "a"}, 1.5]}, "execution_logging": True},
        {"name": "e", "kind": "expression", "expression": "true", "execution_logging": True},
    ],
    "rules": [
        {
            "name": "all",
            "enabled": False,
            "severity": "alert",
            "transports": ["hook"],
            "destination_group": "ops",
            "destination_event_user": True,
            "policy_engine_mode": "all",
            "bindings": [
                {"policy": "p", "order": 3, "enabled": False, "negate": True, "failure_result": True},
                {"user": "ana"},
                {"group": "ops"},
            ],
            "throttle": {"window": "minutes=1", "max": 5, "group_by": ["user.username"]},
            "group": {"by": ["app"], "wait": "minutes=2", "interval": "minutes=3"},
            "resolve": ENDS | {"within": "days=1"},
            "escalate": [
                {"after": "minutes=5", "unless": "seen", "destination_group": "night", "transports": ["hook"]}
            ],
            "can_be_muted": False,
            "title": "t",
            "body": "b",
            "runbook": "https://a.example/r",
            "max_age": "hours=1",
            "tests": [{"event": {"action": "login"}, "fires": False}],
        },
        {"name": "ends", "resolve": {"app": "shop", "by": ["app"]}},
    ],
    "silences": [
        {
            "name": "s",
            "matcher": ENDS,
            "failure_result": True,
            "starts": "2026-03-01T12:00:00Z",
            "ends": "2026-03-01T13:00:00.123456Z",
            "comment": "c",
            "by": "k",
        },
        {"name": "p", "pattern": {"app": ["a"]}, "starts": "2026-03-01T12:00:00Z", "ends": "2026-03-02T12:00:00-05:30"},
    ],
}
SECRETS = {"url": "u", "bot_token": "b", "signing": ["a", "b"], "client_key": "k", "option": "o", "header": "h"}
SAID: dict[str, Any] = {
    "transports": {"mail": {"enabled": False, "min_severity": "alert", "at_once": True}},
    "rules": {"a": {"muted": True}, "b": {"muted_until": "2026-03-01T12:00:00Z"}},
    "time_zone": "Europe/Berlin",
    "quiet_hours": [{"days": ["mon", "sun"], "starts": "22:00", "ends": "07:00"}],
    "alerts_pass": False,
    "digest": {"every": "day", "at": "07:30"},
    "locale": "de",
}
MODELS = [(Configuration, EVERYTHING), (TransportSecrets, SECRETS), (Preferences, SAID)]


def parts(value: object) -> Iterator[Any]:
    """A value and all values in it."""
    yield value
    inner: Any = ()
    if is_dataclass(value):
        inner = (getattr(value, field.name) for field in fields(value))
    elif isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, tuple | list):
        inner = value
    for member in inner:
        yield from parts(member)


@pytest.mark.parametrize(("model", "document"), MODELS)
def test_each_field_is_read_as_it_was_validated(model: type[Model], document: dict[str, Any]) -> None:
    whole = validated(model, document)

    read = model.stored(orjson.loads(orjson.dumps(as_json(whole, exclude_defaults=True))))

    assert read == whole
    # A member of an enumeration equals its text.
    assert [type(part) for part in parts(read)] == [type(part) for part in parts(whole)]


def test_the_documents_above_leave_no_field_out() -> None:
    seen: dict[str, bool] = {}
    for model, document in MODELS:
        for part in filter(is_dataclass, parts(validated(model, document))):
            for field in fields(part):
                default = field.default_factory() if field.default_factory is not MISSING else field.default
                name = f"{type(part).__name__}.{field.name}"
                seen[name] = seen.get(name, False) or getattr(part, field.name) != default

    assert [name for name, said in seen.items() if not said] == []


def test_the_default_configuration_is_read_back() -> None:
    assert Configuration.from_bytes(DEFAULT.to_bytes()) == DEFAULT


@pytest.mark.parametrize(
    ("model", "document", "why"),
    [
        (Configuration, {"rule": []}, "rule"),
        (Configuration, {"rules": [{"enabled": True}]}, "name"),
        (Configuration, {"rules": [{"name": "a", "severity": "loud"}]}, "loud"),
        (Configuration, {"rules": [{"name": "a", "bindings": [{"policy": "p", "unless": "x"}]}]}, "unless"),
        (Configuration, {"rules": 5}, "not iterable"),
        (Configuration, {"policies": [{"name": "a", "kind": "magic"}]}, "kind"),
        (Configuration, {"silences": [{"name": "a", "starts": "now", "ends": "then"}]}, "isoformat"),
        (Settings, [], "items"),
        (Preferences, {"digest": {"every": "day"}}, "needs `at`"),
    ],
)
def test_what_another_version_may_have_stored_is_refused_and_not_half_read(
    model: type[Model], document: Any, why: str
) -> None:
    """A condition that this version does not know, left out, would make a rule fire for everything."""
    with pytest.raises(ValueError, match=why):
        model.stored(document)


flags = st.sampled_from(
    [True, False, 1, 0, 1.0, 0.0, "true", "false", "TRUE", "no", "yes", "on", "off", "t", "n", "1", "0"]
)
moments = st.datetimes().map(lambda moment: moment.isoformat())
zones = st.sampled_from(["Z", "z", "+05:30", "-0530", "\u221205:30"])
SEPARATORS = ["T", "t", " ", "_"]


@given(enabled=flags, at_once=flags, passing=flags, until=moments, zone=zones, separator=st.sampled_from(SEPARATORS))
def test_defaults_are_read_as_they_were_validated(
    enabled: object, at_once: object, passing: object, until: str, zone: str, separator: str
) -> None:
    """The fault: a time or a flag in a form that only pydantic takes made the defaults hold for nobody, or turned a
    transport off."""
    raw: dict[str, Any] = {
        "transports": {"mail": {"enabled": enabled, "at_once": at_once}},
        "alerts_pass": passing,
        "rules": {"a": {"muted_until": until.replace("T", separator) + zone}},
    }

    saved = validated(Settings, {"preferences_defaults": raw})

    assert Settings.stored(as_json(saved)).defaults == validated(Preferences, raw)


@pytest.mark.parametrize("flag", [True, 1, 1.0, "yes", False, 0, 0.0, "no"])
def test_defaults_that_an_earlier_version_stored_as_they_were_given_are_read(flag: object) -> None:
    raw: dict[str, Any] = {"alerts_pass": flag, "rules": {"a": {"muted_until": "2026-03-01t12:00:00z"}}}

    assert Settings.stored({"preferences_defaults": raw}).defaults == validated(Preferences, raw)
