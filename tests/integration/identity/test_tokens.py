"""Access tokens at the authorizer and at the API: who holds one, what they may, and what is told of them."""

from datetime import UTC, datetime, timedelta
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from tests.integration.api_calls import Api, request_event
from tests.integration.conftest import Stack
from tests.integration.identity.token_holders import SETTINGS, identify
from tests.token_issuer import AUDIENCE, Issuer
from tocsin.config.group_scopes import GroupScopesStore
from tocsin.http.request import Request
from tocsin.identity.principal import TOKEN_PREFIX, Scope, authorize

# ── who, and what they may ───────────────────────────────────────────────────


@pytest.mark.parametrize("kid", ["RS256-1", "ES256-1", "EdDSA-1"])
def test_a_user_may_what_their_groups_may_and_see_their_notifications(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api, kid: str
) -> None:
    end = int(datetime.now(UTC).timestamp()) + 100

    facts = identify(stack, authorizer, issuer.token(kid, exp=end))

    assert facts.pop("key_id").startswith(TOKEN_PREFIX)
    assert facts == {
        "key_name": "oidc:alice",
        "scopes": "events:read notifications",
        "user": "alice",
        "person": "alice",
        "expires": str(end),
    }


def test_the_facts_hold_text_alone(stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api) -> None:
    facts = identify(stack, authorizer, issuer.token())

    assert {type(value) for value in facts.values()} == {str}


