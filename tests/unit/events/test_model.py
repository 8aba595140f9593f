"""What an event says of itself."""

import pytest

from tocsin.events.model import Event
from tocsin.ids import new_id
from tocsin.notifications.context import web_link
from tocsin.types import Json


def linking_to(link: Json) -> Event:
    return Event(new_id(), "login", "shop", {}, {"hyperlink": link}, None, "default", None)


@pytest.mark.parametrize("link", ["https://h/", "http://h/", "HTTPS://h/", "Http://h/"])
def test_a_link_is_one_whatever_the_case_of_its_scheme(link: str) -> None:
    """`HTTPS://…` was dropped."""
    assert linking_to(link).hyperlink == link
    assert web_link(linking_to(link).hyperlink) == link.lower()


@pytest.mark.parametrize(
    "link", [None, 7, "", "h/", "goauthentik.io", "javascript:x", "https:", "ftp://h/", " https://h/"]
)
def test_what_is_no_web_address_is_no_link(link: Json) -> None:
    assert linking_to(link).hyperlink is None
