"""Browsers on the deployed stack: pages of the one origin that is allowed may ask, others may not."""

import pytest
import requests

from local.stack import LocalStack
from tests.stack.conftest import BROWSERS_FROM

PREFLIGHT = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,if-match"}


@pytest.mark.parametrize("path", ["/events", "/rules/any", "/notifications"])
def test_a_browser_may_ask_whether_it_may_ask_without_a_key(stack: LocalStack, path: str) -> None:
    answer = requests.options(
        f"{stack.facts.api_url}{path}", headers={"Origin": BROWSERS_FROM} | PREFLIGHT, timeout=120
    )

    assert answer.status_code in {200, 204}
    assert answer.headers["Access-Control-Allow-Origin"] == BROWSERS_FROM
    assert {"authorization", "if-match"} <= set(answer.headers["Access-Control-Allow-Headers"].lower().split(","))
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"].split(",")


def test_a_page_of_the_allowed_origin_reads_answers_and_their_versions(stack: LocalStack) -> None:
    answer = stack.api().ask("GET", "/settings", headers={"Origin": BROWSERS_FROM})

    assert answer.headers["Access-Control-Allow-Origin"] == BROWSERS_FROM
    assert "etag" in answer.headers["Access-Control-Expose-Headers"].lower()


def test_a_page_of_another_origin_reads_nothing(stack: LocalStack) -> None:
    headers = {"Origin": "https://evil.example.com"}

    asked = requests.options(f"{stack.facts.api_url}/events", headers=headers | PREFLIGHT, timeout=120)
    answered = stack.api().ask("GET", "/settings", headers=headers)

    assert "Access-Control-Allow-Origin" not in asked.headers
    assert "Access-Control-Allow-Origin" not in answered.headers
