"""The console in Chromium on the running stack: what a person sees and does."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from local.sinks import Misbehaviour
from local.stack import LocalStack
from local.waiting import until
from tests.stack.browser import console, go, happen, rows, sign_in, violations

HOSTILE = (
    "<img src=x onerror=\"document.title='stolen'\"><script>document.title='stolen'</script> "
    "\u202egnp.exe\x00 javascript:0 " + "x" * 64_000
)


def test_an_event_becomes_a_toast_and_a_count_without_a_reload_and_its_story_is_a_click_away(
    page: Page, stack: LocalStack
) -> None:
    happen(stack, "alice mistyped her password")

    page.get_by_test_id("toast").filter(has_text="alice mistyped her password").get_by_role(
        "button", name="Open"
    ).click()

    expect(page.get_by_role("region", name="Story")).to_contain_text("policy app-console holds")
    expect(page.get_by_role("region", name="Story")).to_contain_text("delivered")
    happen(stack, "and again")
    expect(page.get_by_test_id("unread")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\(\d+\) "))


def test_a_search_says_what_it_could_not_look_at_and_what_took_longer(page: Page) -> None:
    """As a stack answers whose EventIndexes were other ones, and where an expression fails on events."""

    def answer(route: Route) -> None:
        found = route.fetch()
        said = found.json() | {
            "unindexed": [{"filter": "user_pk", "before": "2026-03-01T12:00:00Z", "instead": "time"}],
            "filter_failed": {"events": 3, "first": "no such key: number"},
        }
        route.fulfill(response=found, json=said)

    page.route(re.compile(r"/events\?"), answer)
    go(page, "#/events?client_ip=203.0.113.7")

    expect(page.get_by_text("no index knows user_pk: the log is read by time instead")).to_be_visible()
    expect(page.get_by_text("failed on 3 events, which are left out: no such key: number")).to_be_visible()


def test_the_story_of_an_event_is_followed_until_rules_have_been_asked(page: Page, stack: LocalStack) -> None:
    looked = []

    def as_if_the_matcher_were_late(request: Route) -> None:
        looked.append(request.request.url)
        none = {"event_id": event, "rules": [], "deliveries": [], "policies": [], "cursor": None}
        request.fulfill(json=none) if len(looked) == 1 else request.continue_()

    page.route(re.compile(r"/events/[^/]+/deliveries"), as_if_the_matcher_were_late)
    event = happen(stack, "looked at before it is matched")
    go(page, f"#/events?event={event}")
    story = page.get_by_role("region", name="Story")

    expect(story).to_contain_text("No rule has fired on this event yet.")
    expect(story).to_contain_text("delivered")


def test_a_search_is_in_the_address_and_another_tab_shows_the_same(page: Page, stack: LocalStack) -> None:
    happen(stack, "the needle in this log")
    happen(stack, "some hay", app="hay")

    page.get_by_role("link", name="Events").click()
    page.get_by_role("search").wait_for()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("needle")
    page.keyboard.press("Enter")

    expect(rows(page)).to_have_count(1)
    assert "search=needle" in page.url
    page.get_by_role("button", name="Without Text").click()
    expect(rows(page).nth(1)).to_be_visible()
    page.go_back()
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("j")
    expect(page.get_by_test_id("summary")).to_have_text("the needle in this log")


def test_what_an_event_says_stays_text(page: Page, stack: LocalStack) -> None:
    event = happen(stack, HOSTILE, app="hostile", context={"message": HOSTILE, "hyperlink": "javascript:alert(1)"})

    page.evaluate("hash => { location.hash = hash }", f"#/events?event={event}")

    summary = page.get_by_test_id("summary")
    expect(summary).to_contain_text('<img src=x onerror="document.title=')
    expect(summary).to_contain_text("⟨U+202E⟩")
    assert page.locator("main img, main script, main a[href^='javascript']").count() == 0
    assert "stolen" not in page.title()


def test_a_person_is_offered_what_they_may_do(browser: Browser, stack: LocalStack, keys: dict[str, str]) -> None:
    page = console(browser, stack.facts.api_url)

    sign_in(page, keys["reader"])

    assert "Events" in page.get_by_role("navigation", name="Pages").inner_text()
    assert page.get_by_role("link", name="Inbox").count() == 0
    page.context.close()


def test_an_address_with_a_key_signs_in_and_forgets_it(browser: Browser, stack: LocalStack, alice: str) -> None:
    page = browser.new_page()

    page.goto(f"{stack.facts.api_url}/console#key={alice}")

    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    assert alice not in page.url
    page.close()


def test_a_wrong_key_is_refused_in_words(browser: Browser, stack: LocalStack) -> None:
    page = console(browser, stack.facts.api_url)

    page.get_by_label("API key").fill("tocsin_0123456789abcdef_wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()

    expect(page.get_by_role("alert")).to_be_visible()
    page.context.close()


def test_nothing_was_missed_and_nothing_comes_twice_when_the_network_was_cut(page: Page, stack: LocalStack) -> None:
    page.get_by_role("link", name="Inbox").click()
    page.get_by_role("heading", name="Inbox").wait_for()
    page.context.set_offline(True)
    happen(stack, "while the network was cut")
    expect(page.get_by_text("not connected").first).to_be_visible()

    page.context.set_offline(False)

    told = rows(page).filter(has_text="while the network was cut")
    expect(told).to_have_count(1)
    expect(page.get_by_text("not connected")).to_have_count(0)
    expect(told).to_have_count(1)


def test_a_page_that_could_not_be_loaded_is_asked_for_again(browser: Browser, stack: LocalStack, alice: str) -> None:
    page = console(browser, stack.facts.api_url)
    refused: list[str] = []

    def refuse_thrice(route: Route) -> None:
        if len(refused) < 3:
            refused.append(route.request.url)
            route.fulfill(status=503, body="")
        else:
            route.continue_()

    page.route("**/pages/health.js", refuse_thrice)
    sign_in(page, alice)

    page.get_by_role("link", name="Health").click()

    expect(page.get_by_role("heading", name="Health").or_(page.get_by_role("button", name="Try again"))).to_be_visible()
    if page.get_by_role("button", name="Try again").count():
        page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Health")).to_be_visible()
    assert len(refused) == 3
    page.context.close()


def test_two_tabs_stay_alike(page: Page, browser: Browser, stack: LocalStack, alice: str) -> None:
    other = console(browser, stack.facts.api_url)
    sign_in(other, alice)
    happen(stack, "seen in both tabs")
    expect(other.get_by_test_id("unread")).to_be_visible()

    page.get_by_role("link", name="Inbox").click()
    expect(rows(page).filter(has_text="seen in both tabs")).to_be_visible()
    page.get_by_role("button", name="Mark all seen").click()

    expect(other.get_by_test_id("unread")).to_have_count(0)
    other.context.close()


def test_a_notification_leads_to_a_silence_that_holds_its_like(page: Page, stack: LocalStack) -> None:
    happen(stack, "to be silenced", action="custom_noise")
    page.get_by_role("link", name="Inbox").click()
    rows(page).filter(has_text="to be silenced").click()
    page.get_by_role("region", name="Notification").get_by_role("link", name="Silence", exact=True).click()

    expect(page.get_by_label("Action")).to_have_value("custom_noise")
    page.get_by_role("button", name="What would it have held?").click()
    expect(page.get_by_text("1 events of the last 24 hours")).to_be_visible()
    page.get_by_role("button", name="Silence", exact=True).click()

    silence = page.get_by_role("row").filter(has_text="custom_noise")
    expect(silence).to_contain_text("active")
    silence.get_by_role("button").click()
    expect(silence).not_to_contain_text("active")
    expect(silence.get_by_role("button")).to_have_count(0)


def test_what_a_silence_would_have_held_is_what_it_asks(page: Page, stack: LocalStack) -> None:
    for pk in range(2):
        happen(
            stack,
            "about a shop",
            action="custom_stock",
            context={"model": {"app": "shop", "model_name": "order", "pk": pk}},
        )
    go(page, "#/silences/new/?action=custom_stock")

    page.get_by_label("Model").fill("shop.cart")
    page.get_by_role("button", name="What would it have held?").click()
    expect(page.get_by_text("0 events of the last 24 hours")).to_be_visible()
    page.get_by_label("Model").fill("shop.order")
    page.get_by_label("Expression (CEL)").fill("event.context.model.pk == 1")
    page.get_by_role("button", name="What would it have held?").click()
    expect(page.get_by_text("1 events of the last 24 hours")).to_be_visible()


def test_a_range_of_the_chart_becomes_part_of_the_address(page: Page) -> None:
    page.get_by_role("link", name="Events").click()
    chart = page.locator(".u-over")
    chart.wait_for()
    box = chart.bounding_box()
    assert box is not None

    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20, steps=5)
    page.mouse.up()

    expect(page).to_have_url(re.compile("since=.*until="))


def test_a_failed_delivery_is_sent_again(page: Page, stack: LocalStack) -> None:
    stack.sinks.misbehave(Misbehaviour("/webhook/flaky", status=404))
    stack.api().post_event({"action": "custom_fails", "app": "flaky", "context": {"message": "fails"}})
    asked = {"state": "failed", "transport": "flaky"}
    failed = lambda: stack.api().ask("GET", "/deliveries", params=asked).json()["items"]  # noqa: E731
    until(failed, 180, of="a delivery fails", pause_s=1)
    page.evaluate("location.hash = '#/deliveries?state=failed&transport=flaky'")
    rows(page).first.click()
    stack.sinks.behave()
    stack.sinks.misbehave(Misbehaviour("/webhook/flaky", delay=3))  # it is under way when it is first looked at

    page.get_by_role("button", name="Retry").click()

    expect(page.get_by_role("region", name="Delivery").get_by_text("delivered").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_shuts_anybody_out(browser: Browser, stack: LocalStack, alice: str, scheme: str) -> None:
    page = console(browser, stack.facts.api_url, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    broken = violations(page, scheme)
    sign_in(page, alice)

    links = page.get_by_role("navigation", name="Pages").get_by_role("link").all()
    for link in links:
        link.click()
        page.get_by_role("heading", level=1, name=link.inner_text().strip()).wait_for()
        broken += violations(page, scheme)
    page.context.close()

    assert len(links) > 1
    assert broken == []


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        ("#/events", "**/events?*"),
        ("#/deliveries", "**/deliveries?*"),
        ("#/rules", "**/rules?*"),
        ("#/transports", "**/transports?*"),
        ("#/people", "**/users?*"),
        ("#/keys", "**/keys?*"),
        ("#/health", "**/status"),
    ],
)
def test_a_page_that_could_not_be_read_says_so_and_not_that_there_is_nothing(
    page: Page, where: str, asked: str
) -> None:
    go(page, "#/settings")
    page.route(asked, lambda route: route.abort())

    go(page, where)

    expect(page.get_by_role("alert").first).to_contain_text("The API can't be reached.")
    expect(page.get_by_text("Loading…")).to_have_count(0)
    expect(page.locator("p.empty").filter(has_text="No")).to_have_count(0)
