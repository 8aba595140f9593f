"""An event as a producer gives it, made into one that can be stored."""

from datetime import timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.events.drafts import NOW, draft, finished, terms, wrong
from tests.unit.ingest.test_body import INT64, PLAIN_JSON, PLAIN_TEXT
from tocsin.errors import Invalid
from tocsin.events.draft import FIELDS, canonical, finish
from tocsin.events.model import Event, EventAction
from tocsin.events.redact import MASK, Secrets, cleanse
from tocsin.ids import id_time, new_id
from tocsin.types import Json, JsonObject

# ── the whole event ──────────────────────────────────────────────────────────


def test_an_event_that_says_nothing_takes_all_defaults() -> None:
    event = finished()

    assert event.to_json() == {
        "id": event.id,
        "created": "2026-03-01T12:00:00.123Z",
        "action": "login",
        "app": "billing",
        "user": {},
        "context": {},
        "client_ip": None,
        "brand": "default",
        "expires": "2027-03-01T12:00:00.123Z",
        "expiring": True,
        "key_id": "0011223344556677",
    }


# Without a scope. Addresses of IPv4 that are written as IPv6 are stored as what they are (test_draft_addresses.py).
_ADDRESSES = st.ip_addresses().filter(lambda ip: "%" not in str(ip) and getattr(ip, "ipv4_mapped", None) is None)

_VALID = st.fixed_dictionaries(
    {"action": st.sampled_from([*EventAction, "custom_x", "deploy:finished", "a.b/c-d_e", "0"])},
    optional={
        "app": st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=128),
        "brand": st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=100),
        "user": st.fixed_dictionaries(
            {},
            optional={
                "username": PLAIN_TEXT,
                "pk": INT64 | PLAIN_TEXT | st.none(),
                "email": PLAIN_TEXT | st.none(),
                "is_anonymous": st.booleans() | st.none(),
                "on_behalf_of": st.dictionaries(PLAIN_TEXT, PLAIN_JSON, max_size=2),
                "team": PLAIN_JSON,
            },
        ),
        "context": st.dictionaries(PLAIN_TEXT, PLAIN_JSON, max_size=5),
        "client_ip": _ADDRESSES.map(str) | st.none(),
        "id": st.integers(0, 365 * 86_400_000).map(lambda ms: new_id(NOW - timedelta(milliseconds=ms))),
        "expiring": st.booleans(),
    },
)


@given(_VALID)
def test_what_is_stored_is_what_was_given_plus_the_defaults(event: JsonObject) -> None:
    stored = finish(event, terms()).to_json()

    action = str(event["action"])
    known = action in set(EventAction) or action.startswith("custom_")
    expiring = event.get("expiring", True)
    assert stored == {
        "id": event.get("id", stored["id"]),
        "created": stored["created"],
        "action": action if known else f"custom_{action}",
        "app": event.get("app", "billing"),
        "user": cleanse(event.get("user", {})),
        "context": cleanse(event.get("context", {})),
        "client_ip": event.get("client_ip"),
        "brand": event.get("brand", "default"),
        "expires": "2027-03-01T12:00:00.123Z" if expiring else None,
        "expiring": expiring,
        "key_id": "0011223344556677",
    }
    assert Event.from_json(orjson.loads(orjson.dumps(stored))).to_json() == stored


@given(
    st.dictionaries(st.sampled_from(["action", "app", "user", "context", "created", "expires", "id", "x"]), PLAIN_JSON)
)
def test_any_object_is_an_event_or_names_its_wrong_fields(event: JsonObject) -> None:
    try:
        finish(event, terms())
    except Invalid as error:
        assert all(violation.path.split(".")[0] in {*event, "action"} for violation in error.violations)


# ── fields ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({}, "action"),
        ({"action": 5}, "action"),
        ({"action": ""}, "action"),
        ({"action": "a b"}, "action"),
        ({"action": "a\n"}, "action"),
        ({"action": "-a"}, "action"),
        ({"action": "login!"}, "action"),
        ({"action": "a" * 129}, "action"),
        (draft(app=5), "app"),
        (draft(app=""), "app"),
        (draft(app="a\nb"), "app"),
        (draft(app="a" * 129), "app"),
        (draft(brand="a\nb"), "brand"),
        (draft(brand="a" * 101), "brand"),
        (draft(user=[]), "user"),
        (draft(user={"username": 5}), "user.username"),
        (draft(user={"username": "a" * 257}), "user.username"),
        (draft(user={"email": {}}), "user.email"),
        (draft(user={"pk": 1.5}), "user.pk"),
        (draft(user={"pk": True}), "user.pk"),
        (draft(user={"pk": "a" * 257}), "user.pk"),
        (draft(user={"is_anonymous": "no"}), "user.is_anonymous"),
        (draft(user={"on_behalf_of": "bob"}), "user.on_behalf_of"),
        (draft(context=[]), "context"),
        (draft(context="x"), "context"),
        (draft(expiring="no"), "expiring"),
        (draft(expiring=1), "expiring"),
        (draft(retention=30), "retention"),
        (draft(colour="red"), "colour"),
        (draft(union=1), "union"),
        (draft(nullable_field=1), "nullable_field"),
        (draft(**{"function-x": 1}), "function-x"),
    ],
)
def test_a_wrong_field_is_named(event: JsonObject, path: str) -> None:
    assert set(wrong(event)) == {path}


