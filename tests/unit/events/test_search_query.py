"""What a search finds: parameters in, yes or no for an event out."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import Invalid
from tocsin.events.model import Event
from tocsin.events.search.query import Search, SearchFilter, parse_search
from tocsin.ids import new_id

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def event(**given_fields: object) -> Event:
    fields = {
        "id": new_id(NOW),
        "action": "login",
        "app": "shop",
        "user": {"username": "alice", "pk": 7, "email": "alice@example.com"},
        "context": {},
        "client_ip": "203.0.113.7",
        "brand": "default",
        "expires": None,
    }
    return Event(**(fields | given_fields))  # type: ignore[arg-type]


def finds(query: dict[str, str], **given_fields: object) -> bool:
    return SearchFilter(parse_search(query), NOW).admits(event(**given_fields))


def refused(query: dict[str, str]) -> list[str]:
    with pytest.raises(Invalid) as caught:
        parse_search(query)
    return [violation.path for violation in caught.value.violations]


def test_an_empty_search_finds_everything() -> None:
    assert finds({})
    assert parse_search({}).is_everything


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"username": "alice"}, {}),
        ({"username": "bob"}, {"context": {"username": "bob"}}),
        ({"username": "Ju\u0308rgen"}, {"user": {"username": "J\u00fcrgen"}}),
        ({"username": "J\u00fcrgen"}, {"context": {"username": "Ju\u0308rgen"}}),
        ({"user_pk": "7"}, {}),
        ({"user_pk": "c0ffee00-0000-4000-8000-000000000001"}, {"user": {"pk": "c0ffee00000040008000000000000001"}}),
        ({"action": "login"}, {}),
        ({"action": "purchase"}, {"action": "custom_purchase"}),
        ({"action": "custom_"}, {"action": "custom_anything"}),
        ({"action": "login*"}, {}),
        ({"action": "login*"}, {"action": "login_failed"}),
        ({"action": "purch*"}, {"action": "custom_purchase"}),
        ({"action": "custom_purch*"}, {"action": "custom_purchase"}),
        ({"action": "*"}, {"action": "logout"}),
        ({"action": "logout,login"}, {}),  # as API Gateway hands over action=logout&action=login
        ({"actions": "logout, purch*"}, {"action": "custom_purchase"}),
        ({"actions": "logout, login"}, {}),
        ({"app": "shop"}, {}),
        ({"model_app": "auth"}, {"context": {"model": {"app": "auth", "model_name": "user", "pk": 3}}}),
        ({"model_name": "user", "model_pk": "3"}, {"context": {"model": {"model_name": "user", "pk": 3}}}),
        ({"authorized_application": "a1"}, {"context": {"authorized_application": {"pk": "a1", "name": "Wiki"}}}),
        ({"authorized_application": "Wiki"}, {"context": {"authorized_application": {"pk": "a1", "name": "Wiki"}}}),
        ({"client_ip": "203.0.113.7"}, {}),
        ({"client_ip": "203.0.113.0/24"}, {}),
        ({"client_ip": "2001:db8::/32"}, {"client_ip": "2001:db8::1"}),
        ({"brand": "default"}, {}),
        ({"search": "SHOP alice"}, {}),
        ({"search": "wrong pass"}, {"context": {"http": [{"reason": "Wrong password"}]}}),
        ({"search": "203.0.113"}, {}),
        ({"search": "default"}, {}),
        ({"search": "reason invoice"}, {"context": {"reason": "none", "of": [{"Invoice": 7}]}}),
        ({"search": "department"}, {"user": {"department": "IT"}}),
        ({"filter": "event.action == 'login' && event.user.pk == 7"}, {}),
        ({"filter": "timestamp(event.created) > now - duration('1h')"}, {}),
    ],
)
def test_a_filter_finds_what_it_names(query: dict[str, str], fields: dict[str, object]) -> None:
    assert finds(query, **fields)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"username": "Alice"}, {}),
        ({"user_pk": "8"}, {}),
        ({"user_pk": "True"}, {"user": {"pk": True}}),
        ({"action": "logout"}, {}),
        ({"action": "login", "actions": "logout"}, {}),
        ({"action": "custom_"}, {}),
        ({"action": "log"}, {}),
        ({"action": "logi"}, {"action": "custom_login"}),
        ({"action": "logo*"}, {}),
        ({"action": "login", "actions": "logo*"}, {}),
        ({"app": "sho"}, {}),
        ({"model_app": "auth"}, {"context": {"model": "auth"}}),
        ({"model_pk": "3"}, {}),
        ({"authorized_application": "a1"}, {}),
        ({"client_ip": "203.0.113.8"}, {}),
        ({"client_ip": "0.0.0.0/0"}, {"client_ip": None}),
        ({"client_ip": "0.0.0.0/0"}, {"client_ip": "2001:db8::1"}),
        ({"brand": "other"}, {}),
        ({"search": "alice bob"}, {}),
        ({"search": "reason"}, {"context": {"season": "none"}}),
        ({"filter": "event.action == 'logout'"}, {}),
    ],
)
def test_a_filter_leaves_out_what_it_does_not_name(query: dict[str, str], fields: dict[str, object]) -> None:
    assert not finds(query, **fields)


def test_all_criteria_must_hold() -> None:
    assert finds({"username": "alice", "app": "shop", "action": "login"})
    assert not finds({"username": "alice", "app": "shop", "action": "logout"})


def test_an_expression_that_fails_on_an_event_does_not_find_it_and_is_remembered() -> None:
    screening = SearchFilter(parse_search({"filter": "event.context.amount > 5"}), NOW)

    found = [screening.admits(event(context=context)) for context in ({}, {"amount": 6}, {"other": 1})]

    assert found == [False, True, False]
    assert screening.failed == 2
    assert screening.failure


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"client_ip": "10.0.0.0/33"}, "client_ip"),
        ({"client_ip": "nowhere"}, "client_ip"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "until"),
        ({"filter": "event.acton == 'x'"}, "filter"),
        ({"filter": "user.name == 'x'"}, "filter"),
        ({"filter": "1 + 1"}, "filter"),
        ({"filter": ""}, "filter"),
        ({"actions": " , "}, "actions"),
        ({"action": ","}, "action"),
        ({"action": "*failed"}, "action"),
        ({"actions": "login,lo*in"}, "actions"),
        ({"actions": ",".join(f"a{n}" for n in range(51))}, "actions"),
        ({"username": ""}, "username"),
        ({"app": "x" * 501}, "app"),
        ({"search": " ".join("abcdefghijk")}, "search"),
    ],
)
def test_a_wrong_parameter_is_named(query: dict[str, str], path: str) -> None:
    assert refused(query) == [path]


def test_all_wrong_parameters_are_named_at_once() -> None:
    assert refused({"client_ip": "x", "since": "x", "filter": "("}) == ["since", "client_ip", "filter"]


def test_a_zone_that_lost_its_plus_in_the_query_string_is_understood() -> None:
    search = parse_search({"since": "2026-03-01T12:00:00 01:00"})

    assert search.since == datetime(2026, 3, 1, 11, tzinfo=UTC)


def test_a_moment_between_two_milliseconds_is_the_later_one() -> None:
    search = parse_search({"since": "2026-03-01T12:00:00.123456Z"})

    assert search.since == datetime(2026, 3, 1, 12, 0, 0, 124_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        "9999-12-31T23:59:59-01:00",
        "9999-12-31T23:59:59.999999Z",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_a_moment_at_the_end_of_time_is_one(given: str) -> None:
    """`For ever` is often written so: it was said to be no ISO 8601."""
    search = parse_search({"until": given})

    assert search.until is not None
    assert search.until.year in {1970, 9000}


def test_few_addresses_are_listed_and_many_are_not() -> None:
    assert parse_search({"client_ip": "10.0.0.1"}).addresses() == ("10.0.0.1",)
    assert len(parse_search({"client_ip": "10.0.0.0/28"}).addresses() or ()) == 16
    assert parse_search({"client_ip": "10.0.0.0/27"}).addresses() is None
    assert Search().addresses() is None


def test_only_action_and_app_are_of_counts() -> None:
    assert parse_search({"action": "login", "app": "shop", "since": "2026-01-01T00:00:00Z"}).is_of_counts
    assert not parse_search({"action": "login", "brand": "x"}).is_of_counts
    assert not parse_search({"client_ip": "10.0.0.1"}).is_of_counts
    assert not parse_search({"search": "x"}).is_of_counts


def test_searches_of_other_parameters_have_other_digests() -> None:
    digests = {
        parse_search(query).digest
        for query in ({}, {"app": "a"}, {"app": "b"}, {"brand": "a"}, {"app": "a", "brand": "b"}, {"limit": "5"})
    }

    assert len(digests) == 5


ACTIONS = st.sampled_from(["login", "logout", "custom_a", "custom_b"])
APPS = st.sampled_from(["shop", "wiki", "mail"])
PAIRS = st.lists(st.tuples(ACTIONS, APPS), max_size=30)


@given(
    pairs=PAIRS,
    query=st.fixed_dictionaries(
        {},
        optional={
            "action": st.sampled_from(["login", "custom_", "a", "log*", "a*", "*"]),
            "actions": st.sampled_from(["login,logout", "custom_,logout", "custom_a*,logout"]),
            "app": APPS,
        },
    ),
)
def test_what_is_counted_is_what_is_found(pairs: list[tuple[str, str]], query: dict[str, str]) -> None:
    search = parse_search(query)
    counts: dict[str, dict[str, int]] = {}
    for action, app in pairs:
        by_app = counts.setdefault(action, {})
        by_app[app] = by_app.get(app, 0) + 1

    screening = SearchFilter(search, NOW)
    found = [action for action, app in pairs if screening.admits(event(action=action, app=app))]

    assert search.counted(counts).total() == len(found)


def test_the_primary_key_of_a_user_may_look_like_a_uuid_and_be_none() -> None:
    almost = "z" * 32

    assert finds({"user_pk": almost}, user={"pk": almost})
    assert not finds({"user_pk": "0" * 32}, user={"pk": almost})


def test_an_address_that_is_none_is_in_no_network() -> None:
    assert not finds({"client_ip": "203.0.113.0/24"}, client_ip="unknown")


def test_words_are_looked_for_in_truths_and_numbers_and_never_in_nothing() -> None:
    context = {"sent": True, "count": 7, "nothing": None}

    assert finds({"search": "true 7"}, context=context)
    assert not finds({"search": "none"}, context=context)
    assert not finds({"search": "null"}, context=context)


def test_an_event_is_found_by_its_id() -> None:
    one = event()

    assert SearchFilter(parse_search({"search": one.id}), NOW).admits(one)
    assert SearchFilter(parse_search({"search": one.id[:13].upper()}), NOW).admits(one)
    assert not SearchFilter(parse_search({"search": one.id[:-1] + "~"}), NOW).admits(one)
