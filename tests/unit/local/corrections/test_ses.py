"""What sending mail needs the permission on, and how long its headers may be."""

import json

import pytest

from local.corrections.ses import sent_from_an_identity, too_long, used_resources


@pytest.mark.parametrize("sender", ["tocsin@example.com", "Tocsin <tocsin@example.com>"])
def test_sending_mail_needs_the_permission_on_its_sender(sender):
    resource_of = sent_from_an_identity(lambda *_call: "*")
    body = json.dumps({"FromEmailAddress": sender}).encode()

    resource = resource_of("ses", "POST", "/v2/email/outbound-emails", {}, body, {}, "us-east-1", "000000000000")

    assert resource == "arn:aws:ses:us-east-1:000000000000:identity/tocsin@example.com"


@pytest.mark.parametrize(
    "call",
    [
        ("ses", "GET", "/v2/email/identities", {}, b"", {}, "us-east-1", "000000000000"),
        ("sqs", "POST", "/", {}, b"{}", {}, "us-east-1", "000000000000"),
    ],
)
def test_other_calls_need_what_they_needed(call):
    assert sent_from_an_identity(lambda *_call: "as before")(*call) == "as before"


def test_a_mail_uses_its_configuration_set_and_in_the_sandbox_its_recipients():
    message = {
        "FromEmailAddress": "sender@example.com",
        "ConfigurationSetName": "mail",
        "Destination": {"ToAddresses": ["A <a@example.org>"], "CcAddresses": ["b@example.org"]},
    }

    assert list(used_resources(message, recipients=False)) == ["configuration-set/mail"]
    assert list(used_resources(message, recipients=True)) == [
        "configuration-set/mail",
        "identity/a@example.org",
        "identity/b@example.org",
    ]


def test_a_mail_without_a_configuration_set_uses_none():
    assert list(used_resources({"FromEmailAddress": "sender@example.com"}, recipients=True)) == []


@pytest.mark.parametrize(("length", "is_refused"), [(980, False), (981, True)])
def test_a_header_has_its_name_and_value_within_996_characters(length, is_refused):
    headers = [{"Name": "List-Unsubscribe", "Value": "x" * length}]

    refusal = too_long({"FromEmailAddress": "a@example.com", "Content": {"Simple": {"Headers": headers}}})

    assert (refusal is not None) is is_refused
