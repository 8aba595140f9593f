"""An e-mail that is sent once is one person's all the same: in their language, with the times of their zone."""

from datetime import timedelta

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.telling_world import TellingWorld
from tocsin.events.model import Event


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    return TellingWorld(stack, monkeypatch, sinks)


def read_by(telling: TellingWorld) -> list[tuple[str, str, str]]:
    """Name, language and time zone of each person whom a mail is for."""
    people = [message["user"] for message in telling.stack.messages("Email")]
    return [(person["username"], person["locale"], person.get("time_zone", "")) for person in people]


def test_a_mail_that_is_sent_once_is_in_the_words_of_its_reader(telling: TellingWorld) -> None:
    telling.rules(transports=["mail"], mail_once=True)
    telling.say("ana", locale="de", time_zone="Europe/Berlin")

    telling.match(*telling.happened(1))

    assert read_by(telling) == [("ana", "de", "Europe/Berlin")]


def test_a_mail_that_is_sent_once_is_for_the_first_who_has_not_muted_the_rule(telling: TellingWorld) -> None:
    telling.rules(transports=["mail"], mail_once=True)
    telling.say("ana", rules={"refunds": {"muted_until": (telling.now + timedelta(hours=1)).isoformat()}})

    telling.match(*telling.happened(1))
    telling.later(hours=2)
    telling.match(*telling.happened(1))

    assert [name for name, *_ in read_by(telling)] == ["bob", "ana"]


def test_the_end_that_is_mailed_once_is_in_the_words_of_its_reader(telling: TellingWorld) -> None:
    telling.rules(transports=["mail"], mail_once=True, resolve={"action": "refunded"})
    telling.say("ana", locale="de", time_zone="Europe/Berlin")
    telling.match(*telling.happened(1))
    telling.stack.messages("Email")
    telling.later(seconds=1)
    end: Event = telling.event(action="custom_refunded", app="bank")

    telling.match(end)

    assert read_by(telling) == [("ana", "de", "Europe/Berlin")]
