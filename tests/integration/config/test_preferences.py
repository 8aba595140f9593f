"""People's preferences over HTTP: one's own with the scope `notifications` alone, another's only by who configures."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.handler_calls import ALL_SCOPES, Answer
from tocsin.aws import clients
from tocsin.config.store import ConfigurationStore
from tocsin.identity.principal import Scope
from tocsin.telling.preferences import NOTHING_SAID, Preferences
from tocsin.telling.preferences_store import PreferencesStore

MINE = "/users/me/preferences"
NIGHT: dict[str, Any] = {"quiet_hours": [{"starts": "22:00", "ends": "07:00"}], "time_zone": "Europe/Berlin"}
RULE: dict[str, Any] = {"destination_group": "oncall", "transports": ["chat"], "bindings": [{"policy": "any"}]}
CONFIGURATION: dict[str, Any] = {
    "users": [{"username": "ana"}, {"username": "bob"}],
    "groups": [{"name": "crew", "children": ["oncall"]}, {"name": "oncall", "members": ["ana"]}],
    "transports": [
        {"name": "chat", "mode": "webhook", "url": "http://127.0.0.1:9/"},
        {"name": "mail", "mode": "email"},
    ],
    "policies": [{"name": "any", "kind": "event_matcher", "app": "shop"}],
    "rules": [
        RULE | {"name": "refunds"},
        RULE | {"name": "breaches", "can_be_muted": False, "severity": "alert"},
        RULE | {"name": "elsewhere", "destination_group": "crew", "transports": ["mail"]},
        RULE | {"name": "off", "enabled": False},
        {"name": "own", "destination_event_user": True, "bindings": [{"policy": "any"}]},
    ],
}


@pytest.fixture
def operator(stack: Stack) -> Api:
    made = Api.of(stack)
    assert made("PUT", "/blueprint", CONFIGURATION).status == 200
    return made


@pytest.fixture
def ana(operator: Api) -> Iterator[Api]:
    """The api function, for a key of ana's with nothing but the scope `notifications`."""
    known = operator.facts
    operator.facts = known | {"user": "ana", "key_name": "ana's", "scopes": Scope.NOTIFICATIONS}
    yield operator
    operator.facts = known


def errors(answer: Answer) -> dict[str, str]:
    assert answer.status == 422, answer.text
    return {error["path"]: error["message"] for error in answer.body["errors"]}


def as_operator(api: Api) -> dict[str, str]:
    return api.facts | {"user": "", "key_name": "ops", "scopes": ALL_SCOPES}


# ── one's own ────────────────────────────────────────────────────────────────


def test_who_said_nothing_has_nothing_said(ana: Api) -> None:
    assert (ana("GET", MINE).status, ana("GET", MINE).body) == (200, {})


def test_what_one_said_is_read_by_either_name(ana: Api) -> None:
    saved = ana("PUT", MINE, NIGHT)

    assert (saved.status, saved.body) == (200, NIGHT)
    assert ana("GET", MINE).body == ana("GET", "/users/ana/preferences").body == NIGHT
    assert ana("GET", MINE).etag == saved.etag


def test_a_reader_who_has_the_version_is_told_so(ana: Api) -> None:
    tag = ana("PUT", MINE, NIGHT).etag

    again = ana("GET", MINE, headers={"if-none-match": tag})

    assert (again.status, again.text) == (304, "")


def test_a_change_is_made_to_the_version_that_its_author_has_seen(ana: Api) -> None:
    seen = ana("GET", MINE).etag
    ana("PUT", MINE, NIGHT, headers={"if-match": seen})

    late = ana("PUT", MINE, {"locale": "de"}, headers={"if-match": seen})

    assert late.status == 412
    assert ana("GET", MINE).body == NIGHT


def test_putting_back_what_was_read_changes_nothing(ana: Api, stack: Stack) -> None:
    ana("PUT", MINE, NIGHT)
    events = len(stack.events())

    assert ana("PUT", MINE, ana("GET", MINE).body).body == NIGHT
    assert len(stack.events()) == events


def test_a_change_is_an_event(ana: Api, stack: Stack) -> None:
    ana("PUT", MINE, NIGHT)
    ana("PUT", MINE, {"locale": "de"})

    told = [event for event in stack.events() if event["context"].get("model", {}).get("model_name") == "preferences"]
    assert [event["context"]["message"] for event in sorted(told, key=lambda each: each["id"])] == [
        "ana's changed the preferences of ana"
    ] * 2
    last = max(told, key=lambda each: str(each["id"]))
    assert last["context"]["diff"]["locale"] == {"from": None, "to": "de"}
    assert last["context"]["diff"]["time_zone"] == {"from": "Europe/Berlin", "to": None}
    assert last["user"] == {"username": "ana"}


