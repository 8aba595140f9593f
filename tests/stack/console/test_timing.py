"""`make toasts`: how long it takes from POST /events to the toast in a browser, and where the time goes."""

import itertools
import json
import time
from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, WebSocket

from local.run import console_url
from local.stack import LocalStack
from tests.stack.browser import go, happen, sign_in, tab

EVENTS = 40
DRAWN = """() => {
  window.drawn = {};
  new MutationObserver(() => {
    for (const toast of document.querySelectorAll("[data-testid=toast]")) {
      const text = toast.querySelector(".text").textContent;
      window.drawn[text] ??= performance.timeOrigin + performance.now();
    }
  }).observe(document.body, { childList: true, subtree: true });
}"""
STEPS = ("POST answered", "notification stored", "pushed to the browser", "toast drawn")


@pytest.fixture
def watching(browser: Browser, stack: LocalStack, alice: str) -> Iterator[tuple[Page, dict[str, tuple[float, float]]]]:
    """Alice's console with its WebSocket open, and (stored, received), in seconds, of each notification by its text."""
    page = tab(browser)
    heard: dict[str, tuple[float, float]] = {}

    def hear(message: str | bytes) -> None:
        said = json.loads(message)
        if said["message_type"] == "notification.new":
            stored = datetime.fromisoformat(said["data"]["arrived"]).timestamp()
            heard[said["data"]["body"]] = (stored, time.time())

    def opened(socket: WebSocket) -> None:
        socket.on("framereceived", hear)

    page.on("websocket", opened)
    page.goto(console_url(stack))
    sign_in(page, alice)
    go(page, "#/inbox")
    page.get_by_role("status").get_by_text("live", exact=True).wait_for()
    page.evaluate(DRAWN)
    yield page, heard
    page.context.close()


@pytest.mark.exhaustive
def test_from_post_to_toast(
    watching: tuple[Page, dict[str, tuple[float, float]]], stack: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    page, heard = watching
    steps: list[tuple[float, ...]] = []

    for number in range(-2, EVENTS):  # the first two find functions cold
        text, began = f"timed {uuid4()}", time.time()
        happen(stack, text)
        answered = time.time()
        page.get_by_test_id("toast").filter(has_text=text).wait_for()
        drawn = page.evaluate("text => window.drawn[text]", text) / 1000
        if number >= 0:
            moments = (began, answered, *heard[text], drawn)
            steps.append(tuple(after - before for before, after in itertools.pairwise(moments)))

    with capsys.disabled():
        print(f"\n{EVENTS} events, one after the other; milliseconds")
        for name, column in zip((*STEPS, "in all"), (*zip(*steps, strict=True), map(sum, steps)), strict=True):
            times = sorted(column)
            p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
            print(f"  {name:<24} p50 {p50 * 1000:7.0f}   p95 {p95 * 1000:7.0f}")
    assert len(steps) == EVENTS
