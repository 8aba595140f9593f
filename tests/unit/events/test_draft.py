"""An event as a producer gives it, made into one that can be stored."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.ingest.test_body import INT64, PATIENT, PLAIN_JSON, PLAIN_TEXT
from tocsin.errors import Invalid
from tocsin.events.draft import FIELDS, FROM_REQUEST, Terms, canonical, finish, new_id_like, source_address
from tocsin.events.model import Event, EventAction
from tocsin.events.redact import MASK, Secrets, cleanse
from tocsin.ids import derived_id, id_time, new_id
from tocsin.types import Json, JsonObject

NOW = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)


def terms(**changed: object) -> Terms:
    values: dict[str, object] = {
        "now": NOW,
        "app": "billing",
        "brand": "default",
        "retention": timedelta(days=365),
        "secrets": Secrets(),
        "source_ip": "203.0.113.7",
        "key_id": "0011223344556677",
    }
    return Terms(**(values | changed))  # type: ignore[arg-type]


def draft(**fields: object) -> JsonObject:
    return {"action": "login", **fields}  # type: ignore[dict-item]


def finished(**fields: object) -> Event:
    return finish(draft(**fields), terms())


def wrong(event: JsonObject) -> dict[str, str]:
    """{path: message} of what is wrong with `event`."""
    with pytest.raises(Invalid) as caught:
        finish(event, terms())
    return {violation.path: violation.message for violation in caught.value.violations}


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
        "client_ip": (st.ip_addresses().map(str).filter(lambda text: "%" not in text)) | st.none(),
        "id": st.integers(0, 365 * 86_400_000).map(lambda ms: new_id(NOW - timedelta(milliseconds=ms))),
        "expiring": st.booleans(),
    },
)


@PATIENT
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


@PATIENT
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


# ── ids and times ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "event_id",
    [
        "x",
        "",
        "019ac0de-5a00-4b31-8c55-1f2e3d4c5b6a",
        "019ac0de-5a00-7b31-cc55-1f2e3d4c5b6a",
        "019ac0de5a007b318c551f2e3d4c5b6a",
        "ffffffff-ffff-7b31-8c55-1f2e3d4c5b6a",
    ],
)
def test_an_id_that_is_no_uuid_of_version_7_is_refused(event_id: str) -> None:
    assert set(wrong(draft(id=event_id))) == {"id"}


def test_an_id_in_capitals_is_taken_in_small_letters() -> None:
    event_id = new_id(NOW)

    assert finished(id=event_id.upper()).id == event_id


def test_an_id_from_the_future_is_refused_beyond_a_clocks_error() -> None:
    assert finished(id=new_id(NOW + timedelta(minutes=5))).created > NOW
    assert "future" in wrong(draft(id=new_id(NOW + timedelta(minutes=5, milliseconds=1))))["id"]


def test_an_old_id_is_taken_and_its_time_is_the_events() -> None:
    event = finished(id="019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a")

    assert event.to_json()["created"] == "2025-11-26T15:53:08.864Z"


def test_a_creation_time_is_that_of_the_id() -> None:
    event = finished(created="2026-02-28T23:00:00.123456+01:00")

    assert event.to_json()["created"] == "2026-02-28T22:00:00.123Z"


@pytest.mark.parametrize("created", ["2026-03-01T12:05:00.124Z", "1999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_creation_time_out_of_bounds_is_refused(created: str) -> None:
    assert set(wrong(draft(created=created))) == {"created"}


@pytest.mark.parametrize("field", ["created", "expires"])
@pytest.mark.parametrize(
    "moment",
    ["", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z", 1_772_366_400, "1772366400", True],
)
def test_a_time_that_is_no_moment_is_refused(field: str, moment: Json) -> None:
    assert set(wrong(draft(**{field: moment}))) == {field}


def test_a_creation_time_must_be_the_ids() -> None:
    event_id = new_id(NOW)

    assert finished(id=event_id, created="2026-03-01T12:00:00.123Z").id == event_id
    assert set(wrong(draft(id=event_id, created="2026-03-01T12:00:00.124Z"))) == {"created"}


def test_our_own_id_is_used_where_none_is_given() -> None:
    own = derived_id(new_id(NOW), "event", "0")

    assert finish(draft(), terms(), own_id=own).id == own


@PATIENT
@given(st.integers(946_684_800_000, 1_772_366_400_000), st.integers(0, 999))
@example(1_093_077_386_909, 0)
def test_our_own_id_takes_a_given_time_to_the_millisecond_and_is_the_same_again(ms: int, microseconds: int) -> None:
    own, moment = new_id(NOW), datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)

    made = new_id_like(own, moment + timedelta(microseconds=microseconds))

    assert id_time(made) == moment
    assert made[14:] == own[14:]


# ── expiry ───────────────────────────────────────────────────────────────────


def test_an_expiry_may_be_given() -> None:
    assert finished(expires="2026-03-02T00:00:00+02:00").to_json()["expires"] == "2026-03-01T22:00:00.000Z"


def test_a_retention_may_be_given() -> None:
    assert finished(retention="hours=1;minutes=30").to_json()["expires"] == "2026-03-01T13:30:00.123Z"


def test_an_event_may_be_kept_for_ever() -> None:
    event = finished(expiring=False)

    assert (event.expires, event.expiring) == (None, False)


@pytest.mark.parametrize("expires", ["2026-03-01T12:00:00.123Z", "2020-01-01T00:00:00Z"])
def test_an_expiry_in_the_past_is_refused(expires: str) -> None:
    assert "past" in wrong(draft(expires=expires))["expires"]


@pytest.mark.parametrize("expires", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999-00:01"])
def test_an_expiry_that_no_date_can_hold_in_utc_is_refused(expires: str) -> None:
    assert "9999" in wrong(draft(expires=expires))["expires"]


@pytest.mark.parametrize(
    "retention",
    ["", "days", "days=x", "day=1", "days=-1", "days=0", "days=1;days=2", "days=inf", "months=1", "days=1;;"],
)
def test_a_bad_duration_is_refused(retention: str) -> None:
    assert set(wrong(draft(retention=retention))) == {"retention"}


@pytest.mark.parametrize("retention", ["days=999999999", "weeks=500000"])
def test_a_retention_beyond_the_year_9999_is_refused(retention: str) -> None:
    assert "9999" in wrong(draft(retention=retention))["retention"]


def test_expiry_is_said_once() -> None:
    assert set(wrong(draft(expires="2027-01-01T00:00:00Z", retention="days=1"))) == {"retention"}
    assert set(wrong(draft(expiring=False, retention="days=1", expires="2027-01-01T00:00:00Z"))) == {
        "retention",
        "expires",
    }


# ── the client's address ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given_ip", "stored"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::FFFF:102:304", "1.2.3.4"),
    ],
)
def test_an_address_is_stored_in_its_usual_form(given_ip: str, stored: str) -> None:
    assert finished(client_ip=given_ip).client_ip == stored


@pytest.mark.parametrize(
    "given_ip", ["", "1.2.3", "1.2.3.4/24", "localhost", " 1.2.3.4", "fe80::1%eth0", "::1%" + "x" * 5000]
)
def test_what_is_no_address_is_refused(given_ip: str) -> None:
    assert set(wrong(draft(client_ip=given_ip))) == {"client_ip"}


def test_the_producers_own_address_is_taken_where_it_asks_for_that() -> None:
    assert finished(client_ip=FROM_REQUEST).client_ip == "203.0.113.7"


def test_an_address_that_can_not_be_told_is_255_255_255_255() -> None:
    assert finish(draft(client_ip=FROM_REQUEST), terms(source_ip=None)).client_ip == "255.255.255.255"


@pytest.mark.parametrize(
    ("forwarded_for", "peer", "address"),
    [
        ("198.51.100.1, 10.0.0.1", "203.0.113.7", "198.51.100.1"),
        ("", "203.0.113.7", "203.0.113.7"),
        ("unknown, 198.51.100.1", "203.0.113.7", "203.0.113.7"),
        ("fe80::1%x", "203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "", "2001:db8::1"),
        ("", "", None),
        ("198.51.100.1:51234, 10.0.0.1", "203.0.113.7", "198.51.100.1"),
        ("[2001:db8::1]:443", "203.0.113.7", "2001:db8::1"),
        ("[2001:db8::1]", "203.0.113.7", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "203.0.113.7", "2001:db8::1"),
        ("::ffff:198.51.100.1", "203.0.113.7", "198.51.100.1"),
        ("[::ffff:198.51.100.1]:80", "203.0.113.7", "198.51.100.1"),
        ("", "::ffff:203.0.113.7", "203.0.113.7"),
        ("198.51.100.1:port", "203.0.113.7", "203.0.113.7"),
        ("[198.51.100.1", "203.0.113.7", "203.0.113.7"),
    ],
)
def test_a_request_came_from_its_first_hop_or_its_peer(forwarded_for: str, peer: str, address: str | None) -> None:
    assert source_address({"x-forwarded-for": forwarded_for}, peer) == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ("proto=https; For=198.51.100.1:80;by=10.0.0.1, for=10.0.0.9", "198.51.100.1"),
        ('for="[2001:db8::1]:4711"', "2001:db8::1"),
        ('for="_hidden"', "203.0.113.7"),
        ("for=unknown", "203.0.113.7"),
        ("forfor=198.51.100.1", "203.0.113.7"),
        ("", "203.0.113.7"),
    ],
)
def test_forwarded_says_where_a_request_came_from_where_x_forwarded_for_names_the_peer_alone(
    forwarded: str, address: str
) -> None:
    """API Gateway adds its peer to X-Forwarded-For; a proxy of RFC 7239 before it writes `Forwarded`."""
    headers = {"x-forwarded-for": "203.0.113.7", "forwarded": forwarded}

    assert source_address(headers, "203.0.113.7") == address
    assert source_address(headers | {"x-forwarded-for": "192.0.2.1, 203.0.113.7"}, "203.0.113.7") == "192.0.2.1"


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


@pytest.mark.parametrize("app", ["tocsin", "Tocsin", " TOCSIN "])
def test_no_producer_speaks_for_tocsin_itself(app: str) -> None:
    assert "app" in wrong(draft(app=app))
    with pytest.raises(Invalid, match="Tocsin itself"):
        finish(draft(), terms(app=app))


OLDEST = NOW - timedelta(days=365)


@pytest.mark.parametrize("at", [OLDEST, NOW, NOW + timedelta(minutes=5)])
def test_a_time_within_the_retention_of_the_stack_is_taken(at: datetime) -> None:
    assert finished(id=new_id(at)).created == at
    assert finished(created=at.isoformat()).created == at


@pytest.mark.parametrize("at", [OLDEST - timedelta(milliseconds=1), datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_time_before_the_retention_of_the_stack_is_refused_however_it_is_given(at: datetime) -> None:
    """Each search without a beginning reads all days up to the earliest event."""
    for field, value in (("id", new_id(at)), ("created", at.isoformat())):
        told = wrong(draft(**{field: value, "expiring": False}))[field]
        assert "2025-03-01T12:00:00.123Z" in told
        assert at.strftime("%Y-%m-%dT%H:%M:%S") in told


def test_a_stack_that_keeps_events_longer_than_there_is_time_takes_any() -> None:
    event = finish(draft(id=new_id(datetime(1970, 1, 1, tzinfo=UTC))), terms(retention=timedelta(days=900_000)))

    assert event.created.year == 1970


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
