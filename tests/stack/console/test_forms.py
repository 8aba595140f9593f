"""What is configured, edited as forms that the API judges while one types: a mistake at its field, what is saved."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from local.stack import LocalStack
from local.waiting import until
from tests.stack.browser import go, happen
from tocsin.types import JsonObject


@pytest.fixture
def name() -> str:
    return f"form-{uuid4().hex[:8]}"


@pytest.fixture
def settings(stack: LocalStack) -> Iterator[JsonObject]:
    """The settings as they are; put back afterwards."""
    found: JsonObject = stack.api().ask("GET", "/settings").json()
    yield found
    stack.api().ask("PUT", "/settings", json=found).raise_for_status()


def new(page: Page, kind: str, name: str) -> None:
    go(page, f"#/{kind}/new/")
    page.get_by_label("Name", exact=True).fill(name)


def verdict(page: Page, text: str) -> None:
    """Waits for what the API says of what is written."""
    expect(page.get_by_role("status", name="Check")).to_have_text(text)


def wrong(page: Page) -> Locator:
    return page.get_by_role("form").locator(".field.bad").get_by_role("alert")


def save(page: Page, name: str) -> None:
    verdict(page, "The API would take this.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    verdict(page, "Nothing is changed.")


def test_a_mapping(page: Page, stack: LocalStack, name: str) -> None:
    new(page, "mappings", name)

    page.get_by_label("Expression", exact=True).fill("{'text': event.}")

    expect(wrong(page)).to_contain_text("line 1")
    verdict(page, "The API would refuse this.")
    page.get_by_label("Expression", exact=True).fill("{'text': event.action}")
    save(page, name)
    assert stack.api().ask("GET", f"/mappings/{name}").json()["expression"] == "{'text': event.action}"


def test_an_entry_may_be_called_new(page: Page, stack: LocalStack) -> None:
    stack.api().ask("PUT", "/mappings/new", json={"expression": "{'text': event.app}"}).raise_for_status()

    go(page, "#/mappings")
    page.get_by_role("link", name="new", exact=True).click()

    expect(page.get_by_role("heading", level=1, name="new", exact=True)).to_be_visible()
    expect(page.get_by_label("Expression", exact=True)).to_have_value("{'text': event.app}")
    stack.api().ask("DELETE", "/mappings/new").raise_for_status()


def test_what_is_new_replaces_nothing(page: Page, stack: LocalStack, name: str) -> None:
    stack.api().ask("PUT", f"/users/{name}", json={"email": "kept@example.com"}).raise_for_status()

    new(page, "users", name)

    verdict(page, "There is one of this name already.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("There is one of this name already.")
    assert stack.api().ask("GET", f"/users/{name}").json()["email"] == "kept@example.com"


def test_a_name_that_no_path_can_hold_changes_nobody_else(page: Page, stack: LocalStack, name: str) -> None:
    for each in (name, f"{name}-member"):
        stack.api().ask("PUT", f"/users/{each}", json={}).raise_for_status()
    stack.api().ask("PUT", f"/groups/{name}", json={"children": ["security"]}).raise_for_status()
    go(page, f"#/groups/{name}")

    page.get_by_label("User", exact=True).fill(f"{name}-member?x")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("region", name="Members").get_by_role("alert")).to_be_visible()
    new(page, "users", f"{name}?x")

    expect(page.get_by_role("form").locator(".wrongs, [role=alert]").first).to_be_visible()
    verdict(page, "The API would refuse this.")
    assert stack.api().ask("GET", f"/groups/{name}").json()["children"] == ["security"]
    assert stack.api().ask("GET", f"/groups/{name}/members").json()["items"] == []


def test_a_person_and_a_group(page: Page, stack: LocalStack, name: str) -> None:
    new(page, "users", name)
    page.get_by_label("Key", exact=True).fill("4711")
    page.get_by_label("Language", exact=True).fill("?")
    expect(wrong(page)).to_have_count(1)
    page.get_by_label("Language", exact=True).fill("de")
    page.get_by_label("Superuser").check()
    save(page, name)
    user = stack.api().ask("GET", f"/users/{name}").json()
    assert (user["pk"], user["locale"], user["superuser"], user["active"]) == (4711, "de", True, True)

    new(page, "groups", name)
    page.get_by_role("button", name="Add: group").click()
    page.get_by_label("group 1", exact=True).fill("absent")
    expect(page.get_by_role("group", name="Groups below").get_by_role("alert")).to_contain_text("there is no group")
    page.get_by_label("group 1", exact=True).fill("security")
    save(page, name)
    assert stack.api().ask("GET", f"/groups/{name}").json()["children"] == ["security"]


def test_a_key(page: Page, stack: LocalStack, name: str) -> None:
    new(page, "keys", name)
    page.get_by_label("Stands for user").fill("absent")
    expect(wrong(page)).to_contain_text("there is no user")
    page.get_by_label("Stands for user").fill("alice")
    page.get_by_label("events:read").check()
    page.get_by_label("Events a minute").fill("60")
    save(page, name)

    secret = page.get_by_test_id("secret").inner_text()

    assert stack.api(secret).ask("GET", "/me").json()["user"] == "alice"
    key = stack.api().ask("GET", f"/keys/{name}").json()
    assert (key["scopes"], key["events_per_minute"]) == (["events:write", "events:read"], 60)
    page.reload()
    assert secret not in page.content()


def test_the_settings(page: Page, stack: LocalStack, settings: JsonObject) -> None:
    go(page, "#/settings")
    page.get_by_label("Events are kept").fill("days=soon")
    expect(wrong(page)).to_contain_text("days=soon")
    page.get_by_label("Events are kept").fill("days=400")
    page.get_by_label("What was seen stays").fill("days=2")
    page.get_by_role("button", name="Add: secret key").click()
    page.get_by_label("secret key 1", exact=True).fill("badge")
    page.get_by_role("button", name="Add a group").click()
    grants = settings["group_scopes"]
    assert isinstance(grants, list)
    page.get_by_label(f"Group {len(grants) + 1}", exact=True).fill("oncall")
    page.get_by_label("Time zone").fill("Europe/Nowhere")
    expect(wrong(page)).to_contain_text("Europe/Nowhere")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Add quiet hours").click()
    page.get_by_label("Digest every").select_option("day")
    page.get_by_label("inbox from severity").select_option("warning")
    rule = next(each["name"] for each in stack.api().ask("GET", "/rules").json()["items"] if each["can_be_muted"])
    page.get_by_label(f"Mute {rule}", exact=True).select_option("muted")
    save(page, "Settings")

    changed = stack.api().ask("GET", "/settings").json()

    assert changed == settings | {
        "event_retention": "days=400",
        "seen_notification_retention": "days=2",
        "secret_keys": ["badge"],
        "group_scopes": [*grants, {"group": "oncall", "scopes": ["events:read"]}],
        "preferences_defaults": {
            "time_zone": "Europe/Berlin",
            "quiet_hours": [{"starts": "22:00", "ends": "07:00"}],
            "digest": {"every": "day", "at": "09:00"},
            "transports": {"inbox": {"min_severity": "warning"}},
            "rules": {rule: {"muted": True}},
        },
    }


def test_a_transport(page: Page, stack: LocalStack, name: str) -> None:
    new(page, "transports", name)
    page.get_by_label("URL", exact=True).fill("ftp://example.com/")
    expect(wrong(page)).to_contain_text("http")
    page.get_by_label("URL", exact=True).fill(f"{stack.sinks.url}/webhook/{name}")
    page.get_by_role("button", name="Add: header").click()
    page.get_by_label("header 1", exact=True).fill("X-Api-Key")
    page.get_by_label("header 1 is", exact=True).fill("s3cret-of-the-receiver")
    save(page, name)

    made = page.get_by_test_id("secret").inner_text()

    assert made.startswith("whsec_")
    expect(page.get_by_label("header 1 is", exact=True)).to_have_value("*" * 20)
    hook = stack.api().ask("GET", f"/transports/{name}").json()
    assert (hook["mode"], list(hook["headers"])) == ("webhook", ["X-Api-Key"])
    page.get_by_label("Mode", exact=True).select_option(label="E-mail")
    page.get_by_label("Each subject begins with").fill("Audit: ")
    save(page, name)
    mail = stack.api().ask("GET", f"/transports/{name}").json()
    assert (mail["mode"], mail["url"], mail["headers"], mail["subject_prefix"]) == ("email", None, None, "Audit: ")


def test_a_transport_by_a_bot(page: Page, stack: LocalStack, name: str) -> None:
    new(page, "transports", name)
    page.get_by_label("Mode", exact=True).select_option(label="Slack or Discord")
    page.get_by_label("URL", exact=True).fill("")
    page.get_by_label("Bot token", exact=True).fill("xoxb-1234567890-abcdefghijkl")
    expect(wrong(page)).to_contain_text("is required with bot_token")
    page.get_by_label("Channel", exact=True).fill("#ops")
    save(page, name)

    expect(page.get_by_label("Bot token", exact=True)).to_have_value("*" * 20)
    bot = stack.api().ask("GET", f"/transports/{name}").json()
    assert (bot["channel"], bot["bot_token"], bot["url"]) == ("#ops", "*" * 20, None)
    go(page, "#/transports")
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("#ops")


def test_what_a_policy_says_that_logs_is_in_the_story(page: Page, stack: LocalStack) -> None:
    go(page, "#/policies/app-console")
    page.get_by_label("Log each run").check()
    save(page, "app-console")

    def logged() -> str | None:
        """Functions read a changed configuration within seconds; what is matched before that is not logged."""
        event = happen(stack, "is it logged?")

        def story() -> JsonObject:
            found: JsonObject = stack.api().ask("GET", f"/events/{event}/deliveries").json()
            return found if found["rules"] else {}

        return event if until(story, 180, of="the event is matched")["policies"] else None

    event = until(logged, 180, of="the policy logs")
    go(page, f"#/events?event={event}")

    expect(page.get_by_role("group", name="Policies that log")).to_contain_text("app-console holds")
    stack.api().ask("PUT", "/policies/app-console", json={"kind": "event_matcher", "app": "console"})


def test_an_export_is_asked_for_and_its_file_fetched(page: Page, stack: LocalStack) -> None:
    happen(stack, "to be exported")
    page.get_by_role("link", name="Exports").click()
    page.get_by_label("App", exact=True).fill("console")

    page.get_by_role("button", name="Export", exact=True).click()

    row = page.get_by_role("row").filter(has_text="app=console").first
    expect(row).to_be_visible()

    def done() -> bool:
        page.get_by_role("button", name="Refresh").click()
        page.locator("html:not([data-busy])").wait_for()
        return row.get_by_role("button", name="Download").count() == 1

    until(done, 120, of="the export is done")
    with page.expect_request(lambda request: "exports" in request.url and "console" not in request.url):
        row.get_by_role("button", name="Download").click()
