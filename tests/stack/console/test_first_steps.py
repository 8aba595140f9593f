"""The first minutes: on a stack whose rules tell nobody, the console says what to do, instead of empty tables."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from local.stack import LocalStack
from tests.stack.browser import console, sign_in

NEWCOMER = "newcomer"


@pytest.fixture
def fresh(browser: Browser, stack: LocalStack) -> Iterator[Page]:
    """The console as the first key sees it while nobody is in `admins`, whom the default rules tell."""
    api = stack.api()
    members = [each["username"] for each in api.ask("GET", "/groups/admins/members").json()["items"]]
    for member in members:
        api.ask("DELETE", f"/groups/admins/members/{member}").raise_for_status()
    page = console(browser, stack.facts.api_url)
    sign_in(page, stack.facts.admin_key)
    yield page
    page.context.close()
    for path in (f"/groups/admins/members/{NEWCOMER}", f"/users/{NEWCOMER}"):
        api.ask("DELETE", path)
    for member in members:
        api.ask("PUT", f"/groups/admins/members/{member}").raise_for_status()


def test_a_fresh_stack_leads_from_nobody_to_somebody_who_is_told(fresh: Page, stack: LocalStack) -> None:
    steps = fresh.get_by_role("region", name="First steps")
    expect(steps).to_contain_text("MailSender")
    expect(steps).to_contain_text("Make a key that stands for you")

    steps.get_by_label("Your username").fill(NEWCOMER)
    steps.get_by_label("Your e-mail address").fill(f"{NEWCOMER}@example.com")
    steps.get_by_role("button", name="Put me into admins").click()

    expect(steps.get_by_role("status")).to_contain_text(f"{NEWCOMER} is in admins")
    members = stack.api().ask("GET", "/groups/admins/members").json()["items"]
    assert [member["username"] for member in members] == [NEWCOMER]
    steps.get_by_role("link", name="transports").click()
    expect(fresh.get_by_role("heading", level=1, name="Transports")).to_be_visible()


def test_a_name_that_is_none_is_refused_in_words(fresh: Page) -> None:
    steps = fresh.get_by_role("region", name="First steps")

    steps.get_by_label("Your username").fill("n" * 300)
    steps.get_by_role("button", name="Put me into admins").click()

    expect(steps.get_by_role("alert").first).to_contain_text("username")


def test_who_is_told_already_is_not_told_what_to_do_first(browser: Browser, page: Page) -> None:
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    page.locator(":root:not([data-busy])").wait_for()

    assert page.get_by_role("region", name="First steps").count() == 0
