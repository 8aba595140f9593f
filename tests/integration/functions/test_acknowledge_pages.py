"""The pages behind the link to acknowledge by, in the languages of the product, for people and for channels."""

from dataclasses import replace
from datetime import timedelta

import boto3
import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.handler_calls import Answer
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.events.model import Event
from tocsin.events.store import EventStore, Submission
from tocsin.ids import new_id
from tocsin.notifications.acknowledge_links import LIVES, AcknowledgeLinks, Acknowledging
from tocsin.times import utc_now

ABOUT, SECRET = "a" * 32, "s" * 48
HTML = {"accept": "text/html,application/xhtml+xml"}


class Pages:
    """Rule `logins` told ana and the channel `chat` of a failed login; ana reads German, in Vienna's time."""

    def __init__(self, stack: Stack) -> None:
        secret = boto3.client("secretsmanager").create_secret(Name="links", SecretString=SECRET)
        stack.monkeypatch.setenv("LINK_SECRET", secret["ARN"])
        self.api = Api.of(stack)
        self.links = AcknowledgeLinks(SECRET)
        self.matters = EscalationStore(stack.dynamodb, "deliveries")
        self.now = utc_now()
        self.event_id = new_id(self.now)
        users = [{"username": "ana", "locale": "de"}, {"username": "bob"}]
        assert self.api("PUT", "/blueprint", {"users": users}).status == 200
        zone = {"time_zone": "Europe/Vienna"}
        assert self.api("PUT", "/users/ana/preferences", zone).status == 200
        expires, eve = self.now.replace(year=2099), {"username": "eve"}
        event = Event(self.event_id, "logout", "shop", eve, {}, None, "default", expires)
        EventStore(stack.dynamodb, "events").add([Submission(event, None)])

    def begin(self) -> None:
        in_a_minute, week = self.now + timedelta(minutes=1), timedelta(days=7)
        self.matters.begin("logins", ABOUT, self.event_id, steps=1, due=in_a_minute, now=self.now, keep=week)

    def follow(
        self,
        method: str = "GET",
        username: str = "ana",
        *,
        form: str | None = None,
        ended: bool = False,
        pk: str = "",
        **headers: str,
    ) -> Answer:
        ends = self.now - LIVES if ended else self.now + LIVES
        token = self.links.token(Acknowledging("logins", ABOUT, self.event_id, "chat", username, ends, pk))
        return self.api(method, "/acknowledge", form, query={"token": token}, facts={}, headers=HTML | headers)


@pytest.fixture
def pages(stack: Stack) -> Pages:
    return Pages(stack)


def test_each_page_is_in_the_persons_language(pages: Pages) -> None:
    nothing = pages.follow()
    pages.begin()
    asking, done, already = (pages.follow(method) for method in ("GET", "POST", "GET"))

    assert "<title>Nichts zu bestätigen</title>" in nothing.text and "<h1>Nichts zu bestätigen</h1>" in nothing.text
    assert "<h1>Bestätigen?</h1>" in asking.text and "<button>Bestätigen</button>" in asking.text
    assert "Die Regel logins hat das gemeldet: eve hat sich abgemeldet" in asking.text
    assert "Es wird dabei stehen, dass ana es bestätigt hat." in asking.text
    assert "<h1>Bestätigt</h1>" in done.text and "ana hat um " in done.text
    assert " CE" in done.text  # CET or CEST
    assert already.text == done.text
    assert all('<html lang="de">' in page.text for page in (nothing, asking, done, already))


def test_no_other_page_shows_a_page_in_a_frame_of_its_own(pages: Pages) -> None:
    pages.begin()

    policy = pages.follow("GET").headers["content-security-policy"]

    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy


def test_what_is_over_says_so_in_their_language(pages: Pages) -> None:
    pages.begin()
    pages.matters.end("logins", ABOUT, new_id(pages.now + timedelta(seconds=1)), now=pages.now)

    assert "<h1>Es ist vorbei</h1>" in pages.follow().text


def test_a_channels_page_is_in_the_browsers_language(pages: Pages) -> None:
    pages.begin()

    german = pages.follow(username="", **{"accept-language": "fr,de-CH;q=0.9,en;q=0.8"})
    french, unsaid = pages.follow(username="", **{"accept-language": "fr"}), pages.follow(username="")

    assert "<label>Ihr Name <input" in german.text
    assert french.text == unsaid.text
    assert '<html lang="en">' in unsaid.text and "<label>Your name <input" in unsaid.text


def test_a_person_who_reads_english_is_asked_in_english(pages: Pages) -> None:
    pages.begin()

    page = pages.follow(username="bob", **{"accept-language": "de"})

    assert "<h1>Acknowledge?</h1>" in page.text and "Rule logins told of this: eve logged out." in page.text


