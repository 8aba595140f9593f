"""axe on the pages that are deeper than the navigation: editors, details, drawers, in both schemes."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from local.console_pictures import until_drawn
from local.stack import LocalStack
from tests.stack.browser import console, go, happen, rows, sign_in

EDITORS = (
    "#/rules/console",
    "#/rules/new?source=1",
    "#/policies/app-console",
    "#/policies/suspicious?source=1",
    "#/transports/pager",
    "#/transports/new",
    "#/mappings/new",
    "#/keys/new",
    "#/settings",
    "#/exports",
    "#/users/alice",
    "#/groups/security",
    "#/silences/new",
    "#/preferences",
)


def violations(page: Page) -> list[tuple[str, str, str]]:
    until_drawn(page)
    found = Axe().run(page).response["violations"]
    return [(page.url.partition("#")[2], each["id"], node["html"][:200]) for each in found for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_editor_or_detail_shuts_anybody_out(browser: Browser, stack: LocalStack, alice: str, scheme: str) -> None:
    page = console(browser, stack.facts.api_url, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    sign_in(page, alice)
    broken = []

    for address in EDITORS:
        go(page, address)
        page.get_by_role("heading", level=1).wait_for()
        broken += violations(page)
    go(page, "#/rules/new")
    page.get_by_label("Binding 1 names").fill("absent")
    page.get_by_label("Tell at most").check()
    expect(page.get_by_role("status", name="Check")).to_have_text("The API would refuse this.")
    broken += violations(page)
    event = happen(stack, "to be looked at")
    go(page, f"#/events?event={event}")
    expect(page.get_by_role("region", name="Story")).to_contain_text("delivered")
    broken += violations(page)
    go(page, "#/inbox")
    rows(page).filter(has_text="to be looked at").first.click()
    page.get_by_role("region", name="Notification").wait_for()
    broken += violations(page)
    page.keyboard.press("b")
    page.get_by_role("complementary", name="Notifications").wait_for()
    broken += violations(page)
    page.context.close()

    assert broken == []
