"""Names that other systems gave, and ours, over HTTP."""

from urllib.parse import quote, unquote

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack

FOREIGN = ["o'brien@example.com", "jürgen", "DOMAIN\\alice", "guest_x.com#EXT#@t.onmicrosoft.com", "100%", "host/db.x"]
LONG = "a" * 3_000
READ = [
    "/users/{}", "/groups/{}", "/groups/{}/members", "/groups/admins/members/{}", "/rules/{}", "/policies/{}",
    "/mappings/{}", "/transports/{}", "/transports/{}/breaker", "/keys/{}", "/silences/{}", "/events/{}",
    "/events/{}/deliveries", "/deliveries/{}", "/notifications/{}", "/{}",
]  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("encoded", [True, False])
def test_people_and_groups_of_real_directories_can_be_named(api: Api, name: str, encoded: bool) -> None:
    sent = quote(name, safe="")
    path = sent if encoded else "%25".join(unquote(part) for part in sent.split("%25"))

    made = [api("PUT", f"/users/{path}", {}), api("PUT", f"/groups/{path}", {})]
    member = api("PUT", f"/groups/{path}/members/{path}")
    rule = api("PUT", "/rules/r", {"destination_group": name, "bindings": [{"user": name}, {"group": name}]})

    assert [each.status for each in (*made, member, rule)] == [201] * 4
    assert made[0].headers["location"] == f"/users/{quote(name, safe='@:+')}"
    assert api("GET", f"/users/{path}").body["username"] == name
    assert [each["username"] for each in api("GET", f"/groups/{path}/members").body["items"]] == [name]
    blueprint = api("GET", "/blueprint").body
    assert api("PUT", "/blueprint", blueprint).body["changes"] == []
    assert api("DELETE", "/rules/r").status == 200
    assert api("DELETE", f"/groups/{path}/members/{path}").status == 200
    assert api("DELETE", f"/users/{path}").body["username"] == name


def test_one_name_typed_in_two_ways_is_one_user(api: Api) -> None:
    api("PUT", "/users/ju\u0308rgen", {"username": "ju\u0308rgen", "name": "Jürgen"})

    assert api("GET", "/users/j\u00fcrgen").body["username"] == "j\u00fcrgen"


@pytest.mark.parametrize("kind", ["policies", "rules", "users", "groups", "mappings", "transports", "keys", "silences"])
def test_a_blank_at_the_end_is_no_name_of_its_own(api: Api, kind: str) -> None:
    bodies = {
        "policies": {"kind": "event_matcher", "action": "login"},
        "mappings": {"expression": "{}"},
        "keys": {"scopes": ["events:read"]},
        "silences": {"matcher": {"app": "shop"}, "ends": "2999-01-01T00:00:00Z"},
    }

    answer = api("PUT", f"/{kind}/x%20", bodies.get(kind, {}))

    assert answer.status == 422, answer.text
    assert "blank" in answer.body["errors"][0]["message"]


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("name", [LONG, quote("ä" * 1_000), "a" * 1_021], ids=["long", "umlauts", "just"])
def test_a_name_longer_than_any_key_is_not_there(api: Api, path: str, name: str) -> None:
    assert api("GET", path.format(name)).status in {404, 422}


@pytest.mark.parametrize("path", ["/users/{}", "/keys/{}", "/mail-stops/{}", "/rules/{}", "/groups/admins/members/{}"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_changing_it_is_refused_as_well(api: Api, method: str, path: str) -> None:
    assert api(method, path.format(LONG), {}).status in {404, 405, 422}


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/notifications", {"user": LONG}),
        ("GET", "/deliveries", {"transport": LONG}),
        ("POST", "/transports/inbox/test", {"user": LONG}),
        ("DELETE", "/mail-stops", {"address": LONG}),
        ("GET", "/notifications", {"rule": LONG}),
    ],
)
def test_a_long_parameter_is_no_trouble_of_ours(api: Api, method: str, path: str, query: dict[str, str]) -> None:
    assert api(method, path, query=query).status < 500


def test_an_address_that_no_path_can_hold_is_lifted_by_a_parameter(api: Api, stack: Stack) -> None:
    from tocsin.aws import clients
    from tocsin.notifications.email.suppressions import SuppressionReason, Suppressions
    from tocsin.times import utc_now

    address = "who?/me@example.com"
    Suppressions(clients.dynamodb(), "deliveries").stop(
        address, SuppressionReason.UNSUBSCRIBED, "a test", now=utc_now()
    )

    lifted = api("DELETE", "/mail-stops", query={"address": address})

    assert (lifted.status, lifted.body["address"]) == (200, address)
    assert api("DELETE", "/mail-stops", query={"address": address}).status == 404
    assert api("DELETE", "/mail-stops").status == 422


def test_two_users_do_not_have_one_key(api: Api) -> None:
    assert api("PUT", "/users/ann", {"pk": 7}).body["pk"] == 7

    again, text = api("PUT", "/users/ann", {"pk": 7, "name": "Ann"}), api("PUT", "/users/bob", {"pk": "7"})

    assert again.status == 200
    assert text.body["errors"] == [{"path": "pk", "message": "'7' is the key of user 'ann'"}]
    assert api("PUT", "/users/ann", {"pk": 8}).status == 200
    assert api("PUT", "/users/bob", {"pk": "7"}).status == 201
    assert api("DELETE", "/users/bob").status == 200
    assert api("PUT", "/users/cid", {"pk": "7"}).status == 201


@pytest.mark.parametrize("name", ["admin", "Tocsin", "oidc:alice"])
def test_a_key_is_not_called_as_somebody_else_is_told(api: Api, name: str) -> None:
    answer = api("PUT", f"/keys/{name}", {"scopes": ["events:read"]})

    assert (answer.status, answer.body["errors"][0]["path"]) == (422, "name")


def test_a_policy_is_not_bound_twice_with_one_order(api: Api) -> None:
    api("PUT", "/policies/p", {"kind": "event_matcher", "action": "login"})

    twice = api("PUT", "/rules/r", {"bindings": [{"policy": "p"}, {"policy": "p", "negate": True}]})
    apart = api("PUT", "/rules/r", {"bindings": [{"policy": "p"}, {"policy": "p", "negate": True, "order": 1}]})

    assert (twice.status, twice.body["errors"][0]["path"]) == (422, "bindings[1].order")
    assert apart.status == 201


def test_a_transport_without_a_mode_is_an_inbox(api: Api) -> None:
    assert api("PUT", "/transports/x", {}).body["mode"] == "local"
