"""The link in an e-mail changes its reader's preferences, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import boto3
import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.handler_calls import Answer
from tocsin.identity.directory import User
from tocsin.identity.store import PeopleStore
from tocsin.models import validated
from tocsin.notifications.email.address import mail_address
from tocsin.notifications.email.suppressions import Suppressions
from tocsin.notifications.email.unsubscribe import MAX_URL, Subscription, UnsubscribeLinks
from tocsin.telling.preferences import Preferences
from tocsin.telling.preferences_store import PreferencesStore

ANAS = Subscription("ana", "ana@example.com", "mail", "refunds")
CONFIGURATION = {
    "users": [
        {"username": "ana", "email": "ana@example.com"},
        {"username": "hans", "email": "hans@example.com", "locale": "de"},
    ],
    "transports": [{"name": "mail", "mode": "email"}],
    "policies": [{"name": "any", "kind": "event_matcher", "app": "shop"}],
    "rules": [
        {"name": "refunds", "bindings": [{"policy": "any"}]},
        {"name": "breaches", "bindings": [{"policy": "any"}], "can_be_muted": False},
    ],
}


@pytest.fixture
def api(stack: Stack) -> Iterator[Api]:
    secret = boto3.client("secretsmanager").create_secret(Name="unsubscribe", SecretString="s" * 48)
    stack.monkeypatch.setenv("LINK_SECRET", secret["ARN"])
    made = Api.of(stack)
    assert made("PUT", "/blueprint", CONFIGURATION).status == 200
    made.facts = {}
    return made


@pytest.fixture
def links() -> UnsubscribeLinks:
    return UnsubscribeLinks("s" * 48, "https://api.example.com")


def asked(api: Api, method: str, token: str, **query: str) -> Answer:
    return api(method, "/unsubscribe", query={"token": token, **query})


def said(stack: Stack, username: str = "ana") -> object:
    return PreferencesStore(stack.dynamodb, "config").said(username).to_json()


def test_the_page_offers_both_and_changes_nothing(api: Api, links: UnsubscribeLinks, stack: Stack) -> None:
    page = asked(api, "GET", links.token_of(ANAS))

    assert page.status == 200
    buttons = [unescape(action) for action in re.findall(r'action="([^"]+)"', page.text)]
    assert [button.partition("&")[2] for button in buttons] == ["", "only=rule"]
    assert "No more by mail" in page.text and "Nothing of the rule refunds" in page.text
    assert said(stack) == {}


def test_one_click_turns_the_transport_off_and_stops_no_address(
    api: Api, links: UnsubscribeLinks, stack: Stack
) -> None:
    done = asked(api, "POST", links.token_of(ANAS))

    assert (done.status, "ana is told nothing by mail any more" in done.text) == (200, True)
    assert said(stack) == {"transports": {"mail": {"enabled": False}}}
    assert Suppressions(stack.dynamodb, "deliveries").get("ana@example.com") is None
    (event,) = [each for each in stack.events() if each["context"].get("model", {}).get("model_name") == "preferences"]
    assert event["context"]["message"] == "the link in an e-mail changed the preferences of ana"
    assert event["user"] == {"username": "ana"}


def test_the_rule_alone_is_muted(api: Api, links: UnsubscribeLinks, stack: Stack) -> None:
    done = asked(api, "POST", links.token_of(ANAS), only="rule")

    assert (done.status, "told nothing of the rule refunds" in done.text) == (200, True)
    assert said(stack) == {"rules": {"refunds": {"muted": True}}}


def test_what_else_was_said_stays(api: Api, links: UnsubscribeLinks, stack: Stack) -> None:
    before = {"transports": {"mail": {"min_severity": "alert"}}, "locale": "de"}
    PreferencesStore(stack.dynamodb, "config").change("ana", lambda _: validated(Preferences, before))

    asked(api, "POST", links.token_of(ANAS))
    asked(api, "POST", links.token_of(ANAS))

    assert said(stack) == {"transports": {"mail": {"min_severity": "alert", "enabled": False}}, "locale": "de"}


def test_a_rule_that_cannot_be_muted_is_not(api: Api, links: UnsubscribeLinks, stack: Stack) -> None:
    done = asked(api, "POST", links.token_of(replace(ANAS, rule="breaches")), only="rule")

    assert (done.status, "can&#x27;t be muted" in done.text) == (200, True)
    assert said(stack) == {}


@pytest.mark.parametrize("only", ["", "rule"])
@pytest.mark.parametrize("subscription", [replace(ANAS, username="gone"), replace(ANAS, address="old@example.com")])
def test_a_mail_whose_address_is_not_the_persons_stops_mail_to_it_and_changes_nobody(
    api: Api, links: UnsubscribeLinks, stack: Stack, subscription: Subscription, only: str
) -> None:
    """The fault: whoever had the old mails of somebody who left changed the preferences of who got their name."""
    stops = Suppressions(stack.dynamodb, "deliveries")
    token = links.token_of(subscription)

    page = asked(api, "GET", token)
    before = stops.get(subscription.address)
    done = asked(api, "POST", token, only=only)

    assert (page.status, f"No more notifications will be sent to {subscription.address}" in page.text) == (200, True)
    assert before is None
    assert (done.status, f"No more notifications will be sent to {subscription.address}" in done.text) == (200, True)
    assert stops.get(subscription.address) is not None
    assert said(stack, subscription.username) == {}


def test_mail_that_was_stopped_is_stopped_and_told_once_however_often_the_button_is_pressed(
    api: Api, links: UnsubscribeLinks, capsys: pytest.CaptureFixture[str]
) -> None:
    token = links.token("x@example.com")

    pages = [asked(api, "POST", token) for _ in range(2)]

    assert ["No more notifications will be sent to x@example.com" in page.text for page in pages] == [True, True]
    assert capsys.readouterr().out.count("MAIL_UNSUBSCRIBED") == 1


@pytest.mark.parametrize("written", ["anna@fa\u00df.example", " anna@xn--fa-hia.example ", "Anna@Fa\u00df.example"])
def test_an_address_is_the_persons_however_its_domain_is_written(
    api: Api, links: UnsubscribeLinks, stack: Stack, written: str
) -> None:
    """The fault: a mail goes to the domain in ASCII, and so its link was taken for one of another's address."""
    PeopleStore(stack.dynamodb, "config").write(users=[User("ana", email=written)])
    subscription = replace(ANAS, address=mail_address(written))

    asked(api, "POST", links.token_of(subscription))

    assert said(stack) == {"transports": {"mail": {"enabled": False}}}
    assert Suppressions(stack.dynamodb, "deliveries").get(subscription.address) is None


