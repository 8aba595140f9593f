"""`make timing`: how long it takes from POST /events to the toast in a browser, and where the time goes."""

import itertools
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page

from local.run import console_url
from local.stack import LocalStack
from tests.stack.browser import go, happen, sign_in, tab

EVENTS = 40
HEARD = """() => {
  window.heard = {};
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", (message) => {
        const said = JSON.parse(message.data);
        if (said.message_type !== "notification.new") return;
        window.heard[said.data.body] = [Date.parse(said.data.arrived), performance.timeOrigin + performance.now()];
      });
    }
  };
}"""
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
def watching(browser: Browser, stack: LocalStack, alice: str) -> Iterator[Page]:
    """Alice's console with its WebSocket open, which notes when it heard of each notification, and drew it."""
    page = tab(browser)
    page.add_init_script(f"({HEARD})()")
    page.goto(console_url(stack))
    sign_in(page, alice)
    go(page, "#/inbox")
    page.get_by_role("status").get_by_text("live", exact=True).wait_for()
    page.evaluate(DRAWN)
    yield page
    page.context.close()


@pytest.mark.exhaustive
def test_from_post_to_toast(watching: Page, stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    steps: list[tuple[float, ...]] = []

    for number in range(-2, EVENTS):  # the first two find functions cold
        text, began = f"timed {uuid4()}", time.time()
        happen(stack, text)
        answered = time.time()
        watching.get_by_test_id("toast").filter(has_text=text).wait_for()
        noted = watching.evaluate("text => [...window.heard[text], window.drawn[text]]", text)
        if number >= 0:
            moments = (began, answered, *(moment / 1000 for moment in noted))
            steps.append(tuple(after - before for before, after in itertools.pairwise(moments)))

    with capsys.disabled():
        print(f"\n{EVENTS} events, one after the other; milliseconds")
        for name, column in zip((*STEPS, "in all"), (*zip(*steps, strict=True), map(sum, steps)), strict=True):
            times = sorted(column)
            p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
            print(f"  {name:<24} p50 {p50 * 1000:7.0f}   p95 {p95 * 1000:7.0f}")
    assert len(steps) == EVENTS
