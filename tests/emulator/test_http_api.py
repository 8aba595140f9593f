"""What an HTTP API takes, decodes, waits for and says itself."""

from pathlib import Path

import pytest
import requests

from local.corrections.http_api import MAX_BODY, MAX_HEAD

ECHOES = """
    def handler(event, context):
        return {"path": event["rawPath"], "query": event["rawQueryString"]}
"""
FAILS = """
    def handler(event, context):
        raise ValueError("a secret of ours")
"""
SLEEPS = """
    import time

    def handler(event, context):
        time.sleep(3)
"""
SHARES_ITS_PROCESSOR = """
    import os, subprocess, sys, time

    BUSY = "import os; os.sched_setaffinity(0, {0}); exec('while True: pass')"

    def handler(event, context):
        processor = min(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processor})
        others = [subprocess.Popen([sys.executable, "-c", BUSY.format({processor})]) for _ in range(4)]
        try:
            began, until = time.monotonic(), time.process_time() + 0.8
            while time.process_time() < until:
                pass
        finally:
            for other in others:
                other.kill()
                other.wait()
        return {"took_longer": time.monotonic() - began}
"""
ANSWERS_TOO_MUCH = """
    def handler(event, context):
        return {"statusCode": 200, "body": '"' * 4_000_000}
"""


@pytest.fixture(scope="module")
def echo(account):
    """The URL of an HTTP API that says how it was asked."""
    return account.http_api(account.function(ECHOES))


@pytest.mark.parametrize(
    ("asked", "path"),
    [("/a%2Fb", "/a/b"), ("/a%3Fb%2Fc", "/a"), ("/a%20b", "/a b"), ("/a%23b", "/a#b"), ("/a%252Fb", "/a%252Fb")],
)
def test_a_path_is_decoded_and_ends_at_a_question_mark(echo, asked, path):
    answer = requests.get(f"{echo}{asked}?x=%2F", timeout=120)

    assert answer.json() == {"path": path, "query": "x=%2F"}


def test_a_request_line_and_headers_of_ten_kibibytes_are_too_large(echo):
    taken = requests.get(f"{echo}/", headers={"x-filler": "a" * (MAX_HEAD - 1_000)}, timeout=120)
    refused = requests.get(f"{echo}/", headers={"x-filler": "a" * MAX_HEAD}, timeout=120)

    assert taken.status_code == 200
    assert (refused.status_code, refused.json()) == (431, {"message": "Request Header Fields Too Large"})


def test_a_body_of_more_than_ten_megabytes_is_too_large(echo):
    answer = requests.post(f"{echo}/", data=b"a" * (MAX_BODY + 1), timeout=120)

    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})


def test_a_function_that_fails_is_answered_for_in_the_gateways_own_words(account):
    url = account.http_api(account.function(FAILS))

    answer = requests.get(f"{url}/", timeout=120)

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_a_response_that_is_too_large_once_escaped_is_a_failure(account):
    url = account.http_api(account.function(ANSWERS_TOO_MUCH))

    answer = requests.get(f"{url}/", timeout=120)

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_an_integration_that_takes_too_long_is_not_waited_for(account):
    url = account.http_api(account.function(SLEEPS, Timeout=10), TimeoutInMillis=500)

    answer = requests.get(f"{url}/", timeout=120)

    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="only Linux says what waits for a processor")
def test_what_a_function_waits_for_a_processor_is_not_counted(account):
    url = account.http_api(account.function(SHARES_ITS_PROCESSOR, Timeout=2), TimeoutInMillis=2_000)

    answer = requests.get(f"{url}/", timeout=120)

    assert answer.status_code == 200, answer.text
    assert answer.json()["took_longer"] > 2


def test_a_function_that_takes_too_long_is_ended(account):
    answer = account.invoke(account.function(SLEEPS, Timeout=1))

    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]
