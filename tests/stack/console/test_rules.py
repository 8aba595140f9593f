"""Rules in the console: judged by the API while they are written, counted, tried on events, tested, changed."""

from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from local.stack import LocalStack
from local.waiting import until
from tests.stack.browser import go, happen


@pytest.fixture
def name() -> str:
    return f"rule-{uuid4().hex[:8]}"


def verdict(page: Page, text: str) -> None:
    """Waits for what the API says of what is written."""
    expect(page.get_by_role("status", name="Check")).to_have_text(text)


def test_a_mistake_is_told_where_it_is_while_it_is_made(page: Page, stack: LocalStack, name: str) -> None:
    page.get_by_role("link", name="Rules").click()
    page.get_by_role("link", name="New rule").click()
    page.get_by_label("Name", exact=True).fill(name)

    page.get_by_label("Binding 1 names").fill("absent")

    binding = page.get_by_role("listitem").filter(has=page.get_by_label("Binding 1 names"))
    expect(binding.get_by_role("alert")).to_contain_text("there is no policy")
    verdict(page, "The API would refuse this.")
    page.get_by_label("Binding 1 names").fill("app-console")
    expect(binding.get_by_role("alert")).to_have_count(0)
    verdict(page, "The API would take this.")
    assert stack.api().ask("GET", f"/rules/{name}").status_code == 404


def test_a_rule_is_made_as_a_form_and_the_api_has_what_was_filled_in(page: Page, stack: LocalStack, name: str) -> None:
    go(page, "#/rules/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Severity").select_option("alert")
    page.get_by_label("Group", exact=True).fill("security")
    page.get_by_label("Binding 1 names").fill("app-console")
    page.get_by_label("not", exact=True).check()
    page.get_by_role("button", name="Add a binding").click()
    page.get_by_label("Binding 2 asks").select_option("group")
    page.get_by_label("Binding 2 names").fill("everyone")
    page.get_by_label("How many bindings").select_option("all")
    page.get_by_role("group", name="Transports").get_by_label("inbox").check()
    page.get_by_label("Tell at most").check()
    page.get_by_label("Times").fill("3")
    page.get_by_label("Counted apart by").fill("user.username, client_ip")
    page.get_by_label("Counted apart by").blur()
    page.get_by_label("Tell together what comes together").check()
    page.get_by_label("The next message after").fill("hours=1")
    page.get_by_label("Apart by", exact=True).fill("context.host")
    page.get_by_label("Apart by", exact=True).blur()
    verdict(page, "The API would take this.")

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    rule = stack.api().ask("GET", f"/rules/{name}").json()
    assert (rule["severity"], rule["destination_group"], rule["policy_engine_mode"]) == ("alert", "security", "all")
    assert [(each["policy"], each["group"], each["negate"]) for each in rule["bindings"]] == [
        ("app-console", None, True),
        (None, "everyone", False),
    ]
    assert rule["transports"] == ["inbox"]
    assert rule["throttle"] == {"window": "hours=1", "max": 3, "group_by": ["user.username", "client_ip"]}
    assert rule["group"] == {"by": ["context.host"], "wait": "minutes=1", "interval": "hours=1"}
    told = page.get_by_role("region", name="Who would be told")
    expect(told).to_contain_text("ana")
    expect(told).to_contain_text("incident-response")
    verdict(page, "Nothing is changed.")


def test_the_source_says_at_which_line_it_is_wrong(page: Page, stack: LocalStack, name: str) -> None:
    go(page, "#/rules/new/?source=1")
    page.get_by_label("Name", exact=True).fill(name)
    source = page.get_by_label("Rule as JSON")

    source.fill('{\n  "severity": "loud",\n  "bindings": [\n    {"policy": "app-console"}\n  ]\n}')

    wrong = page.get_by_role("list", name="What is wrong")
    expect(wrong).to_contain_text("severity")
    wrong.get_by_role("button", name="line 2").click()
    assert source.evaluate("box => box.value.slice(box.selectionStart, box.selectionEnd)") == '"loud"'
    source.fill('{"severity": ')
    verdict(page, "This is no JSON yet.")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    source.fill('{"severity": "alert", "bindings": [{"policy": "app-console"}]}')
    verdict(page, "The API would take this.")
    page.get_by_role("button", name="Form").click()
    expect(page.get_by_label("Severity")).to_have_value("alert")


def test_what_is_wrong_with_a_policy_stands_at_its_field(page: Page, stack: LocalStack, name: str) -> None:
    go(page, "#/policies/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Kind").select_option("expression")

    page.get_by_label("Expression", exact=True).fill("event.action ==")

    field = page.get_by_role("form", name="Policy").locator(".field.bad")
    expect(field).to_have_count(1)
    expect(field).to_contain_text("Expression")
    page.get_by_label("Kind").select_option("pattern")
    page.get_by_label("Pattern", exact=True).fill('{"action": [{"prefix": "login"')
    expect(page.get_by_role("alert")).to_contain_text("This is no JSON yet")
    page.get_by_label("Pattern", exact=True).fill('{"action": [{"prefix": "login"}]}')
    verdict(page, "The API would take this.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    assert stack.api().ask("GET", f"/policies/{name}").json()["pattern"] == {"action": [{"prefix": "login"}]}


def test_the_list_says_how_often_a_rule_fired(page: Page, stack: LocalStack) -> None:
    def fired() -> int:
        items = stack.api().ask("GET", "/firings").json()["items"]
        return sum(item["day"]["fired"] for item in items if item["rule"] == "console")

    before = fired()
    happen(stack, "to be counted")
    until(lambda: fired() > before, 180, of="the firing is counted")

    page.get_by_role("link", name="Rules").click()

    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="console", exact=True))
    for column in (4, 5):
        expect(row.get_by_role("cell").nth(column)).to_have_text(rf"{fired()}")


def test_a_rule_is_tried_on_a_recent_event_which_is_kept_as_its_test(page: Page, stack: LocalStack) -> None:
    event = happen(stack, "to try the rule on")
    go(page, "#/rules/console")

    page.get_by_label("Event", exact=True).select_option(value=event)

    test = page.get_by_role("region", name="Test", exact=True)
    expect(test).to_contain_text("would tell alice")
    test.get_by_role("button", name="Keep it as a test of the rule").click()
    verdict(page, "The API would take this.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    (kept,) = stack.api().ask("GET", "/rules/console").json()["tests"]
    assert (kept["fires"], kept["event"]["context"]["message"]) == (True, "to try the rule on")
    expect(page.get_by_role("region", name="Changes")).to_contain_text("console")
    page.get_by_role("button", name="Take test 1 out").click()
    verdict(page, "The API would take this.")
    page.get_by_role("button", name="Save").click()
    verdict(page, "Nothing is changed.")


def test_a_backtest_is_a_chart(page: Page, stack: LocalStack) -> None:
    happen(stack, "to be found by the backtest")
    go(page, "#/rules/console")

    page.get_by_role("button", name="Run over 7 days").click()

    backtest = page.get_by_role("region", name="Backtest")
    expect(backtest.get_by_role("status")).to_contain_text("It would have fired")
    expect(backtest.get_by_role("img")).to_be_visible()
    expect(backtest.locator("canvas")).to_be_visible()
