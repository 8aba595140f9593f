"""Headers made of customers' mappings: what may be set, and how it goes out."""

import pytest

from tests.unit.outbound.test_post import LOCAL, OK, answering, headers_of, send, serving
from tocsin.outbound import OutboundBlocked, check_headers, post


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Expect",
        "TE",
        "Upgrade",
        "Accept-Encoding",
    ],
)
def test_a_header_that_frames_the_message_can_not_be_given(name: str) -> None:
    with pytest.raises(OutboundBlocked) as refused:
        post("http://127.0.0.1:1/", b"", {name: "internal"}, policy=LOCAL)

    assert (refused.value.reason, name in str(refused.value)) == ("bad_header", True)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "a\r\nHost: internal"},
        {"X-A": "a\nb"},
        {"X-A": "a\rb"},
        {"X-A": "a\x00b"},
        {"X-A\r\nHost": "internal"},
        {"X A": "b"},
        {"X-A:": "b"},
        {"": "b"},
        {"Ünknown": "b"},
        {"X-A": "b", "x-a": "c"},
    ],
)
def test_a_header_that_http_can_not_carry_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(OutboundBlocked) as refused:
        check_headers(headers)

    assert refused.value.reason == "bad_header"
    assert "internal" not in str(refused.value)


def test_a_header_value_is_sent_as_utf8_without_blanks_around_it() -> None:
    with serving(answering(OK)) as server:
        send(server, headers={"X-User": " Jürgen 日本 "})

    assert "X-User: Jürgen 日本" in headers_of(server.requests[0])


def test_a_header_value_that_has_no_utf8_is_refused() -> None:
    with pytest.raises(OutboundBlocked) as refused:
        post("http://127.0.0.1:1/", b"", {"X-A": "\ud800"}, policy=LOCAL)

    assert refused.value.reason == "bad_header"
