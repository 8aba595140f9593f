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


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ({"username": 4711, "pk": 4711}, {"username": "4711", "pk": 4711}),
        ({"pk": True}, {"pk": "true"}),
        ({"pk": 1.5}, {"pk": "1.5"}),
        ({"pk": 2**63}, {"pk": str(2**63)}),
        ({"pk": {"$gt": ""}}, {"pk": '{"$gt": ""}'}),
        ({"email": ["a@example.com"]}, {"email": '["a@example.com"]'}),
        ({"username": None, "is_anonymous": 1}, {"username": None, "is_anonymous": True}),
        ({"pk": 1, "on_behalf_of": "alice"}, {"pk": 1, "on_behalf_of": {"username": "alice"}}),
        ({"pk": 1, "authenticated_as": {"username": 7}}, {"pk": 1, "authenticated_as": {"username": "7"}}),
        ({"pk": 1, "roles": ["admin"], "level": 3}, {"pk": 1, "roles": ["admin"], "level": 3}),
    ],
)
def test_what_a_user_is_called_is_made_what_the_api_takes(api, make, user, told):
    """Somebody who is not signed in may have typed it: refused, it would keep the event out of the log."""
    assert prepared({"user": user}) == {"user": told}

    receipt = make().send("login_failed", user=user)

    assert api.stored[receipt.id].user == told


@pytest.mark.parametrize(("name", "most"), [("username", 256), ("pk", 256), ("email", 320)])
def test_what_a_user_is_called_is_cut_where_the_api_takes_no_more(api, make, name, most):
    receipts = make().send_many([{"action": "login", "user": {name: "é" * length}} for length in (most, most + 1)])

    whole, cut = (str(api.stored[receipt.id].user[name]) for receipt in receipts)
    assert whole == "é" * most
    assert len(cut) <= most
    assert cut.endswith(" more characters]")
