"""What is refused of a transport with a preset, and where its secrets go."""

from typing import Any

import pytest

from tests.transport_entries import transport_entry
from tocsin.config.blueprint.model import MASK, Blueprint, TransportEntry
from tocsin.config.blueprint.secrets import Resolved, resolve, shown
from tocsin.config.blueprint.validate import check
from tocsin.errors import Violation
from tocsin.models import as_json
from tocsin.notifications.transport import Mapping, NotificationTransport
from tocsin.outbound import OutboundPolicy

GREETING = Mapping(name="greeting", expression="{'text': notification.body}")
FLOW = "https://prod-01.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sig=verysecret"
KEY = "0123456789abcdef0123456789abcdef"
OTHER_KEY = "f" * 32


def entry(**fields: Any) -> TransportEntry:
    return transport_entry(name="t", **({"mode": "webhook"} | fields))


def violations(**fields: Any) -> dict[str, str]:
    found = check(Blueprint(mappings=(GREETING,), transports=(entry(**fields),)), OutboundPolicy())
    return {violation.path.removeprefix("transports[0]."): violation.message for violation in found}


@pytest.mark.parametrize(
    "fields",
    [
        {"preset": "teams", "url": FLOW},
        {"preset": "teams", "url": FLOW, "headers_mapping": "greeting"},
        {"preset": "pagerduty", "options": {"routing_key": KEY}},
        {"preset": "pagerduty", "url": "https://events.eu.pagerduty.com/v2/enqueue", "options": {"routing_key": KEY}},
        {"preset": "ntfy", "options": {"topic": "alerts"}},
        {"preset": "ntfy", "url": "https://ntfy.example.com", "options": {"topic": "alerts", "token": "tk_abc"}},
    ],
)
def test_what_can_work_is_taken(fields: dict[str, Any]) -> None:
    assert violations(**fields) == {}


@pytest.mark.parametrize(
    ("fields", "path", "says"),
    [
        ({"preset": "teems", "url": FLOW}, "preset", "there is no preset 'teems'; presets are: "),
        ({"preset": "teams"}, "url", "is required for the preset teams"),
        ({"preset": "teams", "url": FLOW, "body_mapping": "greeting"}, "body_mapping", "can't go with a preset"),
        ({"preset": "teams", "url": FLOW, "secret": "whsec_" + "a" * 32}, "secret", "preset teams"),
        ({"preset": "teams", "url": FLOW, "options": {"topic": "x"}}, "options.topic", "no option of the preset teams"),
        ({"preset": "teams", "url": "https://127.0.0.1/x"}, "url", ""),
        ({"preset": "teams", "url": FLOW, "mode": "webhook_slack"}, "preset", "mode webhook_slack"),
        ({"preset": "pagerduty"}, "options.routing_key", "is required for the preset pagerduty"),
        ({"preset": "pagerduty", "options": {"routing_key": "short"}}, "options.routing_key", "32 letters"),
        ({"preset": "pagerduty", "options": {"routing_key": " "}}, "options.routing_key", "is empty"),
        ({"preset": "pagerduty", "url": "https://pd/x", "options": {"routing_key": KEY}}, "url", "v2/enqueue"),
        ({"preset": "ntfy", "url": "https://ntfy.sh/topic", "options": {"topic": "a"}}, "url", "without a topic"),
        ({"url": FLOW, "options": {"topic": "x"}}, "options", "without a preset"),
    ],
)
def test_what_can_not_is_refused_by_its_field(fields: dict[str, Any], path: str, says: str) -> None:
    found = violations(**fields)

    assert says in found[path]


def test_what_is_wrong_with_a_secret_is_said_without_it() -> None:
    assert "hunter2" not in str(violations(preset="pagerduty", options={"routing_key": "hunter2"}))


def test_a_number_is_taken_as_an_options_text() -> None:
    assert entry(options={"chat_id": -1001234}).options == {"chat_id": "-1001234"}


def resolved(given: TransportEntry, existing: NotificationTransport | None = None) -> Resolved:
    found = resolve(given, existing, "t")
    assert isinstance(found, Resolved)
    return found


def test_a_url_that_is_a_credential_is_stored_apart() -> None:
    found = resolved(entry(preset="teams", url=FLOW))

    assert found.transport.url == f"https://prod-01.westeurope.logic.azure.com/{MASK}"
    assert [secrets.url for secrets in found.to_store.values()] == [FLOW]
    assert found.generated is None
    assert "verysecret" not in str(as_json(shown(found.transport)))


def test_a_secret_option_is_stored_apart_and_shown_as_a_mask() -> None:
    found = resolved(entry(preset="ntfy", options={"topic": "alerts", "token": "tk_secret"}))

    assert found.transport.options == {"topic": "alerts"}
    assert found.to_store[found.transport.secret_options["token"]].option == "tk_secret"
    assert found.transport.secret_refs == set(found.to_store)
    assert shown(found.transport).options == {"topic": "alerts", "token": MASK}
    assert shown(found.transport).secret is None


def test_what_was_shown_can_be_sent_back() -> None:
    for given in (
        entry(preset="teams", url=FLOW),
        entry(preset="ntfy", options={"topic": "alerts", "token": "tk_secret"}),
        entry(preset="pagerduty", options={"routing_key": KEY}),
    ):
        before = resolved(given).transport

        again = resolved(shown(before), before)

        assert again.transport == before
        assert not again.to_store
        assert check(Blueprint(transports=(shown(before),)), OutboundPolicy()) == []


def test_another_secret_is_another_endpoint() -> None:
    before = resolved(entry(preset="pagerduty", options={"routing_key": KEY})).transport

    after = resolved(entry(preset="pagerduty", options={"routing_key": OTHER_KEY}), before).transport

    assert after.fingerprint != before.fingerprint
    assert after.secrets_version != before.secrets_version


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (None, {"preset": "pagerduty", "options": {"routing_key": MASK}}, "t.options.routing_key"),
        (None, {"preset": "teams", "url": f"https://a.example.com/{MASK}"}, "t.url"),
        (
            {"preset": "ntfy", "options": {"topic": "a", "token": "tk_1"}},
            {"preset": "pagerduty", "options": {"routing_key": MASK}},
            "t.options.routing_key",
        ),
        (
            {"preset": "ntfy", "url": "https://ntfy.sh/", "options": {"topic": "a", "token": "tk_1"}},
            {"preset": "ntfy", "url": "https://evil.example/", "options": {"topic": "a", "token": MASK}},
            "t.options.token",
        ),
        (
            {"preset": "pagerduty", "options": {"routing_key": KEY}},
            {"preset": "pagerduty", "url": "https://evil.example/v2/enqueue", "options": {"routing_key": MASK}},
            "t.options.routing_key",
        ),
    ],
)
def test_a_mask_is_no_secret_of_another_server_or_preset(
    before: dict[str, Any] | None, after: dict[str, Any], path: str
) -> None:
    existing = None if before is None else resolved(entry(**before)).transport

    found = resolve(entry(**after), existing, "t")

    assert isinstance(found, Violation)
    assert found.path == path


def test_a_webhook_that_had_a_preset_is_signed_with_a_secret_of_its_own() -> None:
    """The fault: it would have kept the secret URL's name, and found no signing secret there."""
    before = resolved(entry(preset="teams", url=FLOW)).transport

    after = resolved(entry(url="https://example.com/"), before)

    assert after.generated is not None
    assert after.transport.secret_refs.isdisjoint(before.secret_refs)
