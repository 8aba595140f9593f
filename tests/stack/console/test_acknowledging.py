"""What escalates, from the rule to the story: acknowledged from a toast, by button and by link; every inbox knows."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from local.run import console_url
from local.stack import LocalStack
from local.waiting import until
from tests.stack.browser import go, happen, rows, sign_in, tab

APP = "escalates"


@pytest.fixture
def elsewhere(browser: Browser, stack: LocalStack, alice: str) -> Iterator[Page]:
    """Another tab of alice's, which is told over its WebSocket and does not ask."""
    page = tab(browser)
    page.goto(console_url(stack))
    sign_in(page, alice)
    go(page, "#/inbox")
    expect(page.get_by_role("status").get_by_text("live", exact=True)).to_be_visible()
    yield page
    page.context.close()


def configure(page: Page, stack: LocalStack) -> None:
    """Have a rule tell alice of the app by inbox and by webhook, with a step an hour later, which the form has."""
    api = stack.api()
    policy = api.ask("PUT", f"/policies/app-{APP}", json={"kind": "event_matcher", "app": APP})
    rule = {"transports": ["inbox", "everywhere-hook"], "destination_event_user": True, "severity": "alert"}
    made = api.ask("PUT", f"/rules/{APP}", json=rule | {"bindings": [{"policy": f"app-{APP}"}]})
    assert [policy.status_code, made.status_code] == [201, 201]
    go(page, f"#/rules/{APP}")
    page.get_by_role("button", name="Add a step").click()
    page.get_by_label("Step 1 after").fill("hours=1")
    page.get_by_label("Step 1 tells").fill("identity")
    page.get_by_role("button", name="Save").click()
    until(lambda: api.ask("GET", f"/rules/{APP}").json().get("escalate"), 180, of="the step is saved")
    assert api.ask("GET", f"/rules/{APP}").json()["escalate"] == [
        {"after": "hours=1", "unless": "acknowledged", "destination_group": "identity", "transports": []}
    ]
    until(lambda: _escalates(stack), 120, of="the rule escalates", pause_s=3)


def _escalates(stack: LocalStack) -> bool:
    """Whether the delivering functions have the step by now, of which they read within seconds."""
    happen(stack, "is it there?", app=APP)
    return bool(links(stack, "is it there?"))


def links(stack: LocalStack, message: str) -> list[str]:
    """The links to acknowledge by that webhooks of `message` had, by the API's address here."""
    bodies = [json.loads(each.body) for each in stack.sinks.received("/webhook/everywhere")]
    told = [body["links"]["acknowledge"] for body in bodies if "links" in body and message in body["body"]]
    return [f"{stack.facts.api_url}/acknowledge?{link.partition('?')[2]}" for link in told]


def test_it_is_acknowledged_from_the_toast_by_the_button_and_by_the_link_and_every_tab_knows(
    page: Page, elsewhere: Page, stack: LocalStack
) -> None:
    configure(page, stack)

    by_toast = happen(stack, "acknowledged from the toast", app=APP)
    waiting = rows(elsewhere).filter(has_text="acknowledged from the toast")
    expect(waiting).to_contain_text("not acknowledged")
    toast = page.get_by_test_id("toast").filter(has_text="acknowledged from the toast")
    toast.get_by_role("button", name="Acknowledge").click()
    expect(toast).to_have_count(0)
    expect(waiting).not_to_contain_text("not acknowledged")

    by_button = happen(stack, "acknowledged by the button", app=APP)
    mine = rows(elsewhere).filter(has_text="acknowledged by the button")
    expect(mine).to_contain_text("not acknowledged")
    page.get_by_role("button", name="Notifications").click()
    entry = page.get_by_role("complementary", name="Notifications").get_by_role("listitem")
    entry.filter(has_text="by the button").get_by_role("button", name="Acknowledge").click()
    expect(entry.filter(has_text="by the button").get_by_test_id("acknowledged")).to_contain_text("alice")
    expect(mine).not_to_contain_text("not acknowledged")

    by_link = happen(stack, "acknowledged by the link", app=APP)
    other = rows(elsewhere).filter(has_text="acknowledged by the link")
    expect(other).to_contain_text("not acknowledged")
    until(lambda: links(stack, "acknowledged by the link"), 120, of="the webhook of the second event")
    opened = page.context.new_page()
    opened.goto(links(stack, "acknowledged by the link")[0])
    expect(other).to_contain_text("not acknowledged")
    opened.get_by_role("button", name="Bestätigen").click()  # alice reads German
    expect(opened.get_by_role("heading", name="Bestätigt")).to_be_visible()
    expect(other).not_to_contain_text("not acknowledged")
    other.click()
    expect(elsewhere.get_by_label("Notification", exact=True).get_by_test_id("acknowledged").first).to_contain_text(
        "alice"
    )

    for event_id in (by_toast, by_button, by_link):
        go(page, f"#/events?event={event_id}&show=story")
        story = page.get_by_role("region", name="Story")
        expect(story.get_by_test_id("acknowledged")).to_contain_text("Acknowledged by alice")
    said = stack.api().ask("GET", "/events", params={"action": "notification_acknowledged"}).json()["items"]
    assert {each["context"]["event_id"]: each["context"]["via"] for each in said if each["context"]["rule"] == APP} == {
        by_toast: "inbox",
        by_button: "inbox",
        by_link: "link",
    }