def test_an_address_is_the_persons_however_its_letters_are_written(
    api: Api, links: UnsubscribeLinks, stack: Stack
) -> None:
    asked(api, "POST", links.token_of(replace(ANAS, address="Ana@Example.com")))

    assert said(stack) == {"transports": {"mail": {"enabled": False}}}


@pytest.mark.parametrize("only", ["", "rule"])
def test_a_link_without_an_address_tells_who_is_gone_that_nothing_is_sent(
    api: Api, links: UnsubscribeLinks, stack: Stack, only: str
) -> None:
    done = asked(api, "POST", links.token_of(Subscription("gone", "", "mail", "refunds")), only=only)

    assert (done.status, "Nothing is sent to gone" in done.text) == (200, True)
    assert said(stack, "gone") == {}


@pytest.mark.parametrize(
    ("only", "full"),
    [
        ("rule", {"rules": {f"rule-{number}": {"muted": True} for number in range(200)}}),
        ("", {"transports": {f"transport-{number}": {"enabled": False} for number in range(100)}}),
    ],
)
def test_preferences_that_are_full_say_so(
    api: Api, links: UnsubscribeLinks, stack: Stack, only: str, full: dict[str, object]
) -> None:
    """The fault: with 200 mutes the page said that the rule can't be muted, and with 100 transports it was no page."""
    PreferencesStore(stack.dynamodb, "config").change("ana", lambda _: validated(Preferences, full))

    done = asked(api, "POST", links.token_of(ANAS), only=only)

    assert (done.status, "The preferences of ana hold no more of these" in done.text) == (200, True)
    assert said(stack) == full


def test_the_pages_are_in_the_readers_language(api: Api, links: UnsubscribeLinks) -> None:
    french = {"accept-language": "fr,en"}
    hans, to_an_address = (
        links.token_of(Subscription("hans", "hans@example.com", "mail", "breaches")),
        links.token("x@example.com"),
    )

    asking = api("GET", "/unsubscribe", query={"token": hans}, headers=french)
    refused = api("POST", "/unsubscribe", query={"token": hans, "only": "rule"}, headers=french)
    stopping = api("GET", "/unsubscribe", query={"token": to_an_address}, headers={"accept-language": "de"})

    assert "<h1>Weniger hören?</h1>" in asking.text and "<button>Nichts mehr über mail</button>" in asking.text
    assert "<h1>Nicht stummgeschaltet</h1>" in refused.text
    assert "<h1>Diese E-Mails abbestellen?</h1>" in stopping.text
    assert all('<html lang="de">' in page.text for page in (asking, refused, stopping))


def test_names_stay_text(api: Api, links: UnsubscribeLinks) -> None:
    person = Subscription("<b>ana", "", "mail", '"><script>')

    for token in map(links.token_of, (person, replace(person, address="<b>ana</b>@example.com"))):
        for method in ("GET", "POST"):
            page = asked(api, method, token)
            assert "<b>" not in page.text and "<script" not in page.text


def test_a_token_of_one_person_is_nobody_elses(links: UnsubscribeLinks) -> None:
    version, _, mac = links.token_of(ANAS).split(".")
    told = links.token_of(Subscription("bob", "ana@example.com", "mail", "refunds")).split(".")[1]

    assert links.read(links.token_of(ANAS)) == ANAS
    assert links.read(f"{version}.{told}.{mac}") is None
    assert links.read(f"{told}.{mac}") is None
    assert UnsubscribeLinks("t" * 48).read(links.token_of(ANAS)) is None


def test_a_link_fits_a_header_whatever_a_person_is_called(links: UnsubscribeLinks) -> None:
    long = Subscription("ü" * 255, "ana@example.com", "m" * 100, "r" * 100)

    url = links.url(long)

    assert len(links.url(replace(long, username="ü" * 100))) <= MAX_URL
    assert links.read(url.partition("token=")[2]) == "ana@example.com"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_was_cut_is_a_page_for_people_and_a_problem_for_others(
    api: Api, links: UnsubscribeLinks, method: str
) -> None:
    query, german = {"token": links.token_of(ANAS)[:-3]}, {"accept": "text/html", "accept-language": "de"}

    page = api(method, "/unsubscribe", query=query, headers=german)
    problem = api(method, "/unsubscribe", query=query)

    assert (page.status, "<h1>Dieser Link funktioniert nicht</h1>" in page.text) == (404, True)
    assert problem.is_problem(404)
