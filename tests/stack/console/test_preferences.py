"""A person's preferences in the console: theirs to change, each mistake at its field."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from local.api import TocsinApi
from local.stack import LocalStack
from tests.stack.browser import go
from tocsin.types import JsonObject

MINE = "/users/me/preferences"


@pytest.fixture
def mine(stack: LocalStack, alice: str) -> Iterator[TocsinApi]:
    """The API as alice asks it; what she says of herself is taken back afterwards."""
    api = stack.api(alice)
    yield api
    api.ask("PUT", MINE, json={}).raise_for_status()


def said(api: TocsinApi) -> JsonObject:
    found: JsonObject = api.ask("GET", MINE).json()
    return found


def test_what_a_person_says_is_what_the_api_has(page: Page, mine: TocsinApi) -> None:
    page.get_by_role("link", name="Inbox").click()
    page.get_by_role("link", name="Preferences").click()
    page.get_by_label("inbox from severity").select_option("warning")
    page.get_by_label("inbox at once").check()
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Add quiet hours").click()
    page.get_by_role("group", name="Days of quiet hours 1").get_by_label("sat").uncheck()
    page.get_by_label("Alerts pass them").uncheck()
    page.get_by_label("Digest every").select_option("day")
    page.get_by_label("Digest at").fill("08:30")
    page.get_by_label("Mute your-password").select_option("muted")

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("It is in force within ten seconds.")).to_be_visible()
    assert said(mine) == {
        "transports": {"inbox": {"min_severity": "warning", "at_once": True}},
        "time_zone": "Europe/Berlin",
        "quiet_hours": [{"starts": "22:00", "ends": "07:00", "days": ["mon", "tue", "wed", "thu", "fri", "sun"]}],
        "alerts_pass": False,
        "digest": {"every": "day", "at": "08:30"},
        "rules": {"your-password": {"muted": True}},
    }


def test_a_messages_links_lead_to_its_rule_and_to_quiet_hours(page: Page, mine: TocsinApi) -> None:
    go(page, "#/preferences?rule=your-password")
    expect(page.locator("tr.chosen")).to_contain_text("your-password")
    expect(page.locator("tr.chosen")).to_be_in_viewport()

    go(page, "#/preferences?show=quiet-hours")
    expect(page.get_by_role("heading", name="Quiet hours")).to_be_in_viewport()


def test_a_mistake_stands_at_its_field(page: Page, mine: TocsinApi) -> None:
    go(page, "#/preferences")
    page.get_by_role("button", name="Add quiet hours").click()
    page.get_by_label("Quiet hours 1 from").fill("25:00")

    page.get_by_role("button", name="Save").click()

    expect(page.locator(".field.bad")).to_have_count(1)
    expect(page.locator(".field.bad")).to_contain_text("From")
    assert said(mine) == {}
