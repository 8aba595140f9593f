"""E-mail: what goes to SES, what SES says to it, and addresses that get no more mail."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import ANY, Stubber

from tests.integration.delivery_world import World
from tests.integration.handler_calls import heard
from tocsin.aws import clients
from tocsin.identity.directory import User
from tocsin.notifications.email.message import MailTemplates
from tocsin.notifications.email.send import mail_delivery
from tocsin.notifications.email.suppressions import SuppressionReason, Suppressions
from tocsin.notifications.email.unsubscribe import Subscription, UnsubscribeLinks
from tocsin.notifications.transport import NotificationTransport, TransportMode

type Load = Callable[[str], dict[str, Any]]

LINKS = UnsubscribeLinks("s" * 48, "https://api.example.com")
TEMPLATES = MailTemplates()


@pytest.fixture
def stops(world: World) -> Suppressions:
    return Suppressions(world.stack.dynamodb, "deliveries")


def deliver(world: World, ses: Any = None, sender: str = "tocsin@example.com", **fields: Any) -> dict[str, Any]:
    message = world.message("mail", "email", **({"user": User("alice", "alice@example.com")} | fields))
    world.send(message)
    delivery = mail_delivery(
        ses or clients.sesv2(),
        TEMPLATES,
        sender,
        Suppressions(world.stack.dynamodb, "deliveries"),
        configuration_set="tocsin-mail",
        links=lambda: LINKS,
    )
    world.pump(world.worker("email", delivery), "email")
    return world.delivery(message)


def configure(world: World, **fields: Any) -> None:
    world.configure(NotificationTransport(name="mail", mode=TransportMode.EMAIL, **fields))


def sent(world: World, **fields: Any) -> dict[str, Any]:
    """What is handed to SES."""
    given: dict[str, Any] = {}
    client = clients.sesv2()

    def keep(params: dict[str, Any], **_: Any) -> None:
        given.update(params)

    with heard(client, "provide-client-params.sesv2.SendEmail", keep):
        deliver(world, client, **fields)
    return given


class Refusing:
    """SES, saying one thing to each mail."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def send_email(self, **_: Any) -> None:
        raise self._error


def refusal(code: str) -> Refusing:
    return Refusing(ClientError({"Error": {"Code": code, "Message": "no"}}, "SendEmail"))


def test_a_mail_leaves_no_event_of_its_own(world: World) -> None:
    """What became of it is in the ledger: an event for each mail would be stored and matched, too."""
    configure(world)

    delivery = deliver(world)

    assert delivery["state"] == "delivered"
    assert [each["action"] for each in world.stack.events()] == ["login_failed"]


def test_a_mail_has_its_tags_its_configuration_set_and_a_link_to_stop_it(world: World) -> None:
    configure(world)

    request = sent(world)

    assert request["ConfigurationSetName"] == "tocsin-mail"
    assert {tag["Name"]: tag["Value"] for tag in request["EmailTags"]} == {
        "rule": "failed-logins",
        "severity": "warning",
    }
    headers = {header["Name"]: header["Value"] for header in request["Content"]["Simple"]["Headers"]}
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = headers["List-Unsubscribe"].removesuffix(">").partition("token=")[2]
    assert LINKS.read(token) == Subscription("alice", "alice@example.com", "mail", "failed-logins")


def test_the_message_id_of_ses_is_kept(world: World) -> None:
    configure(world)

    delivery = deliver(world)

    assert delivery["state"] == "delivered"
    assert len(delivery["attempts"][0]["remote_id"]) > 10


def test_somebody_with_a_long_name_in_another_script_gets_mail(world: World) -> None:
    """The fault: SES refuses an address of more than 320 bytes, and the encoded name is part of it."""
    configure(world)

    delivery = deliver(world, user=User("alice", "alice@example.com", name="山田太郎" * 20))

    assert delivery["state"] == "delivered"


def test_a_german_speaker_is_written_to_in_german(world: World) -> None:
    configure(world)

    request = sent(world, user=User("alice", "alice@example.com", locale="de"))

    assert 'lang="de"' in request["Content"]["Simple"]["Body"]["Html"]["Data"]


def test_own_templates_take_the_place_of_ours(world: World) -> None:
    configure(
        world,
        html_template="<b>{{ event.context.reason }}</b>{{ '<i>' }}",
        text_template="{{ rule.name }}: {{ severity }}",
    )

    body = sent(world)["Content"]["Simple"]["Body"]

    assert body["Html"]["Data"] == "<b>wrong password</b>&lt;i&gt;"
    assert body["Text"]["Data"] == "failed-logins: warning"


