"""The pictures of chat messages are of what the presets send."""

import pytest

from local.chat_pictures import messages, pages
from tocsin.notifications.presets import Kind


def test_an_event_several_and_an_end_are_pictured() -> None:
    assert [told.kind for told in messages().values()] == [Kind.EVENT, Kind.GROUP, Kind.RESOLVE]


@pytest.mark.parametrize("name", ["chat-teams", "chat-discord"])
def test_a_page_shows_each_message_with_what_it_says(name: str) -> None:
    page = pages()[name]

    assert page.count("<section>") == 3
    for said in ("14 × Suspicious request", "11 more not shown", "Over: Network blocked", "203.0.113.0/24"):
        assert said in page


def test_slack_is_pictured_beside_mattermost() -> None:
    page = pages()["chat-slack"]

    assert page.count("41 sign-ins to the accounts of 17 customers") >= 2
