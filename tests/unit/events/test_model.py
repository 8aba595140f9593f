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


@pytest.mark.parametrize("field", ["user", "context"])
def test_a_stored_event_whose_user_or_context_is_no_object_is_refused(field: str) -> None:
    with pytest.raises(TypeError, match="user and context are objects"):
        Event.from_json(linking_to(None).to_json() | {field: ["alice"]})