@pytest.mark.parametrize(("field", "which"), [("text_template", "text"), ("html_template", "HTML")])
def test_a_template_that_fails_is_final_and_the_attempt_says_which(world: World, field: str, which: str) -> None:
    """The fault: the reason was bad_mapping, and nothing said that a template was at fault, or which."""
    configure(world, **{field: "{{ event.context.nothing }}"})

    delivery = deliver(world)

    (attempt,) = delivery["attempts"]
    assert (delivery["state"], attempt["reason"]) == ("failed", "bad_mapping")
    assert attempt["detail"] == f"the {which} template failed: 'dict object' has no attribute 'nothing'"


@pytest.mark.parametrize("address", ["", "  ", "no address", "a@b@c", "a@example.com\r\nBcc: x@example.com"])
def test_an_address_that_is_none_discards_the_mail(world: World, address: str) -> None:
    configure(world)

    delivery = deliver(world, user=User("alice", address))

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("discarded", "no_address")


@pytest.mark.parametrize(
    "code", ["TooManyRequestsException", "LimitExceededException", "SendingPausedException", "InternalFailure"]
)
def test_quota_and_throttling_are_tried_again(world: World, code: str) -> None:
    configure(world)

    delivery = deliver(world, refusal(code))

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("retrying", code)


@pytest.mark.parametrize("code", ["MessageRejected", "MailFromDomainNotVerifiedException", "AccessDeniedException"])
def test_a_sender_that_is_refused_is_final_and_says_what_to_do(world: World, code: str) -> None:
    configure(world)

    delivery = deliver(world, refusal(code))

    assert delivery["state"] == "failed"
    assert any(word in delivery["attempts"][0]["detail"] for word in ("verify", "check"))


def test_ses_that_can_not_be_reached_is_tried_again(world: World) -> None:
    configure(world)

    delivery = deliver(world, Refusing(EndpointConnectionError(endpoint_url="https://ses")))

    assert delivery["state"] == "retrying"


def test_without_a_sender_mail_fails_and_says_how_to_get_one(world: World) -> None:
    configure(world)

    delivery = deliver(world, sender="")

    assert "MailSender" in delivery["attempts"][0]["detail"]


def test_an_address_that_bounced_gets_no_more_mail_and_the_delivery_says_why(
    world: World, stops: Suppressions, load: Load
) -> None:
    configure(world)
    world.stack.call("feedback", load("feedback-bounce"))

    delivery = deliver(world, user=User("alice", "Alice@Example.com"))

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("discarded", "address_bounced")
    assert "mail-stops" in delivery["attempts"][0]["detail"]
    (event,) = world.reported("configuration_warning")
    assert event["context"]["address"] == "alice@example.com"


def test_a_complaint_stops_mail_too(world: World, stops: Suppressions, load: Load) -> None:
    world.stack.call("feedback", load("feedback-complaint"))

    stop = stops.get("bob@example.com")

    assert stop is not None and stop.reason is SuppressionReason.COMPLAINED


def test_a_bounce_that_may_pass_stops_nothing(world: World, stops: Suppressions, load: Load) -> None:
    world.stack.call("feedback", load("feedback-transient-bounce"))

    assert stops.page(after=None, limit=10).items == ()


def test_a_bounce_that_comes_twice_is_one_event(world: World, load: Load) -> None:
    for _ in range(2):
        world.stack.call("feedback", load("feedback-bounce"))

    assert len(world.reported("configuration_warning")) == 1


def test_a_stop_that_is_lifted_lets_mail_through(world: World, stops: Suppressions) -> None:
    configure(world)
    stops.stop("alice@example.com", SuppressionReason.BOUNCED, "", now=world.now)

    stops.lift("ALICE@example.com")

    assert deliver(world)["state"] == "delivered"


def test_ses_takes_the_request_as_it_is(world: World) -> None:
    configure(world)
    client = clients.sesv2()
    with Stubber(client) as stubber:
        stubber.add_response(
            "send_email",
            {"MessageId": "0100"},
            {
                "FromEmailAddress": "tocsin@example.com",
                "Destination": {"ToAddresses": ["alice@example.com"]},
                "Content": ANY,
                "EmailTags": ANY,
                "ConfigurationSetName": "tocsin-mail",
            },
        )

        delivery = deliver(world, client)

    assert delivery["attempts"][0]["remote_id"] == "0100"


def test_mail_of_all_transports_keeps_to_one_rate(world: World) -> None:
    world.configure(*(NotificationTransport(name=name, mode=TransportMode.EMAIL) for name in ("mail", "other")))
    delivery = mail_delivery(
        clients.sesv2(), TEMPLATES, "tocsin@example.com", Suppressions(world.stack.dynamodb, "deliveries")
    )
    second = timedelta(seconds=1)
    worker = world.worker("email", delivery, pace=second, paced_together="#ses", parallel=1)
    world.send(*(world.message(name, "email") for name in ("mail", "other") * 5))

    world.pump(worker, "email")

    assert world.states() == {"delivered": 4, "queued": 6}  # at once, and after waits of one, two and three seconds
    assert world.slept == [0, 1, 2, 3]
