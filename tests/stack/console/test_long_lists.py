"""Lists of 10,000 rows: only those in sight are in the document, and each is found by keyboard and by scrolling."""

import json

import pytest
from playwright.sync_api import Page, Route, expect

from tests.stack.browser import go, rows

ROWS = 10_000
IN_DOCUMENT = 60
SCROLL = """async () => {
  const box = document.querySelector(".list");
  const frames = [];
  await new Promise((done) => {
    const tick = (now) => {
      frames.push(now);
      box.scrollTop += 90;
      if (frames.length < 600) requestAnimationFrame(tick); else done();
    };
    requestAnimationFrame(tick);
  });
  return frames.slice(1).map((now, at) => now - frames[at]);
}"""


@pytest.fixture
def long_list(page: Page) -> Page:
    """The log with 10,000 events in it, as one page of the API's answer."""
    events = [
        {
            "id": f"01890000-0000-7000-8000-{number:012x}",
            "created": "2026-03-01T12:00:00.000Z",
            "action": "login_failed",
            "app": "shop",
            "user": {"username": f"user-{number}"},
            "context": {},
            "client_ip": "203.0.113.7",
            "summary": f"event {number}",
        }
        for number in range(ROWS)
    ]
    answer = json.dumps({"items": events, "cursor": None, "scanned": ROWS})

    def fulfil(route: Route) -> None:
        route.fulfill(status=200, content_type="application/json", body=answer)

    page.route(lambda url: "/events?" in url, fulfil)
    go(page, "#/events?app=shop")
    expect(rows(page).first).to_contain_text("event 0")
    expect(page.get_by_text(f"{ROWS} shown")).to_be_visible()
    return page


def test_only_rows_in_sight_are_in_the_document(long_list: Page) -> None:
    assert rows(long_list).count() <= IN_DOCUMENT
    assert rows(long_list).first.get_attribute("aria-setsize") == str(ROWS)

    long_list.get_by_role("listbox").filter(has=long_list.locator(".rows")).evaluate("box => box.scrollTop = 220000")

    expect(rows(long_list).filter(has_text="event 5000")).to_be_visible()
    assert rows(long_list).count() <= IN_DOCUMENT


def test_the_ends_are_a_key_away(long_list: Page) -> None:
    listbox = long_list.get_by_role("listbox").filter(has=long_list.locator(".rows"))
    listbox.focus()

    long_list.keyboard.press("End")

    chosen = rows(long_list).and_(long_list.locator("[aria-selected=true]"))
    expect(chosen).to_contain_text(f"event {ROWS - 1}")
    expect(chosen).to_have_attribute("aria-posinset", str(ROWS))
    long_list.keyboard.press("Home")
    expect(chosen).to_contain_text("event 0")


@pytest.mark.exhaustive
def test_frames_while_it_scrolls(long_list: Page, capsys: pytest.CaptureFixture[str]) -> None:
    cdp = long_list.context.new_cdp_session(long_list)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})  # the page's own time, not that of who runs beside it

    def spent() -> float:
        return float(
            next(m["value"] for m in cdp.send("Performance.getMetrics")["metrics"] if m["name"] == "TaskDuration")
        )

    before = spent()
    pauses = sorted(long_list.evaluate(SCROLL))
    work = (spent() - before) / len(pauses) * 1000

    late = sum(pause > 17.5 for pause in pauses)
    with capsys.disabled():
        print(f"\n{ROWS} rows, {len(pauses)} frames of 90 pixels each; milliseconds from one to the next")
        print(f"  p50 {pauses[len(pauses) // 2]:.1f}   p95 {pauses[int(len(pauses) * 0.95)]:.1f}", end="   ")
        print(f"slowest {pauses[-1]:.1f}; {late} later than a sixtieth of a second")
        print(f"  of the main thread's time: {work:.1f} a frame")
    assert rows(long_list).count() <= IN_DOCUMENT


def test_of_a_large_directory_some_are_shown_and_all_are_found(page: Page) -> None:
    """Everybody was read and drawn, page after page: with tens of thousands of people the tab stood still."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        searched = "search=" in route.request.url
        names = ["the-one"] if searched else [f"user-{number}" for number in range(500)]
        items = [{"username": name, "email": "", "name": "", "active": True} for name in names]
        route.fulfill(json={"items": items, "cursor": None if searched else "more"})

    page.route(lambda url: "/users?" in url, answer)
    go(page, "#/people")
    expect(page.get_by_text("And more than these 500")).to_be_visible()
    assert len(asked) == 1

    page.get_by_label("Search people").fill("the-one")
    page.get_by_role("button", name="Search", exact=True).click()

    expect(page.get_by_role("link", name="the-one")).to_be_visible()
    expect(page.get_by_role("link", name="user-1", exact=True)).to_have_count(0)
