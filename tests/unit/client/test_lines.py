"""Events as JSON: what is left out of them, and what is left as it is."""

import sys

import pytest

from tocsin_client import Refused
from tocsin_client.lines import prepared


@pytest.mark.parametrize("name", ["user", "context", "app", "brand", "created", "expires", "once"])
def test_none_says_nothing(name):
    assert prepared({"action": "login", name: None}) == {"action": "login"}


@pytest.mark.parametrize("field", ["app", "brand", "user", "context"])
def test_what_is_of_a_wrong_kind_is_refused_and_not_made_right_here(api, make, field):
    with pytest.raises(Refused) as caught:
        make().send("login", **{field: 4711})

    assert (caught.value.status, [error["path"] for error in caught.value.errors]) == (422, [field])


def test_where_there_is_no_django_none_is_loaded_for_an_event(monkeypatch):
    for module in ("django.db.models", "tocsin_client.django.references"):
        monkeypatch.delitem(sys.modules, module, raising=False)

    event = prepared({"context": {"note": {"title": "first"}, "token": "t"}})

    assert event == {"context": {"note": {"title": "first"}, "token": "*" * 20}}
    assert "tocsin_client.django.references" not in sys.modules
