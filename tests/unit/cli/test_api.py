"""One request to the API: what is tried again, what a refusal is, where a key is not sent."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.cli.serving import Reply, in_turn, serving
from tocsin_cli.api import Api, checked_url, path_of
from tocsin_cli.errors import (
    CliError,
    Conflict,
    ExitCode,
    Fault,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
    UsageError,
)

KEY = "tocsin_0123_the-secret"


def api(site, pauses=None, **settings):
    return Api(site.url, KEY, sleep=(pauses if pauses is not None else []).append, **settings)


def problem(status, **members):
    return Reply(status, {"title": "Title", "status": status, "detail": "the reason"} | members)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, Invalid, ExitCode.INVALID),
        (401, Refused, ExitCode.REFUSED),
        (403, Refused, ExitCode.REFUSED),
        (404, NotFound, ExitCode.NOT_FOUND),
        (409, Conflict, ExitCode.CONFLICT),
        (412, Conflict, ExitCode.CONFLICT),
        (413, Invalid, ExitCode.INVALID),
        (422, Invalid, ExitCode.INVALID),
        (500, Unavailable, ExitCode.UNAVAILABLE),
    ],
)
def test_a_refusal_has_its_exit_code_and_the_apis_words(status, error, code):
    with serving(in_turn(problem(status))) as site, pytest.raises(error, match="the reason") as refused:
        api(site).get("/rules/x")

    assert refused.value.exit_code is code


def test_each_wrong_field_is_named():
    reply = problem(422, errors=[{"path": "severity", "message": "is loud"}])

    with serving(in_turn(reply)) as site, pytest.raises(Invalid) as refused:
        api(site).put("/rules/x", {})

    assert refused.value.faults == (Fault("severity", "is loud"),)


@pytest.mark.parametrize("status", [429, 503])
def test_what_is_to_be_tried_later_is_tried_later(status):
    pauses = []

    with serving(in_turn(problem(status), Reply(200, {"ok": True}))) as site:
        answer = api(site, pauses).post("/events", {})

    assert answer.object == {"ok": True}
    assert len(pauses) == 1


def test_retry_after_lengthens_the_pause():
    pauses = []
    busy = Reply(429, {}, {"Retry-After": "7"})

    with serving(in_turn(busy, Reply(200, {}))) as site:
        api(site, pauses).get("/rules")

    assert 7 <= pauses[0] <= 8


def test_a_longer_wait_than_anybody_has_is_an_error_at_once():
    with serving(in_turn(Reply(503, {}, {"Retry-After": "3600"}))) as site, pytest.raises(Unavailable):
        api(site).get("/rules")

    assert len(site.asked) == 1


def test_reading_is_tried_again_where_the_connection_broke():
    with serving(in_turn(Reply(drop=True), Reply(200, {}))) as site:
        api(site).get("/rules")

    assert len(site.asked) == 2


def test_what_may_have_been_done_is_not_done_twice():
    with serving(in_turn(Reply(drop=True), Reply(201, {}))) as site, pytest.raises(Unavailable):
        api(site).post("/keys", {"name": "shop"})

    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_a_gateway_did_not_wait_for_is_not_done_twice(status):
    """The fault: API Gateway's own 503, which says that Lambda took too long, had `keys rotate` rotate twice."""
    late = Reply(status, {"message": "Service Unavailable"})

    with serving(in_turn(late, Reply(201, {}))) as site, pytest.raises(Unavailable, match="Service Unavailable"):
        api(site).post("/keys/shop/rotate", {})

    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
def test_what_a_gateway_did_not_wait_for_is_read_again(status):
    with serving(in_turn(Reply(status, {"message": "Service Unavailable"}), Reply(200, {}))) as site:
        api(site).get("/rules")

    assert len(site.asked) == 2


