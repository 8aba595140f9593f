"""What is refused of a transport before it is stored."""

from typing import Any

import pytest

from tests.transport_entries import transport_entry
from tocsin.config.blueprint.model import Blueprint
from tocsin.config.blueprint.validate import check
from tocsin.notifications.transport import Mapping
from tocsin.outbound import OutboundPolicy

POLICY = OutboundPolicy()


GREETING = Mapping(name="greeting", expression="{'text': notification.body}")


def wrong(mode: str, **fields: Any) -> set[str]:
    """The paths of what is wrong with a transport, where there is one mapping."""
    entry = transport_entry(name="t", mode=mode, **fields)
    return {violation.path for violation in check(Blueprint(mappings=(GREETING,), transports=(entry,)), POLICY)}


URL = "https://example.com/hook"


@pytest.mark.parametrize(
    ("mode", "fields"),
    [
        ("webhook", {"url": URL, "body_mapping": "greeting", "headers_mapping": "greeting"}),
        ("webhook_slack", {"url": URL, "body_mapping": "greeting"}),
        ("local", {"body_mapping": "greeting"}),
        ("email", {"html_template": "<p>{{ event.action }}</p>", "text_template": "{{ severity }}"}),
    ],
)
def test_what_can_work_is_taken(mode: str, fields: dict[str, Any]) -> None:
    assert wrong(mode, **fields) == set()


@pytest.mark.parametrize(
    ("mode", "fields", "path"),
    [
        ("webhook", {}, "url"),
        ("webhook", {"url": "http://example.com/"}, "url"),
        ("webhook", {"url": URL, "secret": "short"}, "secret"),
        ("webhook", {"url": URL, "body_mapping": "absent"}, "body_mapping"),
        ("webhook", {"url": URL, "headers_mapping": "absent"}, "headers_mapping"),
        ("webhook", {"url": URL, "ca": "no PEM"}, "ca"),
        ("webhook", {"url": URL, "client_certificate": "PEM"}, "client_key"),
        ("webhook", {"url": URL, "client_key": "PEM"}, "client_certificate"),
        ("webhook", {"url": URL, "client_certificate": "PEM", "client_key": "PEM"}, "client_certificate"),
        ("webhook_slack", {"url": URL, "secret": "whsec_" + "a" * 32}, "secret"),
        ("webhook_slack", {"url": URL, "headers_mapping": "greeting"}, "headers_mapping"),
        ("email", {"body_mapping": "greeting"}, "body_mapping"),
        ("email", {"url": URL}, "url"),
        ("email", {"html_template": "{% for x in y %}"}, "html_template"),
        ("email", {"text_template": "{{ event.__class__() }}"}, "text_template"),
        ("local", {"html_template": "a"}, "html_template"),
    ],
)
def test_what_can_not_is_refused_by_its_field(mode: str, fields: dict[str, Any], path: str) -> None:
    assert f"transports[0].{path}" in wrong(mode, **fields)


@pytest.mark.parametrize("expression", ["{'a': ", "event.acton", "nothing"])
def test_a_mapping_that_could_never_work_is_refused(expression: str) -> None:
    blueprint = Blueprint(mappings=(Mapping(name="m", expression=expression),))

    assert [violation.path for violation in check(blueprint, POLICY)] == ["mappings[0].expression"]