def test_who_is_woken_can_acknowledge_while_another_version_wrote_the_defaults(pages: Pages, stack: Stack) -> None:
    store = ConfigurationStore(stack.dynamodb, "config")
    version, configuration = store.current()
    settings = replace(configuration.settings, preferences_defaults={"of": "another version"})
    store.publish(configuration.changed(settings=settings), replacing=version, by="test")
    pages.begin()

    done = pages.follow("POST", **{"accept-language": "de"})

    assert (done.status, "<h1>Bestätigt</h1>" in done.text) == (200, True)


@pytest.mark.parametrize("left", ["inactive", "deleted"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_link_of_who_left_acknowledges_nothing(pages: Pages, method: str, left: str) -> None:
    """The fault: their keys and tokens were refused, and a mail that they had kept still ended an escalation."""
    pages.begin()
    gone = pages.api("DELETE", "/users/ana") if left == "deleted" else pages.api("PUT", "/users/ana", {"active": False})

    page = pages.follow(method, **{"accept-language": "en"})

    matter = pages.matters.get("logins", ABOUT, now=pages.now)
    assert (gone.status, page.status, "<h1>This link does not work</h1>" in page.text) == (200, 404, True)
    assert "It was for ana, who is not there any more, or not active." in page.text
    assert matter is not None and matter.acknowledgement is None
    assert pages.follow("POST", "bob").status == 200


@pytest.mark.parametrize("pk", ["", "7"], ids=["an earlier version's", "of this version"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_link_of_who_had_the_name_before_acknowledges_nothing(pages: Pages, method: str, pk: str) -> None:
    """The fault: for 30 days, whoever was given a deleted person's name had their links too."""
    pages.begin()
    assert pages.api("DELETE", "/users/ana").status == 200
    assert pages.api("PUT", "/users/ana", {"locale": "de", "pk": pk or None}).status == 201

    page = pages.follow(method, pk=pk)
    problem = pages.follow(method, pk=pk, accept="application/json")

    matter = pages.matters.get("logins", ABOUT, now=pages.now)
    assert (page.status, problem.status) == (404, 404)
    assert "<h1>Dieser Link funktioniert nicht</h1>" in page.text
    assert "Der Name ana ist auf eine andere Person übergegangen" in page.text
    assert "the name ana has passed on" in problem.text
    assert matter is not None and matter.acknowledgement is None


@pytest.mark.parametrize(("now", "status"), [(7, 200), ("7", 200), (8, 404), (None, 404)])
def test_a_link_is_its_persons_by_their_key(pages: Pages, now: int | str | None, status: int) -> None:
    """Also where the name passed on without that the one was deleted before the other came."""
    pages.begin()
    assert pages.api("PUT", "/users/ana", {"pk": now}).status == 200

    assert pages.follow("POST", pk="7").status == status


def test_a_link_of_an_earlier_version_holds_while_its_person_is_there(pages: Pages) -> None:
    pages.begin()
    assert pages.api("PUT", "/users/ana", {"pk": 7, "email": "ana@example.org"}).status == 200

    assert pages.follow("POST").status == 200


def test_who_has_the_name_now_follows_their_own_links(pages: Pages) -> None:
    pages.begin()
    assert pages.api("DELETE", "/users/ana").status == 200
    assert pages.api("PUT", "/users/ana", {"pk": 9}).status == 201
    pages.now += timedelta(seconds=5)

    assert pages.follow("POST", pk="9").status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_has_ended_is_a_page_for_people_and_a_problem_for_others(pages: Pages, method: str) -> None:
    pages.begin()

    page = pages.follow(method, ended=True, **{"accept-language": "de"})
    problem = pages.follow(method, ended=True, accept="application/json")

    assert (page.status, "<h1>Dieser Link funktioniert nicht</h1>" in page.text) == (404, True)
    assert page.headers["content-type"].startswith("text/html")
    assert (problem.status, problem.headers["content-type"]) == (404, "application/problem+json")
    matter = pages.matters.get("logins", ABOUT, now=pages.now)
    assert matter is not None and matter.acknowledgement is None


@pytest.mark.parametrize(
    ("form", "who"),
    [
        ("name=bob&" + "&".join(f"field{number}=1" for number in range(50)), "bob (by chat)"),
        ("&" * 5_000, "somebody (by chat)"),
        ("name=%ED%A0%80%00", "\ufffd\ufffd\ufffd (by chat)"),
        ("name=" + "a" * 5_000, "a" * 79 + "… (by chat)"),
        ('{"name": "bob"}', "somebody (by chat)"),
    ],
)
def test_whatever_form_comes_it_is_acknowledged(pages: Pages, form: str, who: str) -> None:
    """A form of more than ten fields was answered with 500, and what it acknowledges went on to the next step."""
    pages.begin()

    done = pages.follow("POST", username="", form=form)

    matter = pages.matters.get("logins", ABOUT, now=pages.now)
    assert (done.status, "<h1>Acknowledged</h1>" in done.text) == (200, True)
    assert matter is not None and matter.acknowledgement is not None
    assert matter.acknowledgement.by == who
