"""The page of the stack's health, and that the deployed API may read all that it shows."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from local.stack import LocalStack
from tests.stack.browser import console, go, sign_in
from tocsin.ids import new_id


def url_of(stack: LocalStack, queue: str) -> str:
    found = stack.aws.cloudformation.describe_stack_resource(
        StackName=stack.deployed.stack_name, LogicalResourceId=queue
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


@pytest.fixture
def dead_letter(stack: LocalStack) -> Iterator[str]:
    """A message among the matcher's dead letters: the event that it names."""
    event, url = new_id(), url_of(stack, "MatchDeadLetters")
    body = json.dumps({"event_id": event, "reason": "it could not be matched <b>at all</b>"})
    stack.aws.sqs.send_message(QueueUrl=url, MessageBody=body)
    yield event
    stack.aws.sqs.purge_queue(QueueUrl=url)


def test_the_deployed_api_may_read_every_part_of_the_status(stack: LocalStack, dead_letter: str) -> None:
    answer = stack.api().ask("GET", "/status")

    assert answer.status_code == 200
    said = answer.json()
    assert said["unknown"] == []
    assert {each["queue"] for each in said["queues"]} == {"webhook", "slack", "email", "inbox", "match"}
    assert [each["reasons"][0]["event_id"] for each in said["dead_letters"] if each["queue"] == "match"] == [
        dead_letter
    ]
    assert "inbox" in {each["transport"] for each in said["breakers"]}


def test_the_page_tells_of_dead_letters_and_why_they_are_there(page: Page, dead_letter: str) -> None:
    page.get_by_role("link", name="Health").click()

    letters = page.get_by_role("region", name="Dead letters")
    expect(letters).to_contain_text("it could not be matched <b>at all</b>")
    expect(letters.get_by_role("link", name="an event")).to_have_attribute("href", f"#/events?event={dead_letter}")
    expect(page.get_by_role("region", name="Queues").get_by_role("row")).to_have_count(6)
    expect(page.get_by_role("region", name="Breakers").get_by_role("link", name="pager")).to_be_visible()


def test_what_can_not_be_read_is_said_where_it_would_stand(page: Page) -> None:
    def without_ages(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]
        said = answer.json() | {"stream": None, "unknown": [{"part": "ages", "reason": "AccessDenied"}]}
        route.fulfill(response=answer, json=said)  # type: ignore[attr-defined]

    page.route("**/status", without_ages)
    page.get_by_role("link", name="Health").click()

    expect(page.get_by_role("region", name="Stream").get_by_role("alert")).to_contain_text("AccessDenied")
    expect(page.get_by_role("region", name="Queues").get_by_role("row")).to_have_count(6)


def test_who_may_not_read_events_sees_the_stack_but_not_the_log(browser: Browser, stack: LocalStack) -> None:
    made = stack.api().ask("POST", "/keys", json={"name": f"ops-{new_id()}", "scopes": ["config:read"]}).json()
    page = console(browser, stack.facts.api_url)
    sign_in(page, made["key"])

    go(page, "#/health")

    expect(page.get_by_role("region", name="Queues").get_by_role("row")).to_have_count(6)
    assert page.get_by_role("region", name="Latest troubles").count() == 0
    page.context.close()
