"""The console over the real WebSocket: what is pushed, lost, repeated or cut off is seen once, without asking."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from local.run import console_url
from local.stack import LocalStack
from local.waiting import until
from tests.stack.browser import go, happen, rows, sign_in, tab

LIVE = re.compile(r"^ws://.*/live")
ASKING = re.compile(r"/(notifications|events)(\?|$)")
type Opened = Callable[..., Page]


class Lines:
    """The page's connections, by way of which messages can be lost, repeated and cut off."""

    def __init__(self) -> None:
        self.opened: list[WebSocketRoute] = []
        self.asked: list[str] = []
        self.lost: list[str] = []
        self.losing = False
        self.times = 1

    def connect(self, page_side: WebSocketRoute) -> None:
        server = page_side.connect_to_server()
        self.opened.append(page_side)

        def forth(message: str | bytes) -> None:
            self.asked.append(str(message))
            server.send(message)

        def back(message: str | bytes) -> None:
            if json.loads(message)["message_type"] == "notification.new" and self.losing:
                self.lost.append(str(message))
                return
            for _ in range(self.times):
                page_side.send(message)

        page_side.on_message(forth)
        server.on_message(back)

    def said(self, action: str) -> int:
        return sum(json.loads(message)["action"] == action for message in self.asked)


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def live(browser: Browser, stack: LocalStack, alice: str, lines: Lines) -> Iterator[Page]:
    """Alice's console with its WebSocket open, at the inbox. Its clock can be put forward."""
    page = tab(browser)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route_web_socket(LIVE, lines.connect)
    page.clock.install()
    page.goto(console_url(stack))
    sign_in(page, alice)
    go(page, "#/inbox")
    until_live(page)
    yield page
    page.context.close()
    assert complaints == []


def until_live(page: Page) -> None:
    expect(page.get_by_role("status").get_by_text("live", exact=True)).to_be_visible()
    page.locator(":root:not([data-busy])").wait_for()


def toasts(page: Page, text: str) -> int:
    return page.get_by_test_id("toast").filter(has_text=text).count()


def test_what_is_pushed_becomes_a_toast_at_once_and_twice_is_once(live: Page, stack: LocalStack, lines: Lines) -> None:
    lines.times = 2

    happen(stack, "pushed twice")

    expect(live.get_by_test_id("toast").filter(has_text="pushed twice")).to_have_count(1)
    expect(rows(live).filter(has_text="pushed twice")).to_have_count(1)
    happen(stack, "and then another")
    expect(live.get_by_test_id("toast").filter(has_text="and then another")).to_have_count(1)
    assert toasts(live, "pushed twice") <= 1


def test_nobody_asks_beside_an_open_websocket(live: Page, browser: Browser, stack: LocalStack, alice: str) -> None:
    asked: dict[str, list[str]] = {"live": [], "polling": []}
    polling = tab(browser)
    polling.clock.install()
    polling.goto(f"{stack.facts.api_url}/console")  # finds no WebSocket by this host
    sign_in(polling, alice)
    for name, page in (("live", live), ("polling", polling)):
        until(lambda page=page: page.locator(":root:not([data-busy])").count(), 180, of="nothing is under way")  # type: ignore[misc]
        page.on("request", lambda request, name=name: asked[name].append(request.url))  # type: ignore[misc]

    for page in (live, polling):
        page.clock.fast_forward(20_000)

    polling.wait_for_timeout(1)
    until(lambda: any(map(ASKING.search, asked["polling"])) or polling.wait_for_timeout(50), 180, of="polls")
    assert not [url for url in asked["live"] if ASKING.search(url)]
    polling.context.close()


def test_what_was_lost_on_its_way_is_there_when_the_connection_is_back(
    live: Page, stack: LocalStack, lines: Lines
) -> None:
    lines.losing = True
    happen(stack, "lost on its way")
    until(lambda: lines.lost or live.wait_for_timeout(50), 180, of="the push that gets lost")
    assert rows(live).filter(has_text="lost on its way").count() == 0
    lines.losing = False

    lines.opened[-1].close(code=1001)

    expect(live.get_by_test_id("toast").filter(has_text="lost on its way")).to_have_count(1)
    expect(rows(live).filter(has_text="lost on its way")).to_have_count(1)
    until_live(live)
    assert len(lines.opened) == 2


def test_a_connection_that_answers_no_ping_is_given_up(live: Page, lines: Lines) -> None:
    first = lines.opened[-1]
    first.on_message(lambda message: lines.asked.append(str(message)))  # to nobody

    live.clock.fast_forward(26_000)
    until(lambda: lines.said("ping") or live.wait_for_timeout(50), 180, of="a ping")
    live.clock.fast_forward(11_000)

    expect(live.get_by_role("status").get_by_text("live", exact=True)).to_have_count(0)
    live.clock.fast_forward(5_000)
    until_live(live)
    assert len(lines.opened) == 2


def test_what_comes_while_the_network_is_cut_comes_once(live: Page, stack: LocalStack) -> None:
    live.context.set_offline(True)
    expect(live.get_by_text("not connected").first).to_be_visible()
    happen(stack, "while it was cut")

    live.context.set_offline(False)

    expect(rows(live).filter(has_text="while it was cut")).to_have_count(1)
    until_live(live)
    happen(stack, "when it was back")
    expect(live.get_by_test_id("toast").filter(has_text="when it was back")).to_have_count(1)
    assert rows(live).filter(has_text="while it was cut").count() == 1


def test_the_log_is_followed_and_not_asked_for_once_it_is_fed(live: Page, stack: LocalStack, lines: Lines) -> None:
    go(live, "#/events?app=followed&live=1")
    until(lambda: lines.said("events.tail") or live.wait_for_timeout(50), 180, of="the page follows the log")
    happen(stack, "seen by asking or by the feed", app="followed")
    expect(rows(live).filter(has_text="seen by asking or by the feed")).to_have_count(1)
    live.clock.fast_forward(11_000)
    live.locator(":root:not([data-busy])").wait_for()
    asked: list[str] = []
    live.on("request", lambda request: asked.append(request.url))

    live.clock.fast_forward(9_000)
    event = happen(stack, "seen by the feed", app="followed")

    expect(rows(live).filter(has_text="seen by the feed")).to_have_count(1)
    assert not [url for url in asked if ASKING.search(url)], event


def test_events_for_the_filters_before_are_not_shown_under_those_of_now(live: Page, lines: Lines) -> None:
    """Whoever feeds the log sends them for some seconds after the filters have changed."""
    go(live, "#/events?app=nothing-here&live=1")
    until(lambda: lines.said("events.tail") or live.wait_for_timeout(50), 180, of="the page follows the log")

    for number, filters in enumerate(({"app": "of-before"}, {"app": "nothing-here"})):
        event = {"id": f"e{number}", "created": "2026-03-01T12:00:00Z", "action": "login", "app": "x"}
        shown = event | {"user": {}, "context": {}, "client_ip": None, "summary": f"for {filters['app']}"}
        lines.opened[-1].send(
            json.dumps({"message_type": "events.new", "data": [shown], "skipped": 0, "filters": filters})
        )

    expect(rows(live).filter(has_text="for nothing-here")).to_have_count(1)
    assert rows(live).filter(has_text="for of-before").count() == 0
