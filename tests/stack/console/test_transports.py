"""A transport in the console: tested with the real outcome, its secret rotated, its last deliveries."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from local.sinks import Misbehaviour
from local.stack import LocalStack
from local.waiting import until
from tests.stack.browser import go


@pytest.fixture
def hook(stack: LocalStack) -> str:
    """A webhook transport of the test's own, which is received at its name."""
    name = f"hook-{uuid4().hex[:8]}"
    entry = {"mode": "webhook", "url": f"{stack.sinks.url}/webhook/{name}"}
    stack.api().ask("PUT", f"/transports/{name}", json=entry).raise_for_status()
    return name


def test_a_transport_is_tested_and_the_real_outcome_shown(page: Page) -> None:
    page.get_by_role("link", name="Transports").click()
    page.get_by_role("link", name="closed", exact=True).click()

    page.get_by_role("button", name="Send a test").click()

    outcome = page.get_by_role("region", name="Test", exact=True).get_by_role("status")
    expect(outcome).to_contain_text("ms")
    expect(outcome).to_contain_text("failed")


def test_a_test_that_fails_says_what_it_means_and_what_was_answered(page: Page, stack: LocalStack, hook: str) -> None:
    """The fault: the page had `http_400` and no word of what to do about it, as of a mapping that fails."""
    stack.sinks.misbehave(Misbehaviour(f"/webhook/{hook}", status=400, body="no such channel"))
    go(page, f"#/transports/{hook}")

    page.get_by_role("button", name="Send a test").click()

    outcome = page.get_by_role("region", name="Test", exact=True).get_by_role("status")
    expect(outcome).to_contain_text("the endpoint answered 400; which is final")
    expect(outcome).to_contain_text("no such channel")


def test_a_rotated_secret_is_shown_once_and_signs_what_is_sent(page: Page, stack: LocalStack, hook: str) -> None:
    go(page, f"#/transports/{hook}")
    secret = page.get_by_role("region", name="Secret")
    assert "whsec_" not in page.content()

    secret.get_by_role("button", name="Rotate").click()

    shown = secret.get_by_test_id("secret").inner_text()
    secret.get_by_role("button", name="I have it").click()
    expect(secret.get_by_test_id("secret")).to_have_count(0)

    def signed_by_both() -> bool:
        """Functions read a changed configuration within seconds; what is sent before that has the old one's."""
        test = page.get_by_role("region", name="Test", exact=True)
        test.get_by_role("button", name="Send a test").click()
        expect(test.get_by_role("status")).to_contain_text("delivered")
        received = stack.sinks.received(f"/webhook/{hook}")[-1]
        try:
            Webhook(shown).verify(received.body, received.headers)
        except WebhookVerificationError:
            return False
        return len(received.headers["webhook-signature"].split()) == 2

    until(signed_by_both, 180, of="messages are signed by the new secret and the old one")
    expect(page.get_by_role("region", name="Last deliveries")).to_be_visible()
    page.reload()
    assert shown not in page.content()


def test_a_secret_of_ones_own_takes_the_place_of_the_made_one(page: Page, stack: LocalStack, hook: str) -> None:
    go(page, f"#/transports/{hook}")
    secret = page.get_by_role("region", name="Secret")

    secret.get_by_label("A secret of your own").fill("too short")
    secret.get_by_role("button", name="Rotate").click()

    expect(secret.get_by_role("alert")).to_contain_text("secret")
    own = "whsec_c2FtcGxlLWtleS1vZi10aGUtbG9jYWwtc3RhY2stMDQ="
    secret.get_by_label("A secret of your own").fill(own)
    secret.get_by_role("button", name="Rotate").click()
    expect(secret.get_by_test_id("secret")).to_have_text(own)


def test_a_new_transport_begins_as_its_service_wants_it(page: Page) -> None:
    page.evaluate("location.hash = '#/transports/new/'")
    page.get_by_label("Service", exact=True).select_option(label="ntfy")
    topic = page.get_by_label("topic", exact=True)

    page.get_by_label("Name", exact=True).fill("phone")
    topic.fill("alerts")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="phone")).to_be_visible()
    expect(topic).to_have_value("alerts")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Transports")).to_be_visible()
