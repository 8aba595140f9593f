"""How people come in: by a link that works once, and by the stack's issuer of access tokens."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from local.run import sign_in_url
from local.stack import LocalStack
from tests.stack.browser import console, tab
from tests.token_issuer import Issuer


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    page = tab(browser)
    yield page
    page.context.close()


def kept(page: Page) -> str:
    """All that the browser keeps for the page."""
    return str(page.evaluate("() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])"))


def test_the_address_that_make_run_prints_signs_in_once(visitor: Page, browser: Browser, stack: LocalStack) -> None:
    link = sign_in_url(stack, name="once")

    visitor.goto(link)

    expect(visitor.get_by_role("heading", name="Events")).to_be_visible()
    expect(visitor.get_by_role("button", name="Notifications")).to_be_visible()
    assert "ticket" not in visitor.url
    assert kept(visitor) == '[{},{},""]'
    second = tab(browser)
    second.goto(link)
    expect(second.get_by_role("alert")).to_contain_text("This ticket was used")
    expect(second.get_by_label("API key")).to_be_visible()
    assert "ticket" not in second.url
    second.context.close()


def test_a_colleague_is_sent_a_link_and_signs_in_with_it(page: Page, visitor: Page, stack: LocalStack) -> None:
    stack.api().ask("PUT", "/keys/colleague", json={"scopes": ["events:read"], "user": "ben"}).raise_for_status()
    page.get_by_role("link", name="Keys").click()

    page.get_by_role("button", name="Sign-in link for colleague").click()

    visitor.goto(page.get_by_test_id("link").inner_text())
    expect(visitor.get_by_role("heading", name="Events")).to_be_visible()
    expect(visitor.get_by_role("banner")).to_contain_text("ben")
    assert visitor.get_by_role("link", name="Keys").count() == 0


def test_somebody_signs_in_at_the_issuer_and_comes_back_to_where_they_were(
    browser: Browser, stack: LocalStack, issuer: Issuer
) -> None:
    page = console(browser, stack.facts.api_url)
    page.evaluate("location.hash = '#/events?app=audit'")

    page.get_by_role("button", name=re.compile("^Sign in with 127")).click()
    page.get_by_role("link", name="grace").click()

    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    expect(page.get_by_label("Filters").get_by_text("audit")).to_be_visible()
    expect(page.get_by_role("banner")).to_contain_text("grace")
    navigation = page.get_by_role("navigation", name="Pages")
    expect(navigation.get_by_role("link", name="Inbox")).to_be_visible()
    assert navigation.get_by_role("link", name="Keys").count() == 0
    assert not {"code", "state"} & set(re.findall(r"[?&](\w+)=", page.url))
    assert kept(page) == '[{},{},""]'
    page.context.close()


def test_who_is_refused_by_the_issuer_is_told_so(browser: Browser, stack: LocalStack, issuer: Issuer) -> None:
    page = console(browser, stack.facts.api_url)

    page.get_by_role("button", name=re.compile("^Sign in with 127")).click()
    page.get_by_role("link", name="nobody").click()

    expect(page.get_by_role("alert")).to_contain_text("access_denied")
    expect(page.get_by_label("API key")).to_be_visible()
    page.context.close()


def test_an_answer_that_was_not_asked_for_signs_nobody_in(browser: Browser, stack: LocalStack, issuer: Issuer) -> None:
    page = console(browser, stack.facts.api_url)
    page.get_by_role("button", name=re.compile("^Sign in with 127")).click()
    link = page.get_by_role("link", name="grace").get_attribute("href")
    assert link is not None
    given = len(issuer.codes)

    page.goto(re.sub(r"state=[^&]*", "state=another", link))

    expect(page.get_by_role("alert")).to_be_visible()
    assert page.get_by_role("navigation", name="Pages").count() == 0
    assert len(issuer.codes) == given, "the code was not exchanged"
    page.context.close()