@pytest.mark.parametrize("key", ["first-secret\nsecond-secret", "se cret", "\u200bsecret", "“secret”", "se\x00cret"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key):
    """The fault: a traceback, with the key in it."""
    with pytest.raises(UsageError) as refused:
        Api("https://tocsin.example.com", key)

    assert "secret" not in str(refused.value)


def test_what_does_nothing_the_second_time_is_tried_again():
    with serving(in_turn(Reply(drop=True), Reply(201, {}))) as site:
        api(site).send("POST", "/events", body={"id": "…"}, repeatable=True)

    assert len(site.asked) == 2


def test_nobody_at_home_is_said_in_words():
    with serving(in_turn(Reply())) as site:
        gone = site.url

    with pytest.raises(Unavailable, match="can't be reached"):
        Api(gone, KEY, sleep=lambda _: None).get("/health")


def test_a_redirect_is_not_followed_with_the_key():
    with (
        serving(in_turn(Reply(200, {}))) as other,
        serving(in_turn(Reply(302, {}, {"Location": other.url}))) as site,
        pytest.raises(CliError, match="redirect"),
    ):
        api(site).get("/rules")

    assert other.asked == []


def test_a_netrc_entry_takes_not_the_keys_place(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password swordfish\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    with serving(in_turn(Reply(200, {}))) as site:
        api(site).get("/rules")

    assert site.asked[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "http://api.example.com",
        "ftp://x",
        "https://a:b@x",
        "https://x?q",
        "https://x#f",
        "http://[::",
    ],
)
def test_a_url_that_a_key_must_not_be_sent_to_is_refused(url):
    with pytest.raises(UsageError):
        checked_url(url)


@pytest.mark.parametrize("url", ["https://x.example.com/", "http://127.0.0.1:4566/a/$default", "http://localhost"])
def test_https_and_this_machine_are_taken(url):
    assert checked_url(url) == url.rstrip("/")


def test_all_pages_are_read_with_the_cursor_as_it_is():
    pages = in_turn(
        Reply(200, {"items": [{"n": 1}], "cursor": "a+b/="}), Reply(200, {"items": [{"n": 2}], "cursor": None})
    )

    with serving(pages) as site:
        items = list(api(site).items("/rules"))

    assert items == [{"n": 1}, {"n": 2}]
    assert "cursor=a%2Bb%2F%3D" in site.asked[1].path


def test_no_more_items_are_read_than_are_wanted():
    full = Reply(200, {"items": [{"n": 1}, {"n": 2}], "cursor": "more"})

    with serving(in_turn(full)) as site:
        assert len(list(api(site).items("/rules", limit=4))) == 4

    assert [parse_qs(urlsplit(asked.path).query)["limit"] for asked in site.asked] == [["4"], ["2"]]


def test_a_name_may_hold_anything():
    assert path_of("rules", "a b/c&d") == "/rules/a%20b%2Fc%26d"


@pytest.mark.parametrize(
    "name", ["alice?x", "?", "al%41ce", "x/members", "x/members/bob", "bob/preferences", "x/", "", ".", ".."]
)
def test_a_name_that_no_path_can_hold_reaches_no_other_entry(name):
    with pytest.raises(Invalid, match="is the name of nothing") as refused:
        path_of("users", name)

    assert refused.value.exit_code is ExitCode.INVALID


def test_half_of_a_surrogate_pair_is_sent_as_it_is_said():
    with serving(in_turn(Reply(200, {}))) as site:
        api(site).post("/events", {"action": "a\udcff"})

    assert site.asked[0].body == b'{"action":"a\\udcff"}'


@pytest.mark.parametrize("header", ["Retry-After", "Date"])
def test_an_odd_date_of_the_other_side_is_none(header):
    odd = "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"
    busy = Reply(503, {}, {header: odd})

    with serving(in_turn(busy, Reply(200, {"ok": True}, {header: odd}))) as site:
        assert api(site).get("/rules").object == {"ok": True}


def test_a_404_that_is_not_tocsins_own_says_so():
    with serving(in_turn(Reply(404, {"message": "Not Found"}))) as site, pytest.raises(NotFound) as refused:
        api(site).get("/rules/x")

    assert "does the URL lead to Tocsin's API?" in refused.value.hint


def test_an_answer_that_is_not_tocsins_is_said_to_be_that():
    with serving(in_turn(Reply(200, ["something else"]))) as site, pytest.raises(CliError, match="not what Tocsin"):
        _ = api(site).get("/health").object
