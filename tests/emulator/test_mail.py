"""What sending mail needs, and SES's sandbox."""

import pytest

from local.aws import REGION
from tests.emulator.conftest import ACCOUNT, fresh

SENDER = "sender@example.com"


def on(*resources):
    """A statement that allows sending mail on these resources."""
    return {
        "Effect": "Allow",
        "Action": "ses:SendEmail",
        "Resource": [f"arn:aws:ses:{REGION}:{ACCOUNT}:{resource}" for resource in resources],
    }


@pytest.fixture(scope="module", autouse=True)
def sender(account):
    """Verifies the sender."""
    account.aws.sesv2.create_email_identity(EmailIdentity=SENDER)


def sent(client, to, **more):
    """Sends a mail."""
    content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
    return client.send_email(FromEmailAddress=SENDER, Destination={"ToAddresses": [to]}, Content=content, **more)


def test_sending_by_a_configuration_set_needs_the_permission_on_it(account, refused):
    name = fresh("set")
    account.aws.sesv2.create_configuration_set(ConfigurationSetName=name)
    identity = f"identity/{SENDER}"
    without = account.user("sesv2", on(identity))
    with_it = account.user("sesv2", on(identity, f"configuration-set/{name}"))

    refusal = refused(lambda: sent(without, "a@example.org", ConfigurationSetName=name))

    assert refusal.startswith("AccessDeniedException")
    assert f"configuration-set/{name}" in refusal
    assert sent(with_it, "a@example.org", ConfigurationSetName=name)["MessageId"]


def test_an_address_with_its_name_has_320_bytes(account, refused):
    client = account.user("sesv2", on(f"identity/{SENDER}"))
    name = "n" * (320 - len(" <d@example.org>"))

    assert sent(client, f"{name} <d@example.org>")["MessageId"]
    assert refused(lambda: sent(client, f"{name}n <d@example.org>")).startswith(
        "BadRequestException: Address length is more than 320 bytes long"
    )


def test_out_of_the_sandbox_recipients_need_neither_permission_nor_verification(account):
    assert sent(account.user("sesv2", on(f"identity/{SENDER}")), "b@example.org")["MessageId"]


def test_in_the_sandbox_the_sender_needs_the_permission_on_its_recipients_too(account, refused):
    client = account.user("sesv2", on(f"identity/{SENDER}"))

    with account.emulator.mail_sandbox():
        refusal = refused(lambda: sent(client, "Carol <c@example.org>"))

    assert refusal.startswith("AccessDeniedException")
    assert "identity/c@example.org" in refusal


def test_in_the_sandbox_unverified_recipients_are_refused(account, refused):
    client = account.user("sesv2", on("identity/*"))
    account.aws.sesv2.create_email_identity(EmailIdentity="verified@example.org")

    with account.emulator.mail_sandbox():
        refusal = refused(lambda: sent(client, "d@example.org"))
        taken = sent(client, "verified@example.org")

    assert refusal.startswith("MessageRejected: Email address is not verified.")
    assert refusal.endswith(f"in region {REGION.upper()}: d@example.org")
    assert taken["MessageId"]


def test_a_condition_on_the_senders_address_is_looked_at(account, refused):
    mine, others = (
        account.user("sesv2", on("identity/*") | {"Condition": {"StringEquals": {"ses:FromAddress": address}}})
        for address in (SENDER, "other@example.com")
    )

    refusal = refused(lambda: sent(others, "e@example.org"))

    assert refusal.startswith("AccessDeniedException")
    assert sent(mine, "e@example.org")["MessageId"]