@pytest.mark.parametrize(
    ("said", "path", "message"),
    [
        ({"time_zone": "Europe/Atlantis"}, "time_zone", "there is no time zone 'Europe/Atlantis'"),
        ({"time_zone": "Etc"}, "time_zone", "there is no time zone 'Etc'"),
        ({"transports": {"pager": {}}}, "transports.pager", "there is no transport 'pager'"),
        ({"rules": {"nothing": {"muted": True}}}, "rules.nothing", "there is no rule 'nothing'"),
        ({"rules": {"breaches": {"muted": True}}}, "rules.breaches", "can't be muted: whoever configures rules"),
        ({"quiet_hours": [{"starts": "22:00"}]}, "quiet_hours[0].ends", "is required"),
        ({"wishes": 1}, "wishes", "is not a known field"),
    ],
)
def test_what_is_refused_is_named(ana: Api, said: dict[str, Any], path: str, message: str) -> None:
    (found,) = errors(ana("PUT", MINE, said)).items()

    assert (found[0], message in found[1]) == (path, True)
    assert ana("GET", MINE).body == {}


def test_what_was_said_of_what_is_gone_since_may_stay(ana: Api) -> None:
    said = {"rules": {"refunds": {"muted": True}}, "transports": {"mail": {"enabled": False}}}
    ana("PUT", MINE, said)
    without = CONFIGURATION | {"rules": [], "transports": []}
    assert ana("PUT", "/blueprint", without, facts=as_operator(ana)).status == 200

    assert ana("PUT", MINE, said | {"locale": "de"}).status == 200
    assert errors(ana("PUT", MINE, {"rules": {"refunds": {"muted_until": "2999-01-01T00:00:00Z"}}})).keys() == {
        "rules.refunds"
    }


def test_there_is_something_to_say_of_what_reaches_one(ana: Api) -> None:
    ana("PUT", MINE, {"transports": {"chat": {"min_severity": "warning"}}})

    shown = ana("GET", f"{MINE}/options").body

    assert shown["user"] == "ana"
    assert shown["effective"]["transports"]["chat"] == {
        "enabled": True,
        "min_severity": "warning",
        "at_once": False,
    }
    assert shown["rules"] == [
        {
            "name": "refunds",
            "severity": "notice",
            "can_be_muted": True,
            "transports": ["chat"],
            "because": {"group": "oncall", "own_events": False},
        },
        {
            "name": "breaches",
            "severity": "alert",
            "can_be_muted": False,
            "transports": ["chat"],
            "because": {"group": "oncall", "own_events": False},
        },
        {
            "name": "elsewhere",
            "severity": "notice",
            "can_be_muted": True,
            "transports": ["mail"],
            "because": {"group": "crew", "own_events": False},
        },
        {
            "name": "own",
            "severity": "notice",
            "can_be_muted": True,
            "transports": ["inbox"],
            "because": {"group": None, "own_events": True},
        },
    ]
    assert [each["name"] for each in shown["transports"]] == ["chat", "mail", "inbox"]


def test_who_is_told_by_a_step_has_something_to_say_too(ana: Api) -> None:
    step = {"after": "minutes=15", "destination_group": "oncall", "transports": ["mail"]}
    rule = {"name": "steps", "transports": ["chat"], "escalate": [step]}
    assert ana("PUT", "/blueprint", CONFIGURATION | {"rules": [rule]}, facts=as_operator(ana)).status == 200

    shown = ana("GET", f"{MINE}/options").body

    (reaching,) = shown["rules"]
    assert (reaching["transports"], reaching["because"]["group"]) == (["mail"], "oncall")
    assert [each["name"] for each in shown["transports"]] == ["mail"]


# ── another's ────────────────────────────────────────────────────────────────


def test_another_persons_are_neither_read_nor_changed(ana: Api) -> None:
    for method, path in (("GET", ""), ("PUT", ""), ("GET", "/options")):
        answer = ana(method, f"/users/bob/preferences{path}", {})

        assert (answer.status, "this needs the scope config:" in answer.text) == (403, True), (method, path)


def test_who_configures_reads_and_changes_anybodys(ana: Api) -> None:
    bobs = "/users/bob/preferences"
    facts = as_operator(ana)

    assert ana("PUT", bobs, NIGHT, facts=facts).status == 200
    assert ana("GET", bobs, facts=facts).body == NIGHT
    assert ana("GET", f"{bobs}/options", facts=facts).body["user"] == "bob"
    read_only = facts | {"scopes": "notifications config:read"}
    assert (ana("GET", bobs, facts=read_only).status, ana("PUT", bobs, {}, facts=read_only).status) == (200, 403)


def test_a_key_that_stands_for_nobody_says_whose(operator: Api) -> None:
    assert errors(operator("GET", MINE)) == {"person": "this key stands for nobody; say whose preferences"}


def test_there_are_none_of_somebody_who_is_not_there(operator: Api) -> None:
    for method in ("GET", "PUT"):
        assert operator(method, "/users/nobody/preferences", {}).status == 404


