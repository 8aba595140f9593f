"""Chromium, and alice: who may do everything, and is told of what happens in the app `console`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from local.stack import LocalStack
from local.waiting import until
from tests.stack.browser import chromium, console, happen, sign_in
from tocsin.types import Json


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests of this directory; it ends with them, for beside Playwright nothing else can use asyncio."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def alice(stack: LocalStack, configuration: dict[str, Json]) -> str:
    """A key that stands for alice; a rule tells her of the events that `happen`."""
    api = stack.api()
    everything = ["events:read", "events:write", "config:read", "config:write", "notifications"]
    made = api.ask("POST", "/keys", json={"name": "alice-console", "user": "alice", "scopes": everything})
    rule = {"severity": "warning", "transports": ["inbox"], "destination_event_user": True}
    policy = api.ask("PUT", "/policies/app-console", json={"kind": "event_matcher", "app": "console"})
    told = api.ask("PUT", "/rules/console", json=rule | {"bindings": [{"policy": "app-console"}]})
    assert [made.status_code, policy.status_code, told.status_code] == [201, 201, 201]
    _until_it_fires(stack)
    return str(made.json()["key"])


def _until_it_fires(stack: LocalStack) -> None:
    """The matcher reads a changed configuration within seconds; events before that tell nobody."""

    def fired() -> bool:
        return bool(stack.api().story(happen(stack, "is the rule there?")).rules)

    until(fired, 120, of="the rule `console` fires", pause_s=3)


@pytest.fixture
def page(browser: Browser, stack: LocalStack, alice: str) -> Iterator[Page]:
    """The console, with alice signed in. What goes wrong in the page fails the test."""
    opened = console(browser, stack.facts.api_url)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(opened, alice)
    yield opened
    opened.context.close()
    assert complaints == []