def test_a_user_without_such_a_group_sees_their_notifications_alone(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    facts = identify(stack, authorizer, issuer.token(groups=["staff", "ONCALL", 5]))

    assert (facts["user"], facts["scopes"]) == ("alice", "notifications")


def test_whoever_is_no_user_and_in_no_such_group_may_nothing(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    facts = identify(stack, authorizer, issuer.token(preferred_username="mallory", groups=None))

    assert (facts["user"], facts["scopes"]) == ("", "")
    answer = api("GET", "/notifications", facts=facts)
    assert answer.status == 403
    assert "access token 'oidc:mallory' has none" in answer.body["detail"]


def test_whoever_is_no_user_may_what_their_groups_may(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    facts = identify(stack, authorizer, issuer.token(preferred_username="carol"))

    assert (facts["user"], facts["scopes"], facts["person"]) == ("", "events:read", "carol")


def test_before_anybody_configured_anything_no_group_gives_a_scope(
    stack: Stack, issuer: Issuer, authorizer: ModuleType
) -> None:
    assert identify(stack, authorizer, issuer.token(groups=["admins", "oncall"]))["scopes"] == ""


def test_an_inactive_user_is_refused_whatever_their_groups(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    facts = identify(stack, authorizer, issuer.token(preferred_username="ivy"))

    assert facts == {"error": "the user of this access token is not active"}


@pytest.mark.parametrize("username", [None, "", 5, ["alice"], "alice\n", " alice", "alice?", "x" * 256, {"a": "alice"}])
def test_a_name_that_no_user_can_have_stands_for_nobody(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api, username: Any
) -> None:
    facts = identify(stack, authorizer, issuer.token(preferred_username=username))

    assert (facts["user"], facts["person"], facts["key_name"]) == ("", "", "oidc:5f2c1d")


def test_the_subject_is_nobodys_username(stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api) -> None:
    """A client that may choose its id would otherwise choose a person's name."""
    facts = identify(stack, authorizer, issuer.token(preferred_username=None, sub="alice"))

    assert facts["user"] == ""


def test_one_holder_has_one_id_and_another_has_another(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    ids = [identify(stack, authorizer, issuer.token(sub=sub, exp=9_999_999_999))["key_id"] for sub in "aab"]

    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("variables", "claims", "user", "scopes"),
    [
        ({"OIDC_GROUPS_CLAIM": "cognito:groups"}, {"cognito:groups": ["oncall"], "groups": None}, "alice", True),
        ({"OIDC_GROUPS_CLAIM": "realm_access.roles"}, {"realm_access": {"roles": ["oncall"]}}, "alice", True),
        ({"OIDC_GROUPS_CLAIM": "https://example.com/g"}, {"https://example.com/g": ["oncall"]}, "alice", True),
        ({"OIDC_GROUPS_CLAIM": "role"}, {"role": "oncall", "groups": None}, "alice", True),
        ({"OIDC_GROUPS_CLAIM": "roles"}, {"roles": {"oncall": True}}, "alice", False),
        ({"OIDC_GROUPS_CLAIM": "sub.roles"}, {}, "alice", False),
        ({"OIDC_USERNAME_CLAIM": "username"}, {"username": "bob"}, "bob", True),
        ({"OIDC_USERNAME_CLAIM": "email"}, {"email": "alice", "email_verified": True}, "alice", True),
        ({"OIDC_USERNAME_CLAIM": "email"}, {"email": "alice", "email_verified": "true"}, "", True),
        ({"OIDC_USERNAME_CLAIM": "email"}, {"email": "alice"}, "", True),
    ],
    ids=str,
)
def test_the_claims_for_groups_and_username_are_the_deployers_choice(
    stack: Stack,
    issuer: Issuer,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    claims: dict[str, Any],
    user: str,
    scopes: bool,
) -> None:
    for name, value in ({"OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": AUDIENCE} | variables).items():
        monkeypatch.setenv(name, value)

    facts = identify(stack, stack.function("authorizer"), issuer.token(**claims))

    assert facts["user"] == user
    assert ("events:read" in facts["scopes"].split()) is scopes


@pytest.mark.parametrize("jump", [timedelta(seconds=5), timedelta(hours=9), timedelta(seconds=-5)])
def test_a_change_of_what_a_group_may_holds_at_once_and_when_the_clock_jumps(
    stack: Stack,
    issuer: Issuer,
    authorizer: ModuleType,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    jump: timedelta,
) -> None:
    """The fault: ages were by a clock that stands still while Lambda freezes the process."""
    now = datetime.now(UTC)
    clocked = partial(GroupScopesStore, clock=lambda: now)
    monkeypatch.setattr("tocsin.config.group_scopes.GroupScopesStore", clocked)
    before = identify(stack, authorizer, issuer.token())
    api("PUT", "/settings", {"group_scopes": [{"group": "oncall", "scopes": ["config:read", "events:write"]}]})
    held = identify(stack, authorizer, issuer.token())

    now += jump
    after = identify(stack, authorizer, issuer.token())

    assert before["scopes"] == held["scopes"] == "events:read notifications"
    assert after["scopes"] == "events:write config:read notifications"


# ── a person sees their own notifications only ───────────────────────────────


def test_a_person_sees_their_own_notifications_only(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    alice = identify(stack, authorizer, issuer.token(groups=[]))

    mine = api("GET", "/notifications", facts=alice)
    asked_for_mine = api("GET", "/notifications", query={"user": "alice"}, facts=alice)
    bobs = api("GET", "/notifications", query={"user": "bob"}, facts=alice)

    assert (mine.status, mine.body["user"]) == (200, "alice")
    assert asked_for_mine.status == 200
    assert bobs.status == 403


def test_whoever_may_read_all_events_sees_all_notifications(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    alice = identify(stack, authorizer, issuer.token(groups=["oncall"]))

    assert api("GET", "/notifications", query={"user": "bob"}, facts=alice).status == 200


# ── changes are told with the person's name ──────────────────────────────────


@pytest.mark.parametrize("username", ["alice", "carol"], ids=["a user", "no user here"])
def test_a_change_is_told_with_the_name_of_the_tokens_person(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api, username: str
) -> None:
    scopes = [{"group": "oncall", "scopes": ["config:write"]}]
    api("PUT", "/settings", {"group_scopes": scopes})
    facts = identify(stack, authorizer, issuer.token(preferred_username=username))

    assert api("PUT", "/groups/night", {}, facts=facts).status == 201

    (event,) = [event for event in stack.events() if event["context"].get("model", {}).get("pk") == "night"]
    assert event["user"] == {"username": username}
    assert event["context"]["by"] == f"oidc:{username}"


def test_a_change_of_what_groups_may_is_told_in_full(stack: Stack, api: Api) -> None:
    scopes = [{"group": "key-users", "scopes": ["config:write"]}]

    api("PUT", "/settings", {"group_scopes": scopes})

    changes = [event["context"]["diff"] for event in stack.events() if "diff" in event["context"]]
    assert {"from": SETTINGS["group_scopes"], "to": scopes} in [change["group_scopes"] for change in changes]


# ── the setting ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("group_scopes", "path"),
    [
        ([{"group": "a", "scopes": ["events:everything"]}], "group_scopes[0].scopes[0]"),
        ([{"group": "a", "scopes": []}], "group_scopes[0].scopes"),
        ([{"group": "", "scopes": ["events:read"]}], "group_scopes[0].group"),
        ([{"group": "a" * 201, "scopes": ["events:read"]}], "group_scopes[0].group"),
        ([{"group": "a"}], "group_scopes[0].scopes"),
        ([{"group": "a", "scopes": ["events:read"], "x": 1}], "group_scopes[0].x"),
        ({"a": ["events:read"]}, "group_scopes"),
        ([{"group": "a", "scopes": ["events:read"]}] * 2, "group_scopes[1].group"),
        ([{"group": f"{n}", "scopes": ["events:read"]} for n in range(201)], "group_scopes"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_setting_that_does_not_hold_is_refused_where_it_is_wrong(api: Api, group_scopes: Any, path: str) -> None:
    answer = api("PUT", "/settings", {"group_scopes": group_scopes})

    assert answer.status == 422
    assert path in [error["path"].removeprefix("settings.") for error in answer.body["errors"]]


def test_a_blueprint_carries_what_groups_may(api: Api) -> None:
    blueprint = api("GET", "/blueprint").body

    assert blueprint["settings"]["group_scopes"] == SETTINGS["group_scopes"]
    assert api("PUT", "/blueprint", blueprint).body["changed"] is False


def test_a_principal_of_a_token_is_read_from_its_facts(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    facts = identify(stack, authorizer, issuer.token())

    principal = authorize(Request.parse(request_event("GET", "/events", None, {}, None, facts)), Scope.EVENTS_READ)

    assert (principal.key_name, principal.user, principal.person) == ("oidc:alice", "alice", "alice")
