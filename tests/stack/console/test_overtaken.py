"""Answers that come late, or not at all: nothing is shown under a question that it does not answer."""

import json
import re

from playwright.sync_api import Browser, Page, Route, expect

from local.stack import LocalStack
from local.waiting import until
from tests.stack.browser import console, go, happen, rows, sign_in

NOW = "2026-03-01T12:00:00.000Z"


def held(page: Page, address: str) -> list[Route]:
    """What the page asks for there from now on, to be answered by hand."""
    routes: list[Route] = []
    page.route(re.compile(address), lambda route: routes.append(route))  # noqa: PLW0108 - Playwright marks what it calls
    return routes


def until_asked(page: Page, routes: list[Route]) -> Route:
    until(lambda: routes or page.wait_for_timeout(50), 180, of="the page asks")
    return routes[-1]


def until_quiet(page: Page) -> None:
    page.locator(":root:not([data-busy])").wait_for()


def test_a_list_of_another_state_does_not_come_in_late(page: Page, stack: LocalStack) -> None:
    """Whoever went from one state to another could be shown the deliveries of the first under the second."""
    happen(stack, "is delivered")
    failed = held(page, r"/deliveries\?.*state=failed")
    go(page, "#/deliveries?state=failed")
    late = until_asked(page, failed)

    go(page, "#/deliveries?state=delivered")
    expect(rows(page).first).to_contain_text("delivered")
    of_before = {"id": "x", "state": "failed", "transport": "overtaken", "attempts": [], "updated": NOW}
    late.fulfill(json={"items": [of_before], "cursor": None})
    until_quiet(page)

    expect(page.get_by_text("overtaken")).to_have_count(0)


def test_an_event_that_was_looked_at_before_does_not_take_the_place_of_this_one(page: Page, stack: LocalStack) -> None:
    """It said "Loading…" for as long as one looked."""
    first, second = happen(stack, "the first"), happen(stack, "the second")
    before = held(page, f"/events/{first}$")
    go(page, f"#/events?app=nothing-here&event={first}")
    late = until_asked(page, before)

    go(page, f"#/events?app=nothing-here&event={second}")
    expect(page.get_by_test_id("summary")).to_have_text("the second")
    late.continue_()
    until_quiet(page)

    expect(page.get_by_test_id("summary")).to_have_text("the second")


def test_filters_of_the_inbox_that_change_while_a_page_comes_are_asked_for(page: Page) -> None:
    """The page of the filters before said that there is no more, and nothing asked for those of now."""
    unseen = held(page, r"/notifications\?.*unseen=true")
    go(page, "#/inbox?unseen=1")
    late = until_asked(page, unseen)

    with page.expect_request(re.compile(r"/notifications\?.*severity=alert")):
        go(page, "#/inbox?severity=alert")
    late.fulfill(json={"user": "alice", "items": [], "unread": 0, "cursor": None})


def test_a_search_that_is_not_through_says_how_far_it_is_and_goes_on(page: Page) -> None:
    """It said that no event is like this."""
    answers = [
        {"items": [], "cursor": "c", "scanned": 9, "scanned_until": NOW, "filter_failed": None, "unindexed": []},
        {"items": [], "cursor": None, "scanned": 9, "scanned_until": None, "filter_failed": None, "unindexed": []},
    ]
    page.route(re.compile(r"/events\?"), lambda route: route.fulfill(json=answers.pop(0)))

    go(page, "#/events?app=rare")

    empty = page.locator("p.empty")
    expect(empty).to_contain_text("None yet, back to")
    empty.get_by_role("button", name="Go on").click()
    expect(empty).to_have_text("No event is like this.")


def test_a_chart_of_which_not_all_is_counted_says_so(page: Page) -> None:
    """What was not counted looked as if nothing had happened."""

    def answer(route: Route) -> None:
        found = route.fetch()
        route.fulfill(response=found, json=found.json() | {"complete_from": NOW})

    page.route(re.compile(r"/events/volume\?"), answer)

    go(page, "#/events?username=alice")

    expect(page.get_by_text("The chart is complete from")).to_be_visible()


def test_a_chart_says_on_how_many_events_the_filter_failed(page: Page, stack: LocalStack) -> None:
    """A filter that fails on all events drew the chart of a log of nothing."""
    happen(stack, "an event without a number")
    chart = page.get_by_text(re.compile(r"The CEL filter failed on [1-9]\d* of the events that the chart is of"))

    go(page, "#/events?filter=event.context.number > 3")

    expect(chart).to_contain_text("they are not counted: ")
    expect(chart).to_contain_text("number")
    go(page, "#/events?filter=event.action == 'login'")
    expect(page.get_by_role("img", name="events from")).to_be_visible()
    expect(chart).to_have_count(0)