def test_a_name_with_signs_in_it_has_preferences(operator: Api) -> None:
    for name in ("o'brien@example.com", "DOMAIN\\jürgen", "a/b", "50%"):
        assert operator("PUT", f"/users/{name}", {}).status == 201, name

        assert operator("PUT", f"/users/{name}/preferences", {"locale": "de"}).status == 200, name
        assert operator("GET", f"/users/{name}/preferences", {}).body == {"locale": "de"}, name


@pytest.mark.parametrize("name", ["a/preferences", "a/preferences/options"])
def test_nobody_has_a_name_that_would_be_a_path_of_preferences(operator: Api, name: str) -> None:
    answer = operator("PUT", "/blueprint", {"users": [{"username": name}]})

    assert "/preferences" in errors(answer)["users[0].username"]


def test_nobody_is_called_as_who_asks_is(operator: Api) -> None:
    """The fault: what was said of the user `me` was said of who said it."""
    assert "stands for who asks" in errors(operator("PUT", "/users/me", {}))["username"]
    assert operator("PUT", "/groups/me", {}).status == 201


# ── defaults ─────────────────────────────────────────────────────────────────


def test_defaults_are_the_operators_and_hold_for_who_says_nothing(ana: Api) -> None:
    facts = as_operator(ana)
    settings = ana("GET", "/settings", facts=facts).body
    wanted = settings | {"preferences_defaults": NIGHT | {"transports": {"mail": {"min_severity": "alert"}}}}

    assert ana("PUT", "/settings", wanted, facts=facts).status == 200

    shown = ana("GET", f"{MINE}/options").body
    assert shown["defaults"] == wanted["preferences_defaults"]
    assert shown["effective"]["time_zone"] == "Europe/Berlin"
    assert ana("GET", MINE).body == {}


def test_defaults_that_nobody_could_say_are_refused(operator: Api) -> None:
    for said, at in (
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"quiet_hours": [{"starts": "22:00"}]}, "quiet_hours[0].ends"),
        ({"wishes": 1}, "wishes"),
        ([], None),
    ):
        settings = {"preferences_defaults": said}
        path = "preferences_defaults" if at is None else f"preferences_defaults.{at}"

        assert errors(operator("PUT", "/settings", settings)).keys() == {path}
        assert errors(operator("PUT", "/blueprint", {"settings": settings})).keys() == {f"settings.{path}"}


def test_defaults_of_another_version_hold_for_nobody_and_keep_nobody_from_reading_theirs(
    operator: Api, stack: Stack
) -> None:
    store = ConfigurationStore(stack.dynamodb, "config")
    version, configuration = store.current()
    settings = replace(configuration.settings, preferences_defaults={"of": "another version"})
    store.publish(configuration.changed(settings=settings), replacing=version, by="test")

    options = operator("GET", "/users/bob/preferences/options")

    assert (options.status, options.body["defaults"]) == (200, {})
    assert store.current()[1].settings.defaults == NOTHING_SAID  # so pages are in their readers' languages, too


# ── they go with their person ────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["alone", "blueprint"])
def test_they_go_with_their_person(operator: Api, way: str) -> None:
    operator("PUT", "/users/bob/preferences", NIGHT)
    others = [user for user in CONFIGURATION["users"] if user["username"] != "bob"]
    if way == "alone":
        assert operator("DELETE", "/users/bob").status == 200
        assert operator("PUT", "/users/bob", {}).status == 201
    else:
        assert operator("PUT", "/blueprint", CONFIGURATION | {"users": others}).status == 200
        assert operator("PUT", "/blueprint", CONFIGURATION).status == 200

    assert operator("GET", "/users/bob/preferences").body == {}


@pytest.mark.parametrize("way", ["alone", "blueprint"])
def test_who_comes_finds_none_that_somebody_left_behind(operator: Api, way: str) -> None:
    """A deletion that was cut short, or a change that crossed it."""
    store().change("new", lambda _: Preferences(locale="fr"))

    if way == "alone":
        operator("PUT", "/users/new", {})
    else:
        operator("PUT", "/blueprint", CONFIGURATION | {"users": [*CONFIGURATION["users"], {"username": "new"}]})

    assert operator("GET", "/users/new/preferences").body == {}


def test_what_crosses_the_deletion_of_its_person_is_taken_back(
    ana: Api, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tocsin.telling.preferences_store import PreferencesStore as Store

    change = Store.change

    def crossed(self: Store, username: str, how: Any, told: Any) -> Any:
        done = change(self, username, how, told)
        assert ana("DELETE", "/users/ana", facts=as_operator(ana)).status == 200
        change(self, username, how)  # as one that wrote after the deletion
        return done

    monkeypatch.setattr(Store, "change", crossed)

    assert ana("PUT", MINE, NIGHT).status == 404
    assert store().said("ana") is NOTHING_SAID


def store() -> PreferencesStore:
    return PreferencesStore(clients.dynamodb(), "config")
