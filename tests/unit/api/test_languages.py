"""In which language a page is, for whoever has no session."""

import pytest

from tocsin.api.languages import MAX_ACCEPTED, Readers, languages_of
from tocsin.config.store import ConfigurationBroken
from tocsin.errors import Unavailable
from tocsin.http.request import Request
from tocsin.identity.directory import User


def request(accepted: str | None) -> Request:
    headers = {} if accepted is None else {"accept-language": accepted}
    return Request.parse({"headers": headers, "requestContext": {"http": {"method": "GET", "path": "/"}}})


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        ("", []),
        ("de", ["de"]),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", ["fr-CH", "fr", "en", "de"]),
        ("en;q=0.1,de ; q=0.9", ["de", "en"]),
        ("de;q=0, en", ["en"]),
        ("de;q=x, ,;q=1,en", ["en"]),
        (",".join(["xx"] * MAX_ACCEPTED + ["de"]), ["xx"] * MAX_ACCEPTED),
    ],
    ids=["none", "one", "as browsers send it", "by weight", "not wanted", "damaged", "too many"],
)
def test_the_languages_of_a_header_are_in_the_order_in_which_they_are_wanted(header: str, languages: list[str]) -> None:
    assert languages_of(header) == languages


@pytest.mark.parametrize(
    ("accepted", "used"),
    [(None, "en"), ("de-AT,en;q=0.5", "de"), ("fr,de;q=0.5", "de"), ("fr", "en"), ("en,de", "en"), ("../de", "en")],
)
def test_nobody_in_particular_reads_what_their_browser_asks_for(accepted: str | None, used: str) -> None:
    assert Readers(lambda _: None).of(request(accepted)).catalogue.locale == used


def test_a_person_reads_their_own_language_and_time_whatever_their_browser_says() -> None:
    readers = Readers({"ana": User("ana", locale="de-AT", time_zone="Europe/Vienna")}.get)

    known, unknown = (readers.of(request("en"), username) for username in ("ana", "bob"))

    assert (known.catalogue.locale, known.time_zone) == ("de", "Europe/Vienna")
    assert (unknown.catalogue.locale, unknown.time_zone) == ("en", "")


@pytest.mark.parametrize(
    "error",
    [Unavailable("reading a user failed"), ConfigurationBroken("can't be read")],
    ids=repr,
)
def test_a_person_who_can_not_be_read_has_the_page_all_the_same(error: Exception) -> None:
    def fail(_: str) -> User:
        raise error

    assert Readers(fail).of(request("de"), "ana").catalogue.locale == "de"
