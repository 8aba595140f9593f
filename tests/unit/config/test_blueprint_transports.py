"""What is refused of a transport before it is stored."""

from typing import Any

import pytest

from tests.transport_entries import transport_entry
from tocsin.config.blueprint.model import Blueprint
from tocsin.config.blueprint.validate import check
from tocsin.errors import Invalid
from tocsin.models import accepted
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


@pytest.mark.parametrize("mode", ["webhook", "webhook_slack", "local", "email"])
@pytest.mark.parametrize(
    ("picture", "is_taken"),
    [
        (None, True),
        ("https://example.com/bell.png", True),
        ("https://example.com/bell.png?" + "v" * 1970, True),
        ("https://bücher.example/glocke 1.png", True),
        ("https://[2001:db8::1]:8443/bell.png", True),
        ("", False),
        ("http://example.com/bell.png", False),
        ("https://", False),
        ("https:///bell.png", False),
        ("https://ana:secret@example.com/bell.png", False),
        ("https://exa mple.com/bell.png", False),
        ("https://[example.com/bell.png", False),
        ("https://example.com:x/bell.png", False),
        (" https://example.com/bell.png", False),
        ("https://example.com/" + "ü" * 400, False),
        ("data:image/png;base64,AAAA", False),
        (":bell:", False),
    ],
)
def test_a_picture_is_an_https_link_that_chats_can_load(mode: str, picture: str | None, is_taken: bool) -> None:
    """The fault: nobody looked at it, and a chat ignored it, or refused each message for it."""
    url = {"url": URL} if mode.startswith("webhook") else {}

    assert wrong(mode, icon_url=picture, **url) == (set() if is_taken else {"transports[0].icon_url"})


def test_what_is_wrong_with_a_picture_names_the_limit_and_what_was_given() -> None:
    blueprint = Blueprint(transports=(transport_entry(name="t", icon_url="http://example.com/" + "x" * 500),))

    (violation,) = check(blueprint, POLICY)

    assert "an https link with a host" in violation.message
    assert "at most 2,000 characters: 'http://example.com/x" in violation.message
    assert len(violation.message) < 250


def test_a_picture_that_is_too_long_is_refused_by_its_length() -> None:
    with pytest.raises(Invalid) as refused:
        accepted(Blueprint, {"transports": [{"name": "t", "icon_url": "https://example.com/" + "x" * 2000}]})

    assert [(wrong.path, wrong.message) for wrong in refused.value.violations] == [
        ("transports[0].icon_url", "has 2020 characters; at most 2000 are taken")
    ]


@pytest.mark.parametrize("expression", ["{'a': ", "event.acton", "nothing"])
def test_a_mapping_that_could_never_work_is_refused(expression: str) -> None:
    blueprint = Blueprint(mappings=(Mapping(name="m", expression=expression),))

    assert [violation.path for violation in check(blueprint, POLICY)] == ["mappings[0].expression"]