def test_what_is_sent_again_is_what_the_list_shows(page: Page, stack: LocalStack) -> None:
    """Of a list of some hours everything that ever failed by the transport was sent again."""
    of_state = {"id": "x", "state": "failed", "transport": "inbox", "attempts": [], "updated": NOW}
    page.route(re.compile(r"/deliveries\?"), lambda route: route.fulfill(json={"items": [of_state], "cursor": None}))
    page.route("**/deliveries/redrive", lambda route: route.fulfill(json={"queued": 1, "skipped": 0, "cursor": None}))
    go(page, f"#/deliveries?state=failed&transport=inbox&since={NOW}&until=2026-03-01T13:00:00.000Z")

    page.get_by_role("button", name="Redrive…").click()
    with page.expect_request("**/deliveries/redrive") as sent:
        page.get_by_role("button", name="Send them").click()

    asked = sent.value.post_data_json
    assert (asked["since"], asked["until"]) == (NOW, "2026-03-01T13:00:00.000Z")


def test_a_filter_with_an_or_stays_whole_when_it_is_narrowed(page: Page, stack: LocalStack) -> None:
    """Only its last part was narrowed, and what the first lets through stayed."""
    event = happen(stack, "to be narrowed")
    before = 'event.app == "console" || event.app == "hay"'
    go(page, f"#/events?filter={before.replace(' ', '%20')}&event={event}")

    page.get_by_role("button", name="No events with this message").click()

    page.wait_for_function("() => location.hash.includes('to+be+narrowed')")
    asked = page.evaluate("() => new URLSearchParams(location.hash.split('?')[1]).get('filter')")
    assert asked == f'({before}) && event.context.message != "to be narrowed"'


def test_a_rule_may_have_the_name_of_what_every_object_has(page: Page, stack: LocalStack) -> None:
    """The page of rules stayed empty for everybody."""
    stack.api().ask("PUT", "/rules/constructor", json={"destination_event_user": True}).raise_for_status()

    go(page, "#/rules")

    expect(page.get_by_role("link", name="constructor", exact=True)).to_be_visible()
    stack.api().ask("DELETE", "/rules/constructor").raise_for_status()


def test_a_mark_that_could_not_be_made_is_said_in_the_drawer(page: Page, stack: LocalStack) -> None:
    """Nothing happened, and nothing was said."""
    happen(stack, "not to be marked")
    expect(page.get_by_test_id("unread")).to_be_visible()
    page.route("**/notifications/seen", lambda route: route.abort())
    page.keyboard.press("b")

    page.get_by_role("complementary", name="Notifications").get_by_role("button", name="Mark all seen").click()

    expect(page.get_by_role("complementary", name="Notifications").get_by_role("alert")).to_contain_text(
        "can't be reached"
    )


def test_a_key_that_could_not_be_asked_about_is_taken_again(browser: Browser, stack: LocalStack, alice: str) -> None:
    """The form did nothing when the same key was given once more."""
    page = console(browser, stack.facts.api_url)
    failing = {"status": 503, "content_type": "application/problem+json", "body": json.dumps({"detail": "not now"})}
    page.route("**/me", lambda route: route.fulfill(**failing), times=1)
    page.get_by_label("API key").fill(alice)
    page.get_by_label("Keep it until this tab is closed").check()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("not now")

    sign_in(page, alice)

    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("() => sessionStorage.length") == 0  # the box was not ticked this time
    page.context.close()


def test_what_is_written_while_a_saved_entry_is_read_again_stays(page: Page, stack: LocalStack) -> None:
    """It was replaced by what had been saved, without a word."""
    before = stack.api().ask("GET", "/rules/console").json()
    go(page, "#/rules/console?source=1")
    box, check = page.get_by_label("Rule as JSON"), page.get_by_role("status", name="Check")
    expect(box).to_be_visible()
    saved = {**json.loads(box.input_value()), "body": "is saved"}
    box.fill(json.dumps(saved))
    expect(check).to_have_text("The API would take this.")
    again: list[Route] = []
    page.route(
        re.compile(r"/rules/console$"),
        lambda route: again.append(route) if route.request.method == "GET" else route.continue_(),
    )

    page.get_by_role("button", name="Save").click()
    late = until_asked(page, again)
    box.fill(json.dumps({**saved, "body": "is written meanwhile"}))
    late.continue_()
    until_quiet(page)

    expect(check).to_have_text("The API would take this.")
    assert json.loads(box.input_value())["body"] == "is written meanwhile"
    stack.api().ask("PUT", "/rules/console", json={name: value for name, value in before.items() if name != "name"})