def test_ten_wrong_fields_are_named_of_a_thousand() -> None:
    assert set(wrong({"action": 5, "user": [], "colour": 1})) == {"action", "user", "colour"}
    assert len(wrong(draft(**{f"field{i}": i for i in range(1000)}))) == 10


def test_a_long_unknown_field_is_named_in_short() -> None:
    (path,) = wrong(draft(**{"k" * 10_000: 1}))

    assert len(path) < 250


@pytest.mark.parametrize("name", ["deploy_finished", "Login", "login2", "a:b/c.d-e"])
def test_an_unknown_action_is_a_custom_one(name: str) -> None:
    assert finish({"action": name}, terms()).action == f"custom_{name}"


def test_a_custom_action_is_not_prefixed_twice() -> None:
    assert finish({"action": "custom_deploy"}, terms()).action == "custom_deploy"


# ── what says the same ───────────────────────────────────────────────────────


ID = new_id(NOW)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"id": ID}, {"id": ID.upper()}),
        ({"id": ID}, {"id": ID, "created": id_time(ID).isoformat()}),
        ({}, {"user": None, "context": None, "client_ip": None, "app": None, "once": None, "expiring": None}),
        ({}, {"user": {}, "context": {}, "expiring": True}),
        ({"client_ip": "10.0.0.1"}, {"client_ip": "::ffff:10.0.0.1"}),
        ({"client_ip": "2001:DB8::0:1"}, {"client_ip": "2001:db8::1"}),
        ({"created": "2026-03-01T11:00:00Z"}, {"created": "2026-03-01T12:00:00.000+01:00"}),
        ({"expires": "2027-03-01T11:00:00Z"}, {"expires": "2027-03-01T12:00:00+01:00"}),
        ({"retention": "days=1"}, {"retention": "hours=24"}),
        ({"brand": "b"}, {"brand": {"name": "b", "domain": "b.example"}}),
        ({"once": {"key": "k", "window": "days=1"}}, {"once": {"key": "k", "window": "hours=24"}}),
        ({"action": "x"}, {"action": "custom_x"}),
    ],
)
def test_two_spellings_of_one_event_are_one(one: JsonObject, other: JsonObject) -> None:
    assert canonical(draft(**one)) == canonical(draft(**other))


@pytest.mark.parametrize(
    "other",
    [
        {"user": {"pk": None}},
        {"context": {"a": None}},
        {"client_ip": "10.0.0.1"},
        {"client_ip": "request"},
        {"app": "billing"},
        {"expiring": False},
        {"id": ID},
        {"created": "2026-03-01T11:00:00Z"},
        {"retention": "days=1"},
        {"once": {"key": "k", "window": "days=1"}},
        {"action": "logout"},
    ],
)
def test_two_events_that_say_different_things_are_two(other: JsonObject) -> None:
    assert canonical(draft(**other)) != canonical(draft())


def test_a_null_says_nothing() -> None:
    event = finished(**dict.fromkeys(FIELDS - {"action"}))

    assert event.to_json() == finished().to_json() | {"id": event.id}


def test_a_brand_that_is_an_object_is_its_name() -> None:
    assert finished(brand={"name": "Acme", "domain": "acme.example"}).brand == "Acme"
    assert "brand" in wrong(draft(brand={"domain": "acme.example"}))
    assert "brand" in {path.split(".")[0] for path in wrong(draft(brand={"name": 5}))}


@pytest.mark.parametrize(
    "app",
    ["tocsin", "Tocsin", " TOCSIN ", "toc\u200bsin", "\uff54ocsin", "\u0442ocsin", "t\u03bfcsin", "to\u0301csin\u00ad"],
)
def test_no_producer_speaks_for_tocsin_itself(app: str) -> None:
    assert "app" in wrong(draft(app=app))
    with pytest.raises(Invalid, match="Tocsin itself"):
        finish(draft(), terms(app=app))


# ── secrets ──────────────────────────────────────────────────────────────────


def test_secrets_are_masked_in_context_and_user() -> None:
    event = finished(
        context={"password": "hunter2", "a": [{"token": {"x": 1}}]}, user={"username": "a", "api_key": "k"}
    )

    assert event.context == {"password": MASK, "a": [{"token": MASK}]}
    assert event.user == {"username": "a", "api_key": MASK}


def test_the_settings_add_and_exempt_names_of_secrets() -> None:
    secrets = Secrets(extra=frozenset({"pin"}), exempt=frozenset({"token"}))

    event = finish(draft(context={"pin": 1234, "token": "t"}), terms(secrets=secrets))

    assert event.context == {"pin": MASK, "token": "t"}


def test_an_event_that_masks_make_too_large_for_an_item_is_cut_and_says_so() -> None:
    given_event = draft(context={"list": [{"pwd": 0}] * 19_000}, user={"username": "alice", "pk": 7})
    assert len(orjson.dumps(given_event)) < 200_000

    event = finish(given_event, terms())

    assert len(orjson.dumps(event.to_json())) < 390_000
    assert "cut" in str(event.context)
    assert event.user == {"username": "alice", "pk": 7}


@pytest.mark.parametrize("fill", [[0], [[]], ["é"], [{}], [None], [1.5]])
def test_a_large_event_without_secrets_is_stored_as_it_is(fill: list[Json]) -> None:
    size = len(orjson.dumps(fill)) - 1
    context: JsonObject = {"list": fill * (199_000 // size)}

    assert finished(context=context).context == context
