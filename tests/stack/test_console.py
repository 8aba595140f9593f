"""The console in Chromium on the running stack: what a person sees and does."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from local.stack import LocalStack
from local.waiting import until
from tests.stack.browser import PATIENCE_MS, chromium, console, sign_in

HOSTILE = (
    "<img src=x onerror=\"document.title='stolen'\"><script>document.title='stolen'</script> "
    "\u202egnp.exe\x00 javascript:0 " + "x" * 64_000
)
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def alice(stack: LocalStack, configuration: dict) -> str:
    """A key that stands for alice, who may do everything and is told of what happens in the app `console`."""
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
    """The console, with alice signed in."""
    opened = console(browser, stack.facts.api_url)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(opened, alice)
    yield opened
    opened.context.close()
    assert complaints == []


def rows(page: Page) -> Locator:
    """What is in sight of the list of the page."""
    return page.get_by_role("listbox").filter(has=page.locator(".rows")).get_by_role("option")


def happen(stack: LocalStack, message: str, **more: object) -> str:
    event = {
        "action": "custom_console",
        "app": "console",
        "user": {"username": "alice"},
        "context": {"message": message},
    }
    return str(stack.api().post_event(event | more)["id"])


def test_an_event_becomes_a_toast_and_a_count_without_a_reload_and_its_story_is_a_click_away(
    page: Page, stack: LocalStack
) -> None:
    happen(stack, "alice mistyped her password")

    toast = page.get_by_test_id("toast").filter(has_text="alice mistyped her password")
    expect(toast).to_be_visible()
    expect(page.get_by_test_id("unread")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\(\d+\) "))
    toast.get_by_role("button", name="Open").click()
    expect(page.get_by_role("region", name="Story")).to_contain_text("policy app-console holds")
    expect(page.get_by_role("region", name="Story")).to_contain_text("delivered")


def test_a_search_is_in_the_address_and_another_tab_shows_the_same(page: Page, stack: LocalStack) -> None:
    happen(stack, "the needle in this log")
    happen(stack, "some hay", app="hay")

    page.get_by_role("link", name="Events").click()
    page.keyboard.press("/")
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


def test_a_wrong_key_is_refused_in_words(browser: Browser, stack: LocalStack) -> None:
    page = console(browser, stack.facts.api_url)

    page.get_by_label("API key").fill("tocsin_0123456789abcdef_wrong")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_be_visible()
    page.context.close()


def test_nothing_was_missed_and_nothing_comes_twice_when_the_network_was_cut(page: Page, stack: LocalStack) -> None:
    page.get_by_role("link", name="Inbox").click()
    page.context.set_offline(True)
    happen(stack, "while the network was cut")
    expect(page.get_by_text("not connected").first).to_be_visible()

    page.context.set_offline(False)

    told = rows(page).filter(has_text="while the network was cut")
    expect(told).to_have_count(1)
    expect(page.get_by_text("not connected")).to_have_count(0)
    expect(told).to_have_count(1)


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_shuts_anybody_out(browser: Browser, stack: LocalStack, alice: str, scheme: str) -> None:
    page = console(browser, stack.facts.api_url, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    found = [Axe().run(page).response["violations"]]
    sign_in(page, alice)

    links = page.get_by_role("navigation", name="Pages").get_by_role("link").all()
    for link in links:
        link.click()
        page.get_by_role("heading", level=1, name=link.inner_text().strip()).wait_for()
        page.wait_for_load_state("networkidle")
        found.append(Axe().run(page).response["violations"])
    page.context.close()

    broken = [(each["id"], node["html"][:200]) for violations in found for each in violations for node in each["nodes"]]
    assert len(links) > 1
    assert broken == []
