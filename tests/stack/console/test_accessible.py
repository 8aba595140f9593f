"""axe on the pages that are deeper than the navigation: editors, details, drawers, in both schemes."""

import pytest
from playwright.sync_api import Browser, expect

from local.stack import LocalStack
from tests.stack.browser import console, go, happen, rows, sign_in, violations

EDITORS = (
    "#/rules/console",
    "#/rules/new/?source=1",
    "#/policies/app-console",
    "#/policies/suspicious?source=1",
    "#/transports/pager",
    "#/transports/new/",
    "#/mappings/new/",
    "#/keys/new/",
    "#/settings",
    "#/exports",
    "#/users/alice",
    "#/groups/security",
    "#/silences/new/",
    "#/preferences",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_editor_or_detail_shuts_anybody_out(browser: Browser, stack: LocalStack, alice: str, scheme: str) -> None:
    page = console(browser, stack.facts.api_url, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    sign_in(page, alice)
    broken = []

    for address in EDITORS:
        go(page, address)
        page.get_by_role("heading", level=1).wait_for()
        broken += violations(page, scheme)
    go(page, "#/rules/new/")
    page.get_by_label("Binding 1 names").fill("absent")
    page.get_by_label("Tell at most").check()
    expect(page.get_by_role("status", name="Check")).to_have_text("The API would refuse this.")
    broken += violations(page, scheme)
    event = happen(stack, "to be looked at")
    go(page, f"#/events?event={event}")
    expect(page.get_by_role("region", name="Story")).to_contain_text("delivered")
    broken += violations(page, scheme)
    go(page, "#/inbox")
    rows(page).filter(has_text="to be looked at").first.click()
    page.get_by_role("region", name="Notification").wait_for()
    broken += violations(page, scheme)
    page.keyboard.press("b")
    page.get_by_role("complementary", name="Notifications").wait_for()
    broken += violations(page, scheme)
    page.context.close()

    assert broken == []
